hosts = postgresql://mail:secret@127.0.0.1:1/mail
user = mail
password = secret
dbname = mail
query = SELECT goto FROM alias WHERE address = '%s'
