"""proxymap(8): opens lookup tables for all processes.

Looks keys up for processes that name a table as proxy:type:name (proxy_table(5)): because they are in a chroot and do
not see it, or so that not each of them has a connection to the database server. Two services of master(5) run it:

    proxymap     tables that proxy_read_maps lists, to be read
    proxywrite   tables that proxy_write_maps lists, to be changed, one process at the most

A table is opened when somebody first asks for it, and stays open for all. One process serves many clients; where one
is not enough the master starts more, up to the limit in master.cf, which is none of clients, and one for each
processor. Tables that have to wait for a server are asked in threads, up to four at a time for each table, and nobody
else waits for them: a database server has four connections at the most from each process.

Requests: open, lookup, update, delete and sequence, of other processes over a socket in private/. update and delete
change the index of hash:, btree: and lmdb: tables. With proxywrite "postmap -d key proxy:hash:/file" removes a key.

Rights: those of mail_owner. What mail_owner can't read is no use here. Never asked where the answer decides about
commands, files or user ids.

Failures: a table that is not listed is refused, with a warning that says what to list where; the client's mail waits.
So it does while a table can't be opened or asked. When the file of a table changes the process finishes, and another
takes its place.

See: proxy_table(5), lookup_tables(5), master(5), postconf(5), postmap(1)

Inside: tables.py has the tables and answers requests, daemon.py keeps them in order.
"""
