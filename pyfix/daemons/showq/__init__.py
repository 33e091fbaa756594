"""showq: list the mail queue.

`ListQueue` is answered by one `QueueEntry` a message, queue by queue in the order maildrop, active, incoming, deferred,
hold, and `QueueEnd`. Every local user may ask the process; `authorized_mailq_users` is obeyed by postqueue.

Failures: a message that can't be read is left out, with a warning.
"""
