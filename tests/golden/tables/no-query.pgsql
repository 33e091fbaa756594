hosts = 127.0.0.1:1
user = mail
password = secret
dbname = mail
