"""Limits on clients and logins that nobody counts for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType

ANVIL: Final = "anvil"
_LIMIT: Final = re.compile(r"smtpd_(client_\w+_(rate|count)|login_(message|recipient)_rate)_limit")
_LINE: Final = f"{ANVIL} unix - - n - 1 {ANVIL}"


def check_limits(config: Config, entries: Iterable[ServiceEntry]) -> Iterator[Finding]:
    """Yield the limits that somebody has set, where no anvil counts. Those that are default are missed by nobody."""
    services = list(entries)
    if any(entry.name == ANVIL and entry.type is ServiceType.UNIX for entry in services):
        return
    for entry in services:
        if entry.program == "smtpd":
            yield from _without_anvil(config, entry)


def _without_anvil(config: Config, entry: ServiceEntry) -> Iterator[Finding]:
    own = config.overridden(entry.overrides, service=entry.name, program=entry.program)
    names = (*config.main.settings, *(name for name, _ in entry.overrides))
    for name in sorted(filter(_LIMIT.fullmatch, set(names))):
        if own.expand(own.get(name) or "0").strip() != "0":
            text = f"service {entry.name}: {name}, but master.cf has no service {ANVIL}: nobody is limited"
            yield Finding(Severity.WARNING, entry.place, text, f"add the line: {_LINE}")
