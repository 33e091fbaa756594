"""virtual(8): deliver to mailboxes of addresses that need no Unix user.

    virtual unix - n n - - virtual

Looks each recipient up in virtual_mailbox_maps, virtual_uid_maps and virtual_gid_maps, as user+extension@domain,
user@domain, @domain, and writes the message with that user's rights below virtual_mailbox_base: a Maildir where the
location ends in "/", an mbox file otherwise. Aliases, forwarding and commands are not done here: see virtual(5) and
local(8).

Promise: a message is reported delivered when it is on stable storage.

Rights: the process changes to the user of each mailbox, who must not be below virtual_minimum_uid. Tables are opened
before a chroot and read directly; a change of theirs ends the process after the present client. Started without
root's rights it writes everything as the user that runs it, and asks for no uid.

Failures: a recipient without a mailbox bounces, as does one whose mailbox would exceed virtual_mailbox_limit; in all
other trouble mail is deferred and the log says why.

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

See: virtual(5), local(8), qmgr(8)
"""
