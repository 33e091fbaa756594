"""What postmap and postalias have in common: build, change, query and list tables.

Every failure that a user can cause is a TableCommandError; its text goes behind "fatal: ". Warnings go out as they
come up. An index is built in one pass over its source, a batch of entries at a time, and put in place by a rename:
whoever looks a key up meanwhile sees the old table. Root works with the rights of the owner of the source, unless
told otherwise.
See: postmap(1), postalias(1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.cdb_writer import CdbWriter
from pyfix.mail.maps.index_file import NotAnIndex
from pyfix.mail.maps.index_writer import IndexWriter
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import INDEX_SUFFIX, TYPES, open_table, unsupported
from pyfix.mail.maps.source import Entry, LogicalLine, logical_lines
from pyfix.mail.maps.table import Table, TableError, UnavailableTable, Warn

ReadEntries = Callable[[Iterable[LogicalLine], str, Warn], Iterator[Entry]]


class TableCommandError(Exception):
    """The command failed; the text is for the user."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an index is made."""

    fold: bool = True
    incremental: bool = False
    """Take entries from standard input and keep those that are there."""
    replace: bool = False
    """A key that comes again replaces the value, silently."""
    warn_duplicates: bool = True
    own_mode: bool = False
    """Mode 0644 instead of that of the source."""
    keep_root: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A table as given on the command line."""

    kind: str
    path: str

    @classmethod
    def parse(cls, text: str, default_kind: str) -> Target:
        """Split type:name; a name alone gets the default type."""
        kind, colon, path = text.partition(":")
        return cls(kind, path) if colon else cls(default_kind, text)

    @property
    def spec(self) -> str:
        """Return type:name."""
        return f"{self.kind}:{self.path}"

    @property
    def index(self) -> str:
        """Return the path of the index; raises TableCommandError for types that have none."""
        suffix = INDEX_SUFFIX.get(self.kind)
        if suffix is not None:
            return self.path + suffix
        if self.kind in TYPES:
            raise TableCommandError(
                f"unsupported dictionary type: {self.kind} does not support bulk-mode creation; specify one of: "
                f"{', '.join(INDEX_SUFFIX)}"
            )
        raise TableCommandError(unsupported(self.kind))


def _refuse_change(target: Target, operation: str) -> None:
    """Raise TableCommandError for a table that cannot be changed: no index, or one that can only be built anew."""
    if target.kind == "cdb" or (target.kind not in INDEX_SUFFIX and target.kind in TYPES):
        raise TableCommandError(f"table {target.spec}: {operation} operation is not supported")


def build(target: Target, read: ReadEntries, options: BuildOptions, warn: Warn, extra: Iterable[Entry] = ()) -> None:
    """Build the index of a table from its source, or add standard input to it."""
    index = target.index
    try:
        if options.incremental:
            _refuse_change(target, "update")
            present = os.stat(index) if os.path.exists(index) else None
            _fill(target, sys.stdin.buffer, "stdin", read, options, warn, present, ())
            return
        with open(target.path, "rb") as source:
            status = os.fstat(source.fileno())
            with _rights_of(status, options.keep_root):
                _fill(target, source, target.path, read, options, warn, None if options.own_mode else status, extra)
    except OSError as error:
        raise TableCommandError(f"open {error.filename or index}: {error.strerror}") from error
    except NotAnIndex as error:
        raise TableCommandError(f'{error}; build it anew with "postmap {target.spec}"') from error


def _fill(
    target: Target,
    source: Iterable[bytes],
    name: str,
    read: ReadEntries,
    options: BuildOptions,
    warn: Warn,
    status: os.stat_result | None,
    extra: Iterable[Entry],
) -> None:
    with _new_index(target, options) as writer:
        for entry in read(logical_lines(source, name, warn), name, warn):
            key = entry.key.casefold() if options.fold else entry.key
            _add(writer, key, entry, f"{name}, line {entry.number}", options, warn)
        for entry in extra:
            writer.add(entry.key, entry.value, replace=True)
        writer.commit(status)


def _new_index(target: Target, options: BuildOptions) -> IndexWriter | CdbWriter:
    if target.kind == "cdb":
        return CdbWriter(target.index)
    return IndexWriter(target.index, keep=options.incremental and os.path.exists(target.index))


def _add(
    writer: IndexWriter | CdbWriter, key: str, entry: Entry, place: str, options: BuildOptions, warn: Warn
) -> None:
    try:
        stored = writer.add(key, entry.value, replace=options.replace)
    except TableError as error:
        warn(f"{place}: {error} -- ignoring this line")
        return
    if not stored and options.warn_duplicates:
        warn(f'{writer.path}: duplicate entry: "{key}"')


def delete(targets: list[Target], keys: Iterable[str], fold: bool) -> bool:
    """Take keys out of all tables; return whether any was there."""
    wanted = list(keys)
    found = False
    for target in targets:
        _refuse_change(target, "delete")
        try:
            with IndexWriter(target.index, keep=True) as writer:
                removed = [writer.remove(key.casefold() if fold else key) for key in wanted]
                if any(removed):
                    found = True
                    writer.commit(os.stat(target.index))
        except OSError as error:
            raise TableCommandError(f"open database {target.index}: {error.strerror}") from error
        except NotAnIndex as error:
            raise TableCommandError(str(error)) from error
    return found


def open_all(targets: list[Target], opening: Opening) -> list[Table]:
    """Open tables to be asked; a missing one is fatal here."""
    return [_open(target, opening) for target in targets]


def _open(target: Target, opening: Opening) -> Table:
    try:
        table = open_table(target.spec, opening)
    except ConfigError as error:
        raise TableCommandError(str(error)) from None
    if isinstance(table, UnavailableTable):
        raise TableCommandError(table.reason)
    return table


def query(tables: list[Table], key: str, warn: Warn) -> str | None:
    """Return the value in the first table that has the key."""
    for table in tables:
        try:
            value = table.lookup(key)
        except TableError as error:
            raise TableCommandError(str(error)) from error
        if value is not None:
            if not value:
                warn(f"table {table.name}: key {key}: empty string result is not allowed")
                warn(f"table {table.name} should return NO RESULT in case of NOT FOUND")
            return value
    return None


def list_entries(tables: list[Table]) -> Iterator[tuple[str, str]]:
    """Yield what is in the tables."""
    for table in tables:
        try:
            yield from table.entries()
        except TableError as error:
            raise TableCommandError(str(error)) from error


def stdin_keys() -> Iterator[str]:
    """Yield the lines of standard input."""
    for line in sys.stdin.buffer:
        yield line.rstrip(b"\n").decode("utf-8", "surrogateescape")


@contextmanager
def _rights_of(status: os.stat_result, keep_root: bool) -> Iterator[None]:
    """As root, act as the owner of the source: a user's directory is his, and may hold traps for root."""
    if keep_root or os.geteuid() != 0 or status.st_uid == 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


def informer(program: str, prefix: str = "") -> Warn:
    """Return a function that prints something on standard error in the name of the program."""

    def inform(text: str) -> None:
        click.echo(f"{program}: {prefix}{text}", err=True)

    return inform


def warner(program: str) -> Warn:
    """Return a function that prints a warning of the program."""
    return informer(program, "warning: ")
