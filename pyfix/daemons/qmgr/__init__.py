"""qmgr: the queue manager.

Takes complete messages from incoming/ (and from deferred/ when their time has come) into active/, asks trivial-rewrite
where each recipient goes, hands requests to the delivery agents, and does with the outcomes what has to be done:
records them with the bounce, defer and trace services, removes the message or puts it off.

    incoming ──hint or scan──> active ──resolve──> transport: jobs ──> destination: window ──> agent connection
    deferred ──scan──────────>                                                                      │
        ^                         finish <── record (bounce, defer, trace) <── outcomes <───────────┘

Promise: a message leaves active/ only when every recipient is done or recorded, and every notice about it is queued;
whatever is killed at whatever point, the next start finds the file and goes on. A delivery that was in flight at a
kill may be repeated. Memory is bounded by qmgr_message_active_limit and qmgr_message_recipient_limit.

Failures: a service that can't be reached is a temporary error of the recipients that needed it. A corrupt queue file
goes to corrupt/ with a warning, and so does one that is not ours to read; one that can't be read now (a disk, memory)
is deferred. No file stops the others (trouble.py).

Listens on public/qmgr for Arrived (a hint from cleanup) and Trigger: "scan" incoming, "deferred" for what is due,
"flush" for everything, "release ID" for one deferred message. A hint from a process of another user is only a reason
to scan. Exactly one qmgr runs; max_idle and max_use do not apply. It reads no content, and logs a delivery only for
recipients that no agent can take.

Different from Postfix: jobs of a transport take turns instead of preempting each other (scheduler.py says why), so
the *_delivery_slot_* parameters do not exist; agents report to qmgr, which talks to bounce, defer and trace for them.

See: daemon.py (wiring), scheduler.py (who is next; pure), destination.py (how much at once; pure), active.py (what is
in work), dispatch.py (requests and answers), deliver.py (connections), record.py and finish.py (bookkeeping).
"""
