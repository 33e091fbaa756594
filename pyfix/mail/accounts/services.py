"""What an app password is good for, by the names of the protocols: smtp, pop3, imap.

smtp is what ExtMail calls smtpd: sending with a login. Stored as "smtp,pop3"; nothing is everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyfix.mail.accounts.records import Service

PROTOCOLS: Final = {
    "smtp": Service.SENDING,
    "pop3": Service.POP3,
    "imap": Service.IMAP,
    "webmail": Service.WEBMAIL,
}


def parse_services(text: str) -> frozenset[Service]:
    """Return the services in a list of protocols; raises ValueError."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown:
        raise ValueError(f'no protocol "{unknown[0][:40]}"; specify some of {" ".join(PROTOCOLS)}')
    return frozenset(PROTOCOLS[name] for name in names)


def stored_services(services: Iterable[Service]) -> str:
    """Return the list of protocols, in their usual order."""
    given = set(services)
    return ",".join(name for name, service in PROTOCOLS.items() if service in given)
