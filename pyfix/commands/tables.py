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

from pyfix.commands.proxied import delete_proxied, have_opened, refuse_build, refuse_list
from pyfix.commands.table_target import TableCommandError, Target
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps.cdb_writer import CdbWriter
from pyfix.mail.maps.file_values import encode_content, read_files
from pyfix.mail.maps.index_file import NotAnIndex
from pyfix.mail.maps.index_place import Rights
from pyfix.mail.maps.index_writer import IndexWriter
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import open_table, warn_if_old
from pyfix.mail.maps.source import Entry, LogicalLine, logical_lines, shown
from pyfix.mail.maps.table import Table, TableError, UnavailableTable, Warn, encode_key

ReadEntries = Callable[[Iterable[LogicalLine], str, Warn], Iterator[Entry]]


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
    """Mode 0644 for a new index instead of that of the source."""
    keep_root: bool = False
    null: bool | None = None
    """Whether keys and values end in a NUL byte; None: as the type has it."""
    utf8: bool = True
    files_hold_values: bool = False


def build(target: Target, read: ReadEntries, options: BuildOptions, warn: Warn, extra: Iterable[Entry] = ()) -> None:
    """Build the index of a table from its source, or add standard input to it."""
    try:
        if options.incremental:
            target.refuse_addition()
            source = _Source(sys.stdin.buffer, "stdin", read, extra=())
            _fill(target, source, options, warn, None)
            return
        refuse_build(target)
        with open(target.path, "rb") as file:
            target.refuse_build()
            status = os.fstat(file.fileno())
            with _rights_of(status, options.keep_root):
                rights = None if options.own_mode else Rights.of_source(status)
                _fill(target, _Source(file, target.path, read, extra), options, warn, rights)
    except OSError as error:
        name = target.path if error.filename is None else error.filename
        raise TableCommandError(f"open {target.blamed(name)}: {error.strerror}") from error
    except NotAnIndex as error:
        raise TableCommandError(f'{error}; build it anew with "postmap {target.spec}"') from error


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the entries of an index come from."""

    lines: Iterable[bytes]
    name: str
    read: ReadEntries
    extra: Iterable[Entry]


def _fill(target: Target, source: _Source, options: BuildOptions, warn: Warn, rights: Rights | None) -> None:
    name = source.name
    with _new_index(target, options) as writer:
        for entry in source.read(logical_lines(source.lines, name, warn, utf8=options.utf8), name, warn):
            _add(writer, entry, target, f"{name}, line {entry.number}", options, warn)
        for entry in source.extra:
            writer.add(entry.key, entry.value, replace=True)
        writer.commit(rights)


def _new_index(target: Target, options: BuildOptions) -> IndexWriter | CdbWriter:
    if target.kind == "cdb":
        return CdbWriter(target.index, null=options.null)
    return IndexWriter(target.index, keep=options.incremental and os.path.exists(target.index), null=options.null)


def _add(
    writer: IndexWriter | CdbWriter, entry: Entry, target: Target, place: str, options: BuildOptions, warn: Warn
) -> None:
    key = entry.key.casefold() if options.fold else entry.key
    try:
        value = encode_content(read_files(entry.value)) if options.files_hold_values else entry.value
        stored = writer.add(key, value, replace=options.replace)
    except TableError as error:
        warn(f"{place}: {error} -- ignoring this line")
        return
    except OSError as error:
        if not options.files_hold_values:
            raise
        warn(f"{place}: open {error.filename}: {error.strerror}: skipping this entry")
        return
    if not stored and options.warn_duplicates:
        warn(f'{target.shown}: duplicate entry: "{key}"')


def delete(targets: list[Target], keys: Iterable[str], options: BuildOptions, config: Config, warn: Warn) -> bool:
    """Take keys out of all tables; return whether any was there."""
    wanted = [key.casefold() if options.fold else key for key in keys]
    found = [
        _delete_from(target, _usable(wanted, target.spec, options.utf8, warn), options, config, warn)
        for target in targets
    ]
    return any(found)


def _delete_from(target: Target, keys: list[str], options: BuildOptions, config: Config, warn: Warn) -> bool:
    if target.kind == "proxy":
        return delete_proxied(target, keys, config, fold=options.fold)
    if not target.refuse_removal():
        return False
    try:
        warn_if_old(target.index, os.stat(target.index).st_mtime_ns, target.path, warn)
        with IndexWriter(target.index, keep=True, null=options.null) as writer:
            removed = [writer.remove(key) for key in keys]
            if any(removed):
                writer.commit()
            return any(removed)
    except OSError as error:
        raise TableCommandError(f"open database {target.index}: {error.strerror}") from error
    except NotAnIndex as error:
        raise TableCommandError(f'{error}; build it anew with "postmap {target.spec}"') from error


def _usable(keys: list[str], table: str, utf8: bool, warn: Warn) -> list[str]:
    """Return the keys that can be in a table; those that are no UTF-8 where they must be so can't."""
    return [key for key in keys if not utf8 or is_text(key, table, warn)]


def is_text(key: str, table: str, warn: Warn) -> bool:
    """Tell whether a key is UTF-8; warn about one that is not."""
    if encode_key(key) is not None:
        return True
    warn(f'{table}: non-UTF-8 key "{shown(key)}": malformed UTF-8 or invalid codepoint')
    return False


def open_target(target: Target, opening: Opening) -> Table:
    """Open a table to be asked; a missing one is fatal here."""
    try:
        table = open_table(target.spec, opening)
    except ConfigError as error:
        raise TableCommandError(str(error)) from None
    if isinstance(table, UnavailableTable):
        raise TableCommandError(table.reason)
    have_opened(table)
    return table


def query(tables: Iterable[Table], key: str, warn: Warn, *, utf8: bool = True) -> str | None:
    """Return the value in the first table that has the key."""
    for table in tables:
        if utf8 and not is_text(key, table.name, warn):
            continue
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


def list_entries(tables: Iterable[Table]) -> Iterator[tuple[str, str]]:
    """Yield what is in the tables."""
    for table in tables:
        refuse_list(table)
        try:
            yield from table.entries()
        except TableError as error:
            raise TableCommandError(str(error)) from error


def decode(raw: bytes, utf8: bool) -> str:
    """Return the text of a key; where bytes are taken as they come, none of them is a letter with two cases."""
    return raw.decode("utf-8" if utf8 else "ascii", "surrogateescape")


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
        click.echo(f"{program}: {prefix}{text}".encode("utf-8", "surrogateescape"), err=True)

    return inform


def warner(program: str) -> Warn:
    """Return a function that prints a warning of the program."""
    return informer(program, "warning: ")
