"""The tables that are open, and the answers to requests.

`find` gives a table that is approved, opened the way that the request says; all others are Denied. What can't be opened
is a table that fails (UnavailableTable), as everywhere. `answer` may wait for a server: a thread's work, where the
table says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.ipc.messages import (
    ProxyAnswer,
    ProxyDelete,
    ProxyFlags,
    ProxyLookup,
    ProxyOpen,
    ProxySequence,
    ProxyStatus,
    ProxyUpdate,
)
from pyfix.mail.maps.approved import approved_tables
from pyfix.mail.maps.index_change import change_index
from pyfix.mail.maps.leaves import PROXY, leaves, may_wait, unproxied
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import load, open_table
from pyfix.mail.maps.table import Ask, Table, TableError, UnavailableTable, encode_key

Request = ProxyOpen | ProxyLookup | ProxyUpdate | ProxyDelete | ProxySequence
THREADS: Final = 4
"""Lookups in one table that may wait at the same time."""
_NO_KEY: Final = ProxyAnswer(ProxyStatus.NO_KEY)
_BAD: Final = ProxyAnswer(ProxyStatus.BAD)


class Refusal(Exception):
    """The request is not carried out; the answer says why."""

    def __init__(self, status: ProxyStatus, *warnings: str) -> None:
        super().__init__(status.value)
        self.answer = ProxyAnswer(status)
        self.warnings = warnings
        """For the log."""


@dataclass(slots=True)
class Opened:
    """One open table."""

    spec: str
    table: Table
    threads: Executor | None
    """Where it is asked; None: on the spot."""


@dataclass(slots=True)
class Cursors:
    """How far one client has come in which table."""

    of: dict[tuple[str, ProxyFlags], Iterator[tuple[str, str]]] = field(default_factory=dict)


class Tables:
    """Those of one process."""

    def __init__(self, config: Config, parameter: str, text: str, *, writes: bool) -> None:
        """text: the value of the parameter that lists what may be opened."""
        self._config = config
        self._parameter = parameter
        self._approved = approved_tables(text, parameter)
        self._writes = writes
        self._open: dict[tuple[str, ProxyFlags], Opened] = {}

    def load(self) -> None:
        """Load the code for all types that are listed, while it can be read."""
        for spec in self._approved:
            with suppress(ConfigError):  # opening it will say so
                for kind, _ in leaves(spec):
                    load(kind)

    def find(self, request: Request, ask: Ask) -> Opened:
        """Return the table of a request; raises Refusal. `ask` is for its threads: Table.lend."""
        spec = unproxied(request.table)
        if ":" not in spec:
            raise Refusal(ProxyStatus.BAD, f'malformed request: table "{spec[:100]}" is not type:name')
        if spec not in self._approved:
            access = "read-write" if self._writes else "read-only"
            raise Refusal(
                ProxyStatus.DENIED,
                f'request for unapproved table: "{spec}"',
                f"to approve this table for {access} access, list {PROXY}{spec} in main.cf:{self._parameter}",
            )
        key = (spec, request.flags)
        opened = self._open.get(key)
        if opened is None:
            opened = self._open[key] = self._make(spec, request.flags, ask)
        return opened

    def _make(self, spec: str, flags: ProxyFlags, ask: Ask) -> Opened:
        config = self._config
        opening = Opening(
            config.complain, flags.fold, flags.substitution, direct=True, inform=config.inform, config=config
        )
        try:
            table = open_table(spec, opening)
            threads = ThreadPoolExecutor(THREADS, spec) if may_wait(spec) else None
        except ConfigError as error:
            table, threads = UnavailableTable(spec, str(error)), None
        table.lend(ask)
        return Opened(spec, table, threads)

    def find_changed(self) -> Iterator[str]:
        """Yield the name of each table whose file has changed."""
        return (opened.spec for opened in self._open.values() if opened.table.has_changed())

    def answer(self, request: Request, opened: Opened, cursors: Cursors) -> ProxyAnswer:
        """Carry a request out."""
        try:
            return self._carry_out(request, opened, cursors)
        except TableError as problem:
            return ProxyAnswer(ProxyStatus.RETRY, reason=str(problem))

    def _carry_out(self, request: Request, opened: Opened, cursors: Cursors) -> ProxyAnswer:
        match request:
            case ProxyOpen():
                return ProxyAnswer(ProxyStatus.OK)
            case ProxyLookup():
                return _find(opened.table, request.keys)
            case ProxySequence():
                return self._next(request, opened, cursors)
            case ProxyUpdate() | ProxyDelete() if not self._writes:
                return _BAD
            case ProxyUpdate():
                return self._change(request, opened, request.value)
            case ProxyDelete():
                return self._change(request, opened, None)

    def _next(self, request: ProxySequence, opened: Opened, cursors: Cursors) -> ProxyAnswer:
        place = (opened.spec, request.flags)
        if request.first:
            cursors.of[place] = opened.table.entries()
        entry = next(cursors.of.get(place, iter(())), None)
        if entry is None:
            cursors.of.pop(place, None)
            return _NO_KEY
        return ProxyAnswer(ProxyStatus.OK, entry[1], entry[0])

    def _change(self, request: ProxyUpdate | ProxyDelete, opened: Opened, value: str | None) -> ProxyAnswer:
        """Change the index and open it anew: ours is the one that was replaced."""
        changed = change_index(opened.spec, request.key, value, fold=request.flags.fold)
        self._open.pop((opened.spec, request.flags), None)
        return ProxyAnswer(ProxyStatus.OK) if changed else _NO_KEY


def _find(table: Table, keys: list[str]) -> ProxyAnswer:
    for key in keys:
        try:
            value = table.lookup(key)
            if value is not None and encode_key(value) is None:
                raise TableError(f"table {table.name}: key {key[:100]}: the value is not UTF-8 text")
        except TableError as problem:
            return ProxyAnswer(ProxyStatus.RETRY, key=key, reason=str(problem))
        if value is not None:
            return ProxyAnswer(ProxyStatus.OK, value, key)
    return _NO_KEY
