"""showq: list the mail queue.

`ListQueue` is answered by one `QueueEntry` a message, queue by queue in the order maildrop, active, incoming, deferred,
hold, and `QueueEnd`. Every local user may connect; authorized_mailq_users decides who is answered, and root and the
owner of the process always are.

Failures: a message that can't be read is left out, with a warning.
"""
