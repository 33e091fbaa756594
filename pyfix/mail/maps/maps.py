"""A list of tables as a parameter names them: `virtual_alias_maps = hash:/etc/virtual, regexp:/etc/virtual.re`.

The first table that has a key decides. Whether a table is out of order is found out when it is asked: TableError,
temporary. An empty value is a mistake in the table and counts as such: it would otherwise be taken for an answer.
See: DATABASE_README.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps.address_lookup import ALIAS, AddressMatch, IsLocal, Strategy, find_address
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import open_table
from pyfix.mail.maps.remembered import memory_of, remembered
from pyfix.mail.maps.table import Ask, Table, TableError
from pyfix.mail.maps.traced import traced


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the table that had it."""

    value: str
    table: Table


class Maps:
    """The tables of one parameter."""

    def __init__(self, parameter: str, tables: list[Table]) -> None:
        self.parameter = parameter
        self.tables = tuple(tables)
        self.name = " ".join(table.name for table in tables)
        """The value as configured."""
        self.blocking = any(table.blocking for table in tables)
        """True when some table asks a peer over the network."""
        memory = memory_of(tables) if self.blocking else None
        self.memory = None if memory is None else Maps(parameter, memory)
        """The same from memory, where all that may have to wait have one: raises NotRemembered."""
        self.is_empty = not tables
        """True when the parameter names no table."""
        self._all = tuple((table.lookup, table) for table in tables)
        self._fixed = tuple((table.lookup, table) for table in tables if not table.is_pattern)

    def lookup(self, key: str) -> str | None:
        """Return the value in the first table that has key, else None; raises TableError."""
        for find, table in self._all:
            value = find(key)
            if value is not None:
                return value or self._refuse_empty(key, table)
        return None

    def lookup_fixed(self, key: str) -> str | None:
        """Search all but pattern tables: for keys that are a part of an address."""
        for find, table in self._fixed:
            value = find(key)
            if value is not None:
                return value or self._refuse_empty(key, table)
        return None

    def find(self, key: str) -> Found | None:
        """Search like lookup, and tell the table too: its owner decides with whose rights commands run."""
        for find, table in self._all:
            value = find(key)
            if value is not None:
                return Found(value or self._refuse_empty(key, table), table)
        return None

    def lookup_address(
        self, address: str, delimiter: str = "", is_local: IsLocal | None = None, strategy: Strategy = ALIAS
    ) -> AddressMatch | None:
        """Search an address (external form) and its parts in the order of `find_address`; raises TableError."""
        return find_address(self, address, delimiter, is_local, strategy) if self._all else None

    def has_changed(self) -> bool:
        """True when a file of some table has changed: the process should finish and start anew."""
        return any(table.has_changed() for table in self.tables)

    def lend(self, ask: Ask) -> None:
        """Let other threads ask, too: see Table.lend."""
        for table in self.tables:
            table.lend(ask)

    def _refuse_empty(self, key: str, table: Table) -> str:
        raise TableError(
            f"{self.parameter} lookup of {key[:100]} returns an empty string result: "
            f"{table.name} should return NO RESULT in case of NOT FOUND"
        )


def open_maps(
    value: str | list[str],
    parameter: str,
    config: Config,
    *,
    fold: bool = True,
    substitution: bool = True,
    sensitive: bool = False,
) -> Maps:
    """Open the tables of a parameter; raises ConfigError for types that there are not and for bad syntax.

    Warnings about the content of tables go to config.warnings. `fold=False`: keys keep their case.
    `substitution=False`: a rule of a pattern table whose result has $1 is skipped, where text of strangers must not
    become a host (transport(5)). `sensitive=True`: the same, and tables of unauthenticated servers are refused, since
    results are commands, paths or rights (local(8), virtual(8)).
    """
    opening = Opening.of_process(config, fold=fold, substitution=substitution, sensitive=sensitive)
    return Maps(parameter, [_open(spec, parameter, config, opening) for spec in split_specs(value, parameter, config)])


def split_specs(value: str | list[str], parameter: str, config: Config) -> list[str]:
    """Return the words of a list of tables; braces hold a word together."""
    if not isinstance(value, str):
        return list(value)
    try:
        return words(value, parameter)
    except ValueRefused as refused:
        raise config.refuse(parameter, str(refused)) from None


def _open(spec: str, parameter: str, config: Config, opening: Opening) -> Table:
    try:
        return traced(remembered(open_table(spec, opening)), parameter, config)
    except ConfigError as error:
        raise config.refuse(parameter, f"{parameter}: {error}") from None
