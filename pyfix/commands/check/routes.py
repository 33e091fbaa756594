"""Services that are named and not there: transports of parameters and tables, services of the mail system, commands.

Mail for a transport that master.cf does not have is deferred, and so is mail for a pipe whose command is missing. A
pipe that nothing refers to is nobody's trouble: the master.cf that people start with has several.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.commands.check.entries import entries_of
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType

_TRANSPORTS: Final = {
    "local_transport": "mydestination",
    "virtual_transport": "virtual_mailbox_domains",
    "relay_transport": "relay_domains",
    "default_transport": "",
    "mailbox_transport": "",
    "fallback_transport": "",
}
"""Parameters, and the list without which nobody needs the default."""
_TABLES: Final = (
    "transport_maps",
    "sender_dependent_default_transport_maps",
    "mailbox_transport_maps",
    "fallback_transport_maps",
)
_SERVICES: Final = tuple(
    f"{name}_service_name" for name in ("bounce", "cleanup", "defer", "pickup", "queue", "rewrite", "showq", "trace")
)
_QUOTA: Final = "quota_status_service_name"


@dataclass(frozen=True, slots=True)
class Reference:
    """Somebody names a service."""

    parameter: str
    place: str
    service: str
    key: str = ""
    """Of the table that names it; "" for a parameter alone."""
    is_transport: bool = True


@dataclass(frozen=True, slots=True)
class Pipe:
    """What a service of the program pipe needs."""

    command: str
    user: str


def find_missing(references: Sequence[Reference], services: Mapping[str, ServiceEntry]) -> Iterator[Finding]:
    """Yield a finding for each name that master.cf does not have. Pure."""
    for reference in references:
        if reference.service in services:
            continue
        named = f"{reference.key} {reference.service}" if reference.key else reference.service
        effect = "mail for it is deferred" if reference.is_transport else "mail does not get through"
        text = f"{reference.parameter}: {named}: master.cf has no service {reference.service}: {effect}"
        yield Finding(Severity.ERROR, reference.place, text, "correct the name, or add the service")


def find_broken_pipes(
    references: Sequence[Reference],
    services: Mapping[str, ServiceEntry],
    is_program: Callable[[str], bool],
    is_user: Callable[[str], bool],
) -> Iterator[Finding]:
    """Yield what pipes lack that somebody refers to. Pure."""
    for name in dict.fromkeys(reference.service for reference in references):
        entry = services.get(name)
        if entry is None or entry.program != "pipe":
            continue
        pipe = read_pipe(entry.argv)
        if pipe.command.startswith("/") and not is_program(pipe.command):
            text = f"service {name}: {pipe.command} is no program: mail for it is deferred"
            yield Finding(Severity.ERROR, entry.place, text, "install it, or correct argv=")
        if pipe.user and not is_user(pipe.user):
            text = f"service {name}: unknown user {pipe.user}: mail for it is deferred"
            yield Finding(Severity.ERROR, entry.place, text, "make the user, or correct user=")


def read_pipe(arguments: Sequence[str]) -> Pipe:
    """Return what the arguments of a pipe say."""
    values = dict(word.partition("=")[::2] for word in reversed(arguments) if "=" in word)
    return Pipe(values.get("argv", ""), values.get("user", "").partition(":")[0])


def check_routes(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield what is wrong with the services that this configuration names."""
    services = {entry.name: entry for entry in entries if entry.type in (ServiceType.UNIX, ServiceType.FIFO)}
    references = [*_of_parameters(config), *_of_tables(config)]
    names = {*services, *(entry.name for entry in entries)}
    own = [Reference(name, config.main_cf, config.expand(config.get(name) or ""), "", False) for name in _SERVICES]
    yield from find_missing(references, services)
    yield from find_missing([item for item in own if item.service not in names], services)
    yield from _find_no_quota_status(config, names)
    yield from find_broken_pipes(references, services, _is_program, _is_user)
    command = (config.get("mailbox_command") or "").split(" ", 1)[0]
    if command.startswith("/") and not _is_program(command):
        text = f"mailbox_command: {command} is no program: mail for Unix users is deferred"
        yield Finding(Severity.ERROR, config.place("mailbox_command"), text, "install it, or correct the line")


def _of_parameters(config: Config) -> Iterator[Reference]:
    for name, domains in _TRANSPORTS.items():
        service = _expanded(config, name).partition(":")[0]
        if service and (config.is_set(name) or not domains or _has_domains(config, domains)):
            yield Reference(name, config.place(name) or config.main_cf, service)


def _has_domains(config: Config, name: str) -> bool:
    """The default of relay_domains may be mydestination, whose mail is local."""
    return bool(_expanded(config, name)) and (name != "relay_domains" or config.is_set(name))


def _of_tables(config: Config) -> Iterator[Reference]:
    for name in _TABLES:
        for key, value in entries_of(config, name):
            service = value.partition(":")[0].strip()
            if service and service.upper() != "DUNNO":
                yield Reference(name, config.place(name) or config.main_cf, service, key)


def _expanded(config: Config, name: str) -> str:
    try:
        return config.expand(config.get(name) or "").strip()
    except ConfigError:
        return ""  # check_parameters tells of it


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _find_no_quota_status(config: Config, names: Collection[str]) -> Iterator[Finding]:
    """Yield a finding where quotas are in force and smtpd has nobody to ask: mail for full mailboxes is returned."""
    service = _expanded(config, _QUOTA)
    is_off = _expanded(config, "smtpd_reject_overquota_recipient").lower() == "no"
    if service in names or is_off or not _expanded(config, "virtual_mailbox_limit_maps"):
        return
    text = (
        f"{_QUOTA}: {service}: master.cf has no service {service}: mail for full mailboxes is taken, and then returned"
    )
    remedy = f'add "{service} unix - n n - - quota-status" to master.cf'
    yield Finding(Severity.NOTE, config.main_cf, text, remedy)
