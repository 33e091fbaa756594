"""pipe - deliver mail to a command

Each service of this program in master.cf, under any name, describes one command in its arguments: user=, flags=, eol=,
size=, null_sender=, directory=, chroot= and at last argv=. The command gets the message on its standard input, never
through a shell, with the rights of user=; macros such as ${recipient} in its arguments are replaced, and an argument
with a recipient macro is repeated for every recipient of the request.

What a command's end means is told by sysexits.h or by an enhanced status code at the beginning of its output. It may
take <service>_time_limit. A mistake in the arguments ends the process with a message that names the service.
Different from Postfix: with flag D or O a request for several recipients runs the command once for each, where Postfix
demands <service>_destination_recipient_limit = 1. Started without root's rights, everything runs as the present
user, and user= is only a name.
See: pipe(8).
"""
