"""virtual(8): deliver to mailboxes of addresses that need no Unix user.

    virtual unix - n n - - virtual

Looks each recipient up in virtual_mailbox_maps, virtual_uid_maps and virtual_gid_maps, as user+extension@domain,
user@domain, @domain, and writes the message with that user's rights below virtual_mailbox_base: a Maildir where the
location ends in "/", an mbox file otherwise. Aliases, forwarding and commands are not done here: see virtual(5) and
local(8).

Promise: a message is reported delivered when it is on stable storage.

Quotas are those of the VDA patch for Postfix, by its parameters. They are in force where virtual_mailbox_limit_maps has
tables, looked up as the others are:

    104857600S,1000C    bytes and messages (Courier, ExtMail, `pyfix user`)
    104857600           bytes
    0                   no limit
    -1, not found       virtual_mailbox_limit

Of an mbox this is the largest size of the file. Of a Maildir it is all that is in it and in its folders, without the
trash (virtual_trash_name, virtual_trash_count) and without messages with the flag T. maildirsize keeps the sum as
Maildir++ does, for Courier, Dovecot and ExtMail to read and to change; it is counted anew when it can't be believed.
Names of messages tell their sizes. A message that has no room is refused with virtual_maildir_limit_message: for good,
where it is larger than the limit or with virtual_overquota_bounce, otherwise until there is room or it is too old.
smtpd(8) refuses it before that, see quota-status(8). quota_warning(5) has what the owner is told.

Where this differs from the patch: limits of messages count; a value that is no number defers mail; without tables of
limits virtual_mailbox_limit is for each message, as in Postfix, unless virtual_maildir_extended is set; that is the
default where there are tables, and "no" counts the whole mailbox at each delivery; maildirsize follows the README of
Courier, where the patch rewrites it from its own sum; a mailbox of which virtual_mailbox_limit_inbox counts the inbox
only has none, and what is in tmp/ never counts.

With virtual_maildir_filter the owner of a Maildir may have mail moved, refused or thrown away: maildirfilter(5).

Rights: the process changes to the user of each mailbox, who must not be below virtual_minimum_uid. Tables are opened
before a chroot and read directly; a change of theirs ends the process after the present client. Started without
root's rights it writes everything as the user that runs it, and asks for no uid.

Failures: a recipient without a mailbox bounces, as does one whose mailbox would exceed virtual_mailbox_limit; in all
other trouble mail is deferred and the log says why: also where a limit can't be looked up, or another process keeps the
mailbox locked for ten seconds.

Example: two mailboxes of one domain

    # main.cf
    virtual_mailbox_domains = example.com
    virtual_mailbox_base = /var/mail/vhosts
    virtual_mailbox_maps = hash:/etc/pyfix/vmailbox
    virtual_uid_maps = static:5000
    virtual_gid_maps = static:5000

    # vmailbox
    info@example.com    example.com/info
    sales@example.com   example.com/sales/

Example: quotas of the accounts, and a warning at 80 and 95 percent

    virtual_mailbox_limit_maps = accounts:limits
    virtual_mailbox_limit_override = yes
    virtual_overquota_bounce = yes
    virtual_quota_warning_percents = 80 95

See: virtual(5), maildirfilter(5), quota_warning(5), accounts_table(5), quota-status(8), pyfix-quota(1),
local(8), qmgr(8)
"""
