"""virtual - deliver to mailboxes of addresses that need no Unix user

Looks each recipient's full address up in virtual_mailbox_maps, virtual_uid_maps and virtual_gid_maps, and writes the
message with that user's rights: a Maildir where the location ends in "/", an mbox file otherwise. Started without
root's rights it writes everything as the user that runs it, and asks for no uid.

A recipient without a mailbox bounces, as does one whose mailbox would exceed virtual_mailbox_limit; in all other
trouble mail is deferred and the log says why. A message is reported delivered when it is on stable storage. Aliases,
forwarding and commands are not done here: see virtual_alias_maps, local.

Tables are opened before a chroot and read directly; a change of theirs ends the process after the present client.
"""
