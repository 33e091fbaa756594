"""smtpd(8): receive mail over SMTP.

    smtp inet n - n - - smtpd

Takes mail from the network, asks for each command whether it is allowed (restrictions(5)), and gives every complete
message to cleanup(8).

One process serves thousands of clients on an event loop. A slow client costs some memory and nothing else:
a body of up to 256 KiB (4 KiB when all sessions together hold 64 MiB) is gathered in memory, a larger one goes piece by
piece into the queue file, and only a complete body takes one of the few connections to cleanup.

Arguments of the service in master.cf are `-o name=value` and `-v`, as for all processes (master(5)).

Promise: a message answered with `250 2.0.0 Ok: queued as ID` is on stable storage and belongs to the queue. Nothing
is answered so before cleanup says it, and whatever goes wrong before leaves no file behind.

Rights: with an unchanged configuration the server relays for nobody but `mynetworks`. A main.cf whose restrictions keep
nobody from relaying is refused: no client is served. The process runs as mail_owner, and may be chrooted.

Failures: what a client did wrong is answered with a 5XX code, what it may try again with a 4XX code; the log has the
reason in full, the client sees neither paths nor tables. A table or a neighbour that can't be asked is
`451 4.3.0`, a full disk `452 4.3.1`, a mistake in main.cf `451 4.3.5`. Classes of trouble that are in notify_classes
bring the postmaster a transcript of the session.

TLS: with smtpd_tls_security_level = may clients may encrypt (STARTTLS), with encrypt they must; with
smtpd_tls_wrappermode TLS comes first. Keys are read with root's rights when the process starts. Where they can't be
used, TLS is refused with 454 4.7.0, the log says why, and mail in the clear goes on.

A recipient whose mailbox has no room is refused with 552 5.2.2 or 452 4.2.2, behind all restrictions: quota-status(8).

Logins (AUTH, smtpd_sasl_auth_enable): the credentials go to auth(8), or with smtpd_sasl_type = dovecot to the server
behind smtpd_sasl_path, and smtpd remembers who it was until the session ends. A service that is away costs those who
want to log in `454 4.7.0`; others are served as ever.

Standards: RFC 5321, 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 3461 (DSN), 6152 (8BITMIME), 6531 (SMTPUTF8),
2034 (ENHANCEDSTATUSCODES), 3207 (STARTTLS), 3848, 4954 (AUTH).

Limits (smtpd_client_*_limit, smtpd_login_*_rate_limit): how much a client, or somebody who has logged in, may do in a
time, counted by anvil(8) for all processes. Where anvil can't be asked, nobody is limited, and the log says so.

Not built: XCLIENT, XFORWARD, milters, policy and proxy services: neither announced nor accepted. ETRN is answered as
Postfix answers it for a domain that is not in fast_flush_domains.

See: restrictions(5), access(5), cleanup(8), trivial-rewrite(8), quota-status(8)

Inside:

    connection.py    bytes in, replies out, timeouts (deadlines.py); session.py lines, counts, limits
    verbs.py         the command table; envelope.py and message.py the commands that do the work
    auth.py          AUTH; logins.py the auth service as sessions see it (mail/sasl)
    limits.py        what is too much: anvil is asked
    (mail/smtp)      the arguments of MAIL and RCPT, the address in them, the texts of replies: shared with sendmail -bs
    encryption.py    STARTTLS and the wrapper mode; keys, rules and the layer over memory are in mail/tls
    dataend.py       where a message ends (CRLF.CRLF), dots and line ends on the way
    restrictions/    who may do what: pure, asks questions that answers.py carries to tables and to trivial-rewrite
    transaction.py   one mail transaction and its queue file; content.py receives its content
    replies.py       every text that a client can see; log.py every line about it
    trouble.py       the class of a refusal: what of notify_classes makes the postmaster get a transcript (mail/notices)
"""
