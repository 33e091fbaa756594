"""POP3: whom pop3-login gives its sessions to, and whether that process can read the mailboxes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.pop3 import AUTH_SOCKET

_LOGIN = "pop3-login"
_NAME = "pop3d_service_name"


def check_pop3(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield what keeps clients of POP3 from their mail."""
    services = {(entry.name, entry.type): entry for entry in entries}
    for login in entries:
        if login.program == _LOGIN:
            own = config.overridden(login.overrides, service=login.name, program=_LOGIN)
            name = own.expand(own.get(_NAME) or "")
            yield from find_obstacles(login, name, services.get((name, ServiceType.UNIX)), is_root=os.getuid() == 0)
            auth = os.path.basename(AUTH_SOCKET)
            if (auth, ServiceType.UNIX) not in services:
                text = f"service {login.name}: master.cf has no service {auth}: nobody can log in"
                yield Finding(Severity.ERROR, login.place, text, f"add the line: {auth} unix - n n - 1 auth")


def find_obstacles(login: ServiceEntry, name: str, pop3d: ServiceEntry | None, *, is_root: bool) -> Iterator[Finding]:
    """Yield what is wrong with the service that gets the sessions. Pure."""
    line = f"{name} unix - n n - - pop3d"
    if pop3d is None:
        text = f"{_NAME}: master.cf has no service {name}: who logs in to {login.name} gets no mailbox"
        yield Finding(Severity.ERROR, login.place, text, f"add the line: {line}")
    elif pop3d.chroot:
        text = f"service {name}: chrooted, pop3d sees no mailbox"
        yield Finding(Severity.ERROR, pop3d.place, text, f"make it: {line}")
    elif pop3d.unprivileged and is_root:
        text = f"service {name}: unprivileged, pop3d reads the mailboxes of mail_owner only"
        yield Finding(Severity.WARNING, pop3d.place, text, f"make it: {line}")
