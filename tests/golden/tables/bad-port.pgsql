hosts = 127.0.0.1:70000
user = mail
password = secret
dbname = mail
query = SELECT goto FROM alias WHERE address = '%s'
