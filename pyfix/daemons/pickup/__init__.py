"""pickup: take mail from local users.

`sendmail` connects to public/pickup and sends LocalSubmit, the content in ContentChunks, and ContentEnd; pickup answers
Submitted. Every local user may connect: the kernel tells whose process it is, so no program needs special rights. With
pickup away, sendmail records the same messages in a file in maildrop/, if the rights of that directory allow; pickup
plays those files when the master wakes it and when it is triggered (mail/queue/maildrop.py has their format). A queue
file in maildrop was put there by `postsuper -r` and is submitted again.

Each message gets its Received: header here, and the one log line that names the user. authorized_submit_users decides
who may submit. One process serves all users at once; a user who is slow delays nobody, and has a limit of connections
(connection.py). Control characters in an address, an envelope id or a name are refused (mail/message/flaws.py).

Failures: told to sendmail in Submitted. A file in maildrop stays there while the trouble is temporary; one that makes
no sense, or that is refused for good, is moved to corrupt/ with a warning. A message that is good but can't be
delivered is queued to bounce.
"""
