"""pop3d(8): serve mailboxes over POP3, to clients that have logged in.

    pop3d unix - n n - - pop3d

Takes over sessions from pop3-login(8), which has talked to the client until then: the connection to the client itself,
or, where it is encrypted, one to pop3-login, which goes on to encrypt. What comes along is a ticket of auth(8). Whose
mailbox it is, where it is and with which rights it is opened, auth tells in exchange for the ticket, once.

One process serves many sessions on an event loop. A message is read and sent in pieces, never held whole; a long
listing is made while it is sent. What takes long, opening a mailbox and removing messages, is done in threads.

Promise: messages are removed at QUIT, and at no other end of a session. "+OK Logging out, messages deleted." means that
they are gone. A message that can't be read is refused with -ERR, and the session goes on.

Two sessions of one mailbox: the second gets "-ERR [IN-USE]" after ten seconds, unless the first has ended by then;
with "pop3_lock_session = no" both go on, and what one removes the other finds expunged. The lock is Dovecot's.

Rights: the process begins as root, and uses files with the user id, the group id and the groups of the mailbox's owner,
in that thread alone, around each operation. Mailboxes of root are not opened. Sessions come from processes of root and
mail_owner only. Where the mail system is run by an ordinary user, all is done with that user's rights.

Failures: auth that can't be asked, a mailbox that can't be opened: -ERR [SYS/TEMP], and a line in the log that says
what to do. The log tells the end of each session in Dovecot's words (pop3_logout_format):

    pop3(alice)<721><Wr1kz0>: Disconnected: Logged out
        top=0/0, retr=1/512, del=1/3, size=8127

Standards: RFC 1939, 2449, 3206, 6856; LAST with pop3_enable_last.

Different from Dovecot: sessions lock the mailbox unless told otherwise, as RFC 1939 asks. pop3_delete_type,
pop3_fast_size_lookups, pop3_reuse_xuidl, pop3_save_uidl and pop3_uidl_format are not there.

See: pop3-login(8), auth(8), postconf(5)

Inside:

    arrival.py    a session that arrives: who gives it, the ticket, limits
    session.py    the bytes of one client: performs what proto/pop3/transaction.py decides
    sending.py    a message on its way to the client
    box.py        the mailbox (mail/mailbox/reading), used with its owner's rights
    summary.py    the line at the end
"""
