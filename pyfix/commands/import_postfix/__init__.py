"""pyfix-import-postfix(1): make a configuration for pyfix out of one of Postfix's.

    pyfix import-postfix [DIR] [--to DIR2] [--accept NAME]... [--json]

Copies DIR, by default /etc/postfix, to DIR2, by default /etc/pyfix, and changes the copy so that pyfix runs with it.
DIR and its Postfix stay as they are. Comments, order and layout stay, too: a line that pyfix does not honour becomes a
comment below one that says why.

Lines that are not honoured: parameters, restrictions, types of tables and programs of master.cf that pyfix does not
have. Each is told of with file, line, reason and what was done.

    note       no mail goes another way
    warning    pyfix runs without it: mail is not encrypted, or some is refused or delivered in another way; it is left
               out
    error      Postfix refuses or encrypts something with it, or mail would wait or be lost: nothing is imported,
               unless --accept has the name of the parameter, the restriction or the service
    fatal      pyfix can't run with it, nor without it

What moves: queue_directory and data_directory, since two mail systems must not share a queue; files of Postfix's queue
are not read: let Postfix deliver them. Where myorigin names a file, as only Debian's Postfix has it, the name in it is
written. Paths in DIR are paths in DIR2. Indexes of hash: and btree: tables in DIR are
built anew from their sources. A table elsewhere, such as /etc/aliases, becomes an lmdb: table, whose index lies beside
that of Postfix: newaliases(1) of each mail system builds its own.

A port that is for encrypted sessions alone is closed. A restriction that permits clients is taken out of its list; one
that refuses them needs --accept.

DIR2 must not exist, or be empty. It appears with all that is in it, or not at all.

With --json: an object with imported, directory, changes_mail, and findings, which have severity, place, text and
remedy.

Exit status: 0 when it is imported, and mail goes as with Postfix; 2 when it is imported, and some mail will be refused,
taken or delivered in another way; 1 when nothing is imported.

Instead of a copy: `pyfix -c /etc/postfix check` lists the same for the directory as it is, and pyfix runs with it. Its
postmap(1) makes indexes there that Postfix can't read.

Example:

    pyfix import-postfix --accept smtpd_milters
    pyfix check && pyfix start

See: pyfix(1), pyfix-check(1), restrictions(5), master(5), lmdb_table(5), postmap(1)

Inside: run.py has the order; facts.py reads, plan.py decides, changes.py edits, directory.py writes.
"""
