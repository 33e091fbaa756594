"""What an import has to know, read from the configuration directory and the tables that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.commands.check.auth import asks_auth
from pyfix.commands.import_postfix.paths import OWN_DIRECTORIES
from pyfix.commands.review.review import ORIGIN
from pyfix.mail.config import Config, ConfigError, lines
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.unused import names_in_use
from pyfix.mail.maps.index_file import NotAnIndex, open_index
from pyfix.mail.maps.registry import INDEX_SUFFIX

QUOTAS: Final = "virtual_mailbox_limit_maps"
_INDEXED: Final = re.compile(r"(?<![\w.:-])(?:proxy:)?(hash|btree):(/[^\s,}]+)")
_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
_NAME_LIMIT: Final = 256
_DEFAULTS: Final = ("alias_maps", "alias_database")
"""Parameters whose defaults name tables."""


@dataclass(frozen=True, slots=True)
class TableFact:
    """A hash: or btree: table that a setting names."""

    parameter: str
    value: str
    """Of the whole parameter, expanded."""
    place: str
    service: str
    """Whose option -o it is; "" for main.cf."""
    is_default: bool
    kind: str
    path: str
    has_source: bool
    has_index: bool
    is_readable: bool
    """Whether the index is one that pyfix reads."""


@dataclass(frozen=True, slots=True)
class Source:
    """A Postfix configuration."""

    directory: str
    main_cf: str
    master_cf: str
    values: dict[str, str]
    """The directories that are Postfix's own, expanded."""
    origin: str = ""
    """The name in the file that myorigin names, where it names one."""
    tables: Sequence[TableFact] = ()
    quotas: str = ""
    """Where the setting is that puts quotas in force; "" without any."""
    logins: str = ""
    """Where the smtpd is at which clients may log in by Cyrus' library; "" for none."""

    @property
    def main_path(self) -> str:
        """The path of main.cf."""
        return os.path.join(self.directory, "main.cf")

    @property
    def master_path(self) -> str:
        """The path of master.cf."""
        return os.path.join(self.directory, "master.cf")


def read_source(config: Config, entries: Sequence[ServiceEntry]) -> Source:
    """Return what there is; raises ConfigError."""
    directory = config.directory
    master_path = os.path.join(directory, "master.cf")
    main_cf = lines.decode(lines.read_file(config.main_cf), config.main_cf)
    master_cf = lines.decode(lines.read_file(master_path), master_path)
    values = {name: config.expand(config.get(name) or "") for name in OWN_DIRECTORIES}
    origin = _read_name(config.expand(config.get(ORIGIN) or ""))
    quotas = config.place(QUOTAS) if config.expand(config.get(QUOTAS) or "") else ""
    smtpds = (entry for entry in entries if entry.program == "smtpd")
    logins = next((entry.place for entry in smtpds if asks_auth(config, entry)), "")
    return Source(directory, main_cf, master_cf, values, origin, tuple(find_tables(config, entries)), quotas, logins)


def _read_name(path: str) -> str:
    """Return the name in the first line of a file, "" for what is no file with a name."""
    if not path.startswith("/"):
        return ""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            name = file.readline(_NAME_LIMIT).strip()
    except OSError:
        return ""
    return name if _NAME.fullmatch(name) else ""


def find_tables(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[TableFact]:
    """Yield the hash: and btree: tables of the parameters that pyfix reads."""
    used = names_in_use(config, entries)
    for name, setting in config.main.settings.items():
        if name in used:
            yield from _tables(config, name, setting.place, "", is_default=False)
    for name in _DEFAULTS:
        if not config.is_set(name):
            yield from _tables(config, name, config.main_cf, "", is_default=True)
    for entry in entries:
        service = config.overridden(entry.overrides, entry.name, entry.program)
        for name, _ in entry.overrides:
            yield from _tables(service, name, entry.place, f"{entry.name}/{entry.type}", is_default=False)


def _tables(config: Config, name: str, place: str, service: str, *, is_default: bool) -> Iterator[TableFact]:
    try:
        value = config.expand(config.get(name) or "")
    except ConfigError:
        return  # check_parameters tells of it
    for kind, path in _INDEXED.findall(value):
        index = path + INDEX_SUFFIX[kind]
        yield TableFact(
            name, value, place, service, is_default, kind, path, os.path.isfile(path), os.path.exists(index),
            _is_readable(index),
        )  # fmt: skip


def _is_readable(path: str) -> bool:
    try:
        open_index(path)
    except (OSError, NotAnIndex):
        return False
    return True
