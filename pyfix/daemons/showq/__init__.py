"""showq(8): list the mail queue.

    showq unix n - n - - showq

Answers mailq(1) and postqueue(1): queue by queue in the order maildrop, active, incoming, deferred, hold. Every local
user may connect; authorized_mailq_users decides who is answered, and root and the owner of the process always are.

Failures: a message that can't be read is left out, with a warning.

See: postqueue(1), mailq(1), qmgr(8)

Inside: ListQueue is answered by one QueueEntry a message, and QueueEnd.
"""
