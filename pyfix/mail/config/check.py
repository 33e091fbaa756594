"""Check a whole configuration, as `pyfix check` does: every parameter, every service, and what nobody reads.

Everything is reported, not only the first trouble; nothing here raises for a configuration that is merely wrong.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from pyfix.mail.config import discover, lines, mastercf
from pyfix.mail.config.config import Config
from pyfix.mail.config.defaults import own_interfaces
from pyfix.mail.config.errors import ConfigError
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.parameters import PerTransport
from pyfix.mail.config.unused import (
    names_in_use,
    reachable,
    transport_names,
    undefined_in_services,
    undefined_references,
    unused_overrides,
    unused_settings,
)


def check_parameters(config: Config, explained: Collection[str] = ()) -> list[str]:
    """Return what is wrong with main.cf: values, references, names that nothing reads; each a line.

    `explained` are names that nothing reads and that the caller tells of in other words.
    A master.cf that cannot be read is passed over here; check_master_cf reports it.
    """
    entries = _entries(config)
    failing = value_errors(config)
    found = [*failing.values(), *_interface_errors(config), *_transport_errors(config, entries, failing)]
    found += [text for name, text in undefined_references(config, entries) if name not in failing]
    found += unused_settings(config, {*names_in_use(config, entries), *explained})
    return list(dict.fromkeys(found))


def check_master_cf(config: Config, explained: Collection[str] = ()) -> list[str]:
    """Return what is wrong with master.cf: syntax, entries listed twice, values of overrides."""
    path = os.path.join(config.directory, "master.cf")
    try:
        data = lines.read_file(path)
        entries = list(mastercf.parse_entries(lines.decode(data, path).split("\n"), path))
    except ConfigError as error:
        return [str(error)]
    return [
        *lines.warn_of_crlf(data, path),
        *_listed_twice(entries),
        *_override_errors(config, entries),
        *dict.fromkeys(undefined_in_services(config, entries)),
        *unused_overrides(config, entries, explained),
    ]


def _entries(config: Config) -> list[ServiceEntry]:
    """Return the services of master.cf, none if it cannot be read."""
    try:
        return mastercf.read(os.path.join(config.directory, "master.cf"))
    except ConfigError:
        return []


def value_errors(config: Config) -> dict[str, str]:
    """Return what is wrong with the value of each declared parameter, by name.

    A default that is only wrong because it refers to a wrong value is not reported once more.
    """
    found: dict[str, str] = {}
    declared = discover.declarations().values()
    for item in sorted(declared, key=lambda item: not config.is_set(item.name)):
        try:
            item.read(config)
        except ConfigError as error:
            if config.is_set(item.name) or not reachable(config, item.name) & found.keys():
                found[item.name] = str(error)
    return found


def _interface_errors(config: Config) -> Iterator[str]:
    """Yield what is wrong with inet_interfaces and inet_protocols on this machine."""
    try:
        own_interfaces(config)
    except ConfigError as error:
        yield str(error)


def _transport_errors(config: Config, entries: Sequence[ServiceEntry], failing: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the families of parameters, for each transport."""
    for family in discover.families():
        for transport in transport_names(entries):
            name = transport + family.suffix
            try:
                family.read_for(config, transport)
            except ConfigError as error:
                if config.is_set(name) or not reachable(config, name) & set(failing):
                    yield str(error)


def _listed_twice(entries: Sequence[ServiceEntry]) -> Iterator[str]:
    """Yield a warning for each entry that a later one replaces."""
    last = {(entry.name, entry.type): entry for entry in entries}
    for entry in entries:
        winner = last[entry.name, entry.type]
        if winner is not entry:
            yield f"{entry.place}: service {entry.name}/{entry.type} is replaced by the entry of line {winner.line}"


def _override_errors(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[str]:
    """Yield what is wrong with the values of -o options."""
    for entry in entries:
        service = config.overridden(entry.overrides, entry.name, entry.program)
        for name, _ in entry.overrides:
            declared = discover.declarations().get(name)
            if declared is None or isinstance(declared, PerTransport):
                continue
            try:
                declared.read(service)
            except ConfigError as error:
                yield f"{entry.place}: {error}"
