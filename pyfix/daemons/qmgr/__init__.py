"""qmgr(8): the queue manager.

    qmgr unix n - n 300 1 qmgr

Takes complete messages from incoming/ (and from deferred/ when their time has come) into active/, asks
trivial-rewrite(8) where each recipient goes, hands requests to the delivery agents, and does with the outcomes what has
to be done: records them with the bounce, defer and trace services, removes the message or puts it off.

    incoming --hint, scan--> active --resolve--> transport
    deferred --scan--------->                       |
        ^                                      destination
        |                                           |
      finish <--bounce, defer, trace <--outcomes-- agent

A deferred message is tried again after a time that grows with its age, between minimal_backoff_time and
maximal_backoff_time, and goes back to its sender after maximal_queue_lifetime. How many deliveries to one destination
run at once starts with initial_destination_concurrency and follows what becomes of them.

Listens on public/qmgr: cleanup(8) tells of new mail, postqueue(1) asks for a try of one message or of all, and
postsuper(1) for a look at what it has released. A hint from a process of another user is only a reason to scan. Exactly
one qmgr runs; max_idle and max_use do not apply.

Promise: a message leaves active/ only when every recipient is done or recorded, and every notice about it is queued;
whatever is killed at whatever point, the next start finds the file and goes on. A delivery that was in flight at a
kill may be repeated. Memory is bounded by qmgr_message_active_limit and qmgr_message_recipient_limit.

Rights: it runs as mail_owner, reads no content, and logs a delivery only for recipients that no agent can take.

Failures: a service that can't be reached is a temporary error of the recipients that needed it. A corrupt queue file
goes to corrupt/ with a warning, and so does one that is not ours to read; one that can't be read now (a disk, memory)
is deferred. No file stops the others.

Different from Postfix: jobs of a transport take turns instead of preempting each other, so the *_delivery_slot_*
parameters do not exist; agents report to qmgr, which talks to bounce, defer and trace for them.

See: trivial-rewrite(8), bounce(8), cleanup(8), transport(5), postqueue(1)

Inside: daemon.py (wiring), scheduler.py (who is next; pure), destination.py (how much at once; pure), active.py (what
is in work), dispatch.py (requests and answers), deliver.py (connections), record.py and finish.py (bookkeeping),
recycle.py (removal), trouble.py (a file that makes trouble). Messages on public/qmgr: Arrived (a hint from cleanup) and
Trigger: "scan" incoming, "deferred" for what is due, "flush" for everything, "release ID" for one deferred message.
"""
