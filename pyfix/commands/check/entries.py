"""What is in tables, as far as they can list themselves: for a check, not for a lookup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import TableError, open_maps
from pyfix.mail.maps.table import Table

_LIMIT: Final = 1_000_000
"""More than this is not read of a table."""


def entries_of(config: Config, parameter: str) -> Iterator[tuple[str, str]]:
    """Yield the keys and values in the tables of a parameter, the first table last; nothing of what can't be opened."""
    before = len(config.warnings)
    try:
        tables = open_maps(config.expand(config.get(parameter) or ""), parameter, config).tables
    except ConfigError:
        tables = ()  # check_tables tells of it
    del config.warnings[before:]
    return list_entries(reversed(tables))


def list_entries(tables: Iterable[Table]) -> Iterator[tuple[str, str]]:
    """Yield keys and values; nothing of tables that can't list themselves, such as those of patterns."""
    for table in tables:
        try:
            yield from islice(table.entries(), _LIMIT)
        except TableError:
            continue  # or one that is out of order, of which check_tables tells
