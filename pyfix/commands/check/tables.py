"""Every lookup table that a parameter names: can it be opened, is its index up to date, who may change it.

Processes open their tables with the rights that they are born with, so that root's need not be readable for mail_owner.
Whoever may write to a table, or put another in its place, decides where mail goes; to an alias file, what commands run.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.maps import open_maps
from pyfix.mail.maps.registry import INDEX_SUFFIX
from pyfix.mail.maps.table import UnavailableTable

_TABLE: Final = re.compile(
    r"^(?:proxy:)?(texthash|hash|btree|lmdb|cdb|regexp|pcre|cidr|mysql|pgsql|sqlite|ldap):(/\S+)$"
)
_ALIASES: Final = ("alias_maps", "alias_database")
_OLDER: Final = "is older than source file"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table with a file, as it is found."""

    parameter: str
    place: str
    spec: str
    problem: str = ""
    """Why it can't be opened."""
    complaints: tuple[str, ...] = ()
    """What is wrong with its content."""
    index: str = ""
    """Its path; "" for a table without one, or where it is missing."""
    source: str = ""
    """Its path; "" where it is missing."""
    source_is_newer: bool = False
    writable: tuple[str, ...] = ()
    """What everybody may write of source, index, and the directories above them."""


def judge_table(table: TableFile) -> Iterator[Finding]:
    """Yield what is wrong with a table. Pure."""
    if table.problem:
        text, _, remedy = table.problem.partition("; ")
        yield Finding(Severity.WARNING, table.place, f"{table.parameter}: {text}", remedy)
    for complaint in table.complaints:
        yield Finding(Severity.WARNING, "", complaint)
    if table.source_is_newer:
        program = "newaliases" if table.parameter in _ALIASES else f"postmap {table.spec.removeprefix('proxy:')}"
        yield Finding(
            Severity.WARNING, table.place, f"{table.parameter}: database {table.index} {_OLDER} {table.source}",
            f"run {program}",
        )  # fmt: skip
    for path in table.writable:
        runs = (
            "whoever writes there runs commands" if table.parameter in _ALIASES else "whoever writes there leads mail"
        )
        severity = Severity.ERROR if table.parameter in _ALIASES else Severity.WARNING
        yield Finding(severity, table.place, f"{table.parameter}: world-writable: {path}: {runs}", f"chmod o-w {path}")


def check_tables(
    config: Config, entries: Iterable[ServiceEntry], unused: Collection[str] = frozenset()
) -> Iterator[Finding]:
    """Open every table file that a parameter names, in main.cf or in an option of a service, and say what is wrong.

    Nothing opens those of `unused` parameters, which are not honoured.
    """
    for name in dict.fromkeys((*config.set_names(), *_ALIASES)):
        if name not in unused:
            yield from _check_parameter(config, name, config.place(name) or config.main_cf)
    for entry in entries:
        service = config.overridden(entry.overrides, entry.name, entry.program)
        for name, _ in entry.overrides:
            if name not in unused:
                yield from _check_parameter(service, name, entry.place)


def _check_parameter(config: Config, name: str, place: str) -> Iterator[Finding]:
    for spec in _specs(config, name):
        try:
            yield from judge_table(_look_at(config, name, place, spec))
        except ConfigError as error:
            yield Finding(Severity.WARNING, "", str(error))
    if name.endswith("_maps"):
        yield from _syntax(config, name)


def _syntax(config: Config, name: str) -> Iterator[Finding]:
    before = len(config.warnings)
    try:
        open_maps(config.evaluate(name, ""), name, config)
    except ConfigError as error:
        yield Finding(Severity.WARNING, "", str(error))
    del config.warnings[before:]


def _specs(config: Config, name: str) -> Iterator[str]:
    try:
        text = config.expand(config.get(name) or "")
    except ConfigError:
        return  # check_parameters has named it
    for word in re.split(r"[\s,{}]+", text):
        if _TABLE.match(word):
            yield word


def _look_at(config: Config, name: str, place: str, spec: str) -> TableFile:
    """Return what is found; raises ConfigError for what is no table."""
    before = len(config.warnings)
    maps = open_maps([spec], name, config)
    complaints = config.warnings[before:]
    del config.warnings[before:]
    match = _TABLE.match(spec)
    kind, path = (match[1], match[2]) if match else ("", "")
    index = path + INDEX_SUFFIX[kind] if kind in INDEX_SUFFIX else ""
    return TableFile(
        name,
        place,
        spec,
        next((table.reason for table in maps.tables if isinstance(table, UnavailableTable)), ""),
        tuple(text for text in complaints if _OLDER not in text),
        index if os.path.exists(index) else "",
        path if os.path.exists(path) else "",
        _modified(path) > _modified(index) > 0,
        tuple(_writable_by_all(item for item in (path, index) if item)),
    )


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _writable_by_all(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files, and the directories above them, that everybody may change."""
    seen: set[str] = set()
    for path in paths:
        while path not in seen:
            seen.add(path)
            if os.path.exists(path) and _is_open(os.stat(path)):
                yield path
            path = os.path.dirname(path)


def _is_open(status: os.stat_result) -> bool:
    """In a directory with the sticky bit nobody takes away what is another's."""
    return bool(status.st_mode & stat.S_IWOTH) and not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX)
