hosts = 127.0.0.1:1
user = mail
password = secret
dbname = mail
query = SELECT goto FROM alias WHERE address = '%s'
timeout = 10s
