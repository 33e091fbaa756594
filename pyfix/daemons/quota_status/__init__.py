"""quota-status(8): tell whether a mailbox has room for a message, before the message is there.

    quota-status unix - n n - - quota-status

smtpd(8) asks it for each recipient in virtual_mailbox_domains that the transport virtual delivers to, behind all
restrictions, where quotas are in force (virtual_mailbox_limit_maps; see virtual(8)). A recipient whose mailbox is full,
or has no room for the size that MAIL FROM announces, is refused at RCPT TO, so that there is nothing to be returned:

    452 4.2.2 <a@example.com>: Recipient address rejected: Sorry, ...

The code is 552 5.2.2 with virtual_overquota_bounce, and for a message larger than the whole quota; the text is
virtual_maildir_limit_message. What is an alias of anything but itself is not asked about: its mail goes elsewhere, or
elsewhere as well. smtpd_reject_overquota_recipient = no turns this off.

Nobody waits long for an answer: after smtpd_overquota_timeout, or where this service is not there, mail is taken, and
virtual(8) decides. The mailbox may fill up between the answer and the delivery, too.

Rights: the process takes on those of the owner of each mailbox while it looks. It changes nothing there but
maildirsize, where that has to be counted anew.

Failures: what can't be told (a table that can't be asked, a mailbox that can't be read) is logged, and the answer is
that there is room.

See: virtual(8), smtpd(8), postconf(5)
"""
