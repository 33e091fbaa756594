"""local - deliver to Unix users: aliases, .forward files, mailboxes and commands

For each recipient, in this order: alias_maps; the user's .forward (forward_path); mailbox_transport_maps and
mailbox_transport; mailbox_command_maps and mailbox_command; home_mailbox; mail_spool_directory. A name that is neither
an alias nor a user goes to fallback_transport_maps, fallback_transport or luser_relay, and bounces without them.
Decisions are made on the bare local part, folded to lower case.

An alias or .forward lists addresses, "|command", /file/name, ~/file/name and :include:/file/name. Addresses that are
not local, that stand in a .forward or an :include: file, or whose alias has an owner- alias, become one new message
through cleanup, so that each has a status of its own; the recipient is done when cleanup has confirmed. When any
part of an expansion has to be tried again, nothing is forwarded and the whole recipient is tried again.

Rights: commands and files are run and written with the rights of the user whose .forward or mailbox it is, of the owner
of the alias table or :include: file, or of default_privs where that is root. Started without root's rights,
everything happens as the present user.

Loops end at the Delivered-To: header of a message and at a nesting depth. Within one delivery nothing is delivered to
twice. What fails for good in a list that has an owner- alias is told to the owner, not to the sender of the message.
See: local(8), aliases(5).
"""
