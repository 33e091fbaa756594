"""smtpd: receive mail over SMTP.

Promise: a message answered with `250 2.0.0 Ok: queued as ID` is on stable storage and belongs to the queue. Nothing
is answered so before cleanup says it, and whatever goes wrong before leaves no file behind. With an unchanged
configuration the server relays for nobody but `mynetworks`.

One process serves thousands of clients on an event loop. A slow client costs some memory and nothing else:
a body of up to 256 KiB (4 KiB when all sessions together hold 64 MiB) is gathered in memory, a larger one goes piece by
piece into the queue file, and only a complete body takes one of the few connections to cleanup.

    connection.py    bytes in, replies out, timeouts (deadlines.py); session.py lines, counts, limits
    verbs.py         the command table; envelope.py and message.py the commands that do the work
    (mail/smtp)      the arguments of MAIL and RCPT, the address in them, the texts of replies: shared with sendmail -bs
    dataend.py       where a message ends (CRLF.CRLF), dots and line ends on the way
    restrictions/    who may do what: pure, asks questions that answers.py carries to tables and to trivial-rewrite
    transaction.py   one mail transaction and its queue file; content.py receives its content
    replies.py       every text that a client can see; log.py every line about it
    trouble.py       the class of a refusal: what of notify_classes makes the postmaster get a transcript (mail/notices)

Standards: RFC 5321, 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 3461 (DSN), 6152 (8BITMIME), 6531 (SMTPUTF8),
2034. Not built: STARTTLS, AUTH, XCLIENT, XFORWARD, milters, policy and proxy services, client rate limits: neither
announced nor accepted. ETRN is answered as Postfix answers it for a domain that is not in fast_flush_domains.
See: smtpd(8), postconf(5) for the parameters; params.py lists them.
"""
