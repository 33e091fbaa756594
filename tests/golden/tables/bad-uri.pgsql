hosts = postgresql://mail:secret@127.0.0.1:1/mail?sslmod=require
user = mail
password = secret
dbname = mail
query = SELECT goto FROM alias WHERE address = '%s'
