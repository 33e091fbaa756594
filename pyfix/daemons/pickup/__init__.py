"""pickup(8): take mail from local users.

    pickup unix n - n 60 1 pickup

sendmail(1) connects to public/pickup and hands its message over. Every local user may connect: the kernel tells whose
process it is, so no program needs special rights, and authorized_submit_users decides who may submit. With pickup away,
sendmail leaves the message in maildrop/, if the rights of that directory allow; pickup takes what lies there when the
master wakes it and when it is told to look. A queue file in maildrop was put there by `postsuper -r` and is submitted
again.

Each message gets its Received: header here, and the one log line that names the user. One process serves all users at
once; a user who is slow delays nobody, and has a limit of connections. Control characters in an address, an envelope id
or a name are refused. authorized_flush_users decides whose request to try the queue is passed on to qmgr(8).

Failures: they are told to sendmail. A file in maildrop stays there while the trouble is temporary; one that makes no
sense, or that is refused for good, is moved to corrupt/ with a warning. A message that is good but can't be delivered
is queued to bounce.

See: sendmail(1), postqueue(1), postsuper(1), cleanup(8)

Inside: sendmail sends LocalSubmit, the content in ContentChunks, and ContentEnd; pickup answers Submitted. A file in
maildrop has the same messages (mail/queue/maildrop.py), player.py plays it. connection.py counts, mail/message/flaws.py
knows what is refused.
"""
