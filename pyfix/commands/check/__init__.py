"""pyfix-check(1): find what would go wrong, before mail does.

    pyfix [-c DIR] [-v] check [--json]

Looks for these, and lists what it finds. It creates missing directories of the queue, and changes nothing else.

    not honoured  parameters, restrictions, tables and programs that pyfix lacks
    parameters    values, references, names that nothing reads
    files         owners and rights; who else may write; what is damaged
    tables        that can't be opened, that are stale, that all may write, that proxymap(8) is asked for in vain
    classes       domains in two; entries that take the mail of mailboxes
    open relays   networks and lists that let strangers relay
    routes        transports, services and commands that are not there
    ports         two services on one, out of reach, of another protocol
    accounts      a file that others read, names that lead nowhere
    passwords     who checks them (auth_backends(5)); back ends that can't be opened
    mailboxes     what keeps clients of pop3-login(8) from them
    certificates  expired or about to; keys of another, or open to all; services that can't encrypt

Whether strangers may relay is also tried, with two of them, as pyfix-explain(1) does.

    note: ...      a line that is not honoured, and that no mail misses
    warning: ...   what will surprise somebody
    error: ...     what lets mail through, holds it up or loses it, and should not
    fatal: ...     what keeps the mail system from starting

A line names the file and the line, what is there, and what to do about it.

What Postfix would refuse, filter or encrypt, and pyfix can't, is an error; the mail system does not start with it
unless `run_without` in main.cf names the parameter.

With --json: a list of objects with severity, place, text and remedy.

Exit status: 1 when there is an error or a fatal, 0 otherwise.

See: pyfix(1), pyfix-explain(1), postconf(1), postconf(5), master(5)

Inside: instance.py has the order; each of the others one kind of finding; ../review/ what is not honoured.
"""

from pyfix.commands.check.honour import LossRefused, refuse_losses

__all__ = ["LossRefused", "refuse_losses"]
