"""local(8): deliver to Unix users: aliases, .forward files, mailboxes and commands.

    local unix - n n - - local

For each recipient, in this order:

    aliases           alias_maps, aliases(5)
    .forward          the first file of forward_path that exists; its lines are like the right side of an alias
    other transport   mailbox_transport_maps, mailbox_transport, also for names that are no user
    command           mailbox_command_maps, mailbox_command
    mailbox           home_mailbox, else mail_spool_directory; a Maildir where the name ends in "/"
    nobody there      fallback_transport_maps, fallback_transport, luser_relay; without them the mail bounces

Decisions are made on the bare local part, folded to lower case. With recipient_delimiter, user+ext is looked up first
and then user.

Addresses that are not local, that stand in a .forward or an :include: file, or whose alias has an owner- alias, become
one new message through cleanup(8), so that each has a status of its own; the recipient is done when cleanup has
confirmed. When any part of an expansion has to be tried again, nothing is forwarded and the whole recipient is tried
again.

A command gets the message on its standard input, after a From line and the headers Return-Path:, X-Original-To: and
Delivered-To:. It is executed directly, or through /bin/sh where its text has characters that are special to a shell
(local_command_shell: always through that). Exit status and output mean what they do for pipe(8).

Loops end at the Delivered-To: header of a message and at a nesting depth. Within one delivery nothing is delivered to
twice. What fails for good in a list that has an owner- alias is told to the owner, not to the sender of the message.

Rights: commands and files are run and written with the rights of the user whose .forward or mailbox it is, of the owner
of the alias table or :include: file, or of default_privs where that is root. A list that strangers may write to is
refused. Started without root's rights, everything happens as the present user.

Environment: commands see the names of export_environment, PATH, and these. A character that command_expansion_filter
does not have is replaced by an underscore.

    USER, LOGNAME        the user whose mail it is
    HOME, SHELL          of that user
    RECIPIENT            the whole address
    LOCAL, DOMAIN        its parts
    EXTENSION            the address extension
    ORIGINAL_RECIPIENT   the address before aliases
    SENDER               the envelope sender; empty for notices
    CLIENT_HOSTNAME      where the message came from; likewise CLIENT_ADDRESS, CLIENT_HELO, CLIENT_PROTOCOL
    SASL_USERNAME        who logged in to send it; likewise SASL_METHOD, SASL_SENDER

The names user, home, shell, recipient, extension, domain, local, mailbox and recipient_delimiter may be used as $name
in forward_path, luser_relay and command_execution_directory.

A maildirsize that is in a Maildir, because another program has a quota there, is kept right; local itself has none but
mailbox_size_limit.

Failures: a table, a user database or a disk that is out of order defers the mail. A mailbox that would exceed
mailbox_size_limit, a directory in the place of a file and an unknown user bounce.

See: aliases(5), pipe(8), virtual(8), cleanup(8), newaliases(1)
"""
