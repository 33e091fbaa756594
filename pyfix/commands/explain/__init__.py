"""pyfix-explain(1): tell what becomes of mail for an address, and which lines of the configuration say so.

    pyfix [-c DIR] explain ADDRESS [--client IP] [--sender A] [--json]
    pyfix [-c DIR] explain ADDRESS --client IP --sasl USER [--json]

Prints how cleanup(8) rewrites the address, the class of its domain, transport and next hop, the mailbox and its
quota, and every table that is asked, with key and answer. For a client it prints first what smtpd(8) answers to RCPT
TO, which restriction decides, and where in main.cf or master.cf it stands; with --sasl as if the client had logged in,
which no client can in this release.

Nothing is asked of a running mail system, and nothing is changed: the rules are those of the processes, made of the
same files. What only a delivery can tell (rights, what a mailbox holds, the answer of a remote server, what a
.forward says) is not told. A user who may not read a table is told that it failed.

Exit status: 0 when there is an explanation, 1 for a configuration that can't be used.

Example:

    pyfix explain bob@example.com --client 192.0.2.1

See: pyfix(1), pyfix-check(1), restrictions(5), trivial-rewrite(8), postconf(5)

Inside:

    services.py   the configuration that each service of master.cf has; where a setting stands
    facts.py      what is found out
    rewriting.py  what cleanup makes of the address
    routing.py    class, transport and next hop
    delivery.py   what the delivery agent does: local.py, and virtual's mailbox
    client.py     what smtpd answers, and why; peer.py: who the client is
    gather.py     all of it together
    text.py       the facts as people read them
"""

from pyfix.commands.explain.gather import Question, explain
from pyfix.commands.explain.peer import BadClient, parse_client
from pyfix.commands.explain.text import show

__all__ = ["BadClient", "Question", "explain", "parse_client", "show"]
