"""Tables that are asked of proxymap: is there such a service, and may it open them?

A table that it can't be asked for is a temporary failure: mail waits, and smtpd answers 451. local_recipient_maps names
one by default.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError, discover
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.parameters import PerTransport
from pyfix.mail.maps.approved import approved_tables
from pyfix.mail.maps.leaves import PROXY
from pyfix.mail.maps.params import READ_MAPS, WRITE_MAPS, ApprovedParameters

_LATER: Final = "mail that needs it is deferred"


@dataclass(frozen=True, slots=True)
class ProxiedTable:
    """A table that some parameter names with proxy: in front."""

    parameter: str
    place: str
    table: str
    """type:name, without proxy:."""


def judge_proxied(
    tables: Sequence[ProxiedTable], service: str, approved: frozenset[str], master_cf: str, *, is_there: bool
) -> Iterator[Finding]:
    """Yield what keeps processes from asking for the tables. Pure; is_there: master.cf has the service."""
    if tables and not is_there:
        first = tables[0]
        text = f"there is no service {service}, which {first.parameter} = {PROXY}{first.table} needs: {_LATER}"
        yield Finding(Severity.ERROR, master_cf, text, f'add the line "{service} unix - - n - - proxymap"')
    first_of = {item.table: item for item in reversed(tables)}
    for item in tables:
        if item.table not in approved and first_of[item.table] is item:
            text = f"{item.parameter}: {PROXY}{item.table}: {READ_MAPS} does not list it: {_LATER}"
            yield Finding(Severity.ERROR, item.place, text, f"add {PROXY}{item.table} to {READ_MAPS}")


def check_proxymap(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield what is wrong with proxied tables."""
    try:
        params = config.read(ApprovedParameters)
    except ConfigError:
        return  # check_parameters tells of it
    service = params.proxymap_service_name
    yield from judge_proxied(
        list(_proxied(config)),
        service,
        approved_tables(params.proxy_read_maps, READ_MAPS),
        os.path.join(config.directory, "master.cf"),
        is_there=any(entry.name == service and entry.type is ServiceType.UNIX for entry in entries),
    )


def _proxied(config: Config) -> Iterator[ProxiedTable]:
    """Yield the tables of all parameters that pyfix has, of those that main.cf sets first."""
    declared = {
        name
        for name, item in discover.declarations().items()
        if not isinstance(item, PerTransport) and name not in (READ_MAPS, WRITE_MAPS)
    }
    for name in sorted(declared, key=lambda name: (not config.is_set(name), name)):
        try:
            text = config.expand(config.get(name) or "")
        except ConfigError:
            continue  # check_parameters tells of it
        for table in sorted(approved_tables(text, name)) if PROXY in text else ():
            yield ProxiedTable(name, config.place(name) or config.main_cf, table)
