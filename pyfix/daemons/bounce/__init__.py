"""bounce - delivery status reports

Keeps, for each message, a log of what became of its recipients, and turns the log into a notice. One program serves
three lines of master.cf, and the name of the line tells which directory its logs are in:

    bounce  recipients that failed; the notice is the non-delivery notification, and the log goes with it
    defer   recipients that wait; the notice is the delay warning, and the log stays until qmgr drops it
    trace   recipients that were delivered or probed; the notice is a success or verification report

Promise: a record is on stable storage before LogRecipient is answered, and a log is removed only after cleanup has
confirmed the notice. Killed at any moment in between, at worst a second notice is sent.

Failures: every error is temporary. The request is answered with Refused, the log stays, qmgr asks again. A record
torn by a crash is passed over with a warning. A notice is sent even when the log or the message can't be read.

Who is told what (decide.py), what a notice looks like (notice.py, report.py, template.py), how it is submitted
(submission.py) and how the logs lie on disk (recipient_log.py) are separate, and all but the last two are pure.

See: bounce(8), bounce(5); RFC 3461, 3464, 3834, 6522, 6533.
"""
