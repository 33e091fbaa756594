r"""pipe(8): deliver mail to a command.

    maildrop unix - n n - - pipe
        flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}

Each service of this program in master.cf, under any name, describes one command in its arguments. The command gets the
message on its standard input, never through a shell, and may take as long as the parameter with the name of the service
and _time_limit says.

    user=name:group    whose rights the command has; required; the group is that of the user unless it is given
    argv=command...    the command and its arguments; required, and last
    flags=letters      see below
    directory=path     the working directory; the queue directory otherwise
    chroot=path        the root directory, for a mail system that runs as root
    eol=text           what ends a line; C escapes such as \r\n are known; \n otherwise
    null_sender=name   what ${sender} is for notices; MAILER-DAEMON otherwise
    size=bytes         messages that are larger bounce

The letters of flags:

    B   write an empty line behind the message
    D   write a Delivered-To: header; a recipient whose address stands in one already bounces
    F   write a From line ahead of the message
    O   write an X-Original-To: header
    R   write a Return-Path: header
    X   the command is the end of the way: success is reported as delivered, not as relayed
    h   fold domains to lower case
    q   quote addresses in arguments as RFC 5321 has them
    u   fold local parts to lower case
    .   put a dot before lines that begin with one
    >   put > before lines that begin with From and a blank

Macros in the arguments, as ${name}, $(name) or $name; an argument that names a recipient is repeated for every
recipient of the request:

    recipient            the address
    original_recipient   the address before aliases
    user, extension      the parts of its local part, at recipient_delimiter
    mailbox              the local part
    domain               the domain
    sender               the envelope sender
    nexthop              the next hop
    queue_id, size       of the message
    client_address       where it came from; likewise client_helo, client_hostname, client_port, client_protocol
    sasl_username        who logged in to send it; likewise sasl_method, sasl_sender

Results: output that begins with a 4.X.X or 5.X.X code decides, else the exit status does.

    0        delivered
    64, 66   (usage, input) bounces with 5.3.0; so do 69, 70, 72, 74
    65       bounces with 5.6.0
    67, 68   (no such user, no such host) bounces with 5.1.1, 5.1.2
    71, 75   (system error, temporary failure) is tried again; so is a command that a signal has killed
    73       bounces with 5.2.0
    76       bounces with 5.5.0
    77       bounces with 5.7.0
    78       bounces with 5.3.5
    others   bounce with 5.3.0, as does a command that exceeds its time

Rights: neither root nor mail_owner can be the user of a command. Started without root's rights, everything runs as the
present user, and user= is only a name.

Failures: a mistake in the arguments ends the process with a message that names the service. A command that can't be
started defers the mail.

Different from Postfix: with flag D or O a request for several recipients runs the command once for each, where Postfix
demands a destination_recipient_limit of 1 for the service.

See: master(5), transport(5), local(8), qmgr(8)
"""
