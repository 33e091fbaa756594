hosts = unix:run/postgresql
user = mail
password = secret
dbname = mail
query = SELECT goto FROM alias WHERE address = '%s'
