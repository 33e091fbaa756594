"""bounce(8), defer(8), trace(8): delivery status reports.

    bounce unix - - n - 0 bounce
    defer  unix - - n - 0 bounce
    trace  unix - - n - 0 bounce

Keeps, for each message, a log of what became of its recipients, and turns the log into a notice. One program serves
three lines of master.cf:

    bounce   recipients that failed; the notice is the non-delivery notification, and the log goes with it
    defer    recipients that wait; the notice is the delay warning, and the log stays until qmgr(8) drops it
    trace    recipients that were delivered or probed; the notice is a success or verification report

What each of them is for follows from bounce_service_name, defer_service_name and trace_service_name.

The sender hears of what failed; notify_classes says of what the postmaster hears, too: a notice that can't be delivered
is told to 2bounce_notice_recipient. What fails then is discarded, so that notices never go round in circles.

Promise: a record is on stable storage before it is answered for, and a log is removed only after cleanup(8) has
confirmed the notice. Killed at any moment in between, at worst a second notice is sent.

Standards: RFC 3461, 3464, 3834, 6522, 6533.

Failures: every error is temporary: the log stays, and qmgr asks again. A record torn by a crash is passed over with a
warning. A notice is sent even when the log or the message can't be read.

See: bounce(5), qmgr(8), cleanup(8)

Inside: who is told what (decide.py), what a notice looks like (notice.py, report.py, template.py), how it is submitted
(submission.py) and how the logs lie on disk (recipient_log.py) are separate, and all but the last two are pure.
"""
