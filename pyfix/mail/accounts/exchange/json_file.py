"""Accounts as JSON, an object a line: {"table": "mailbox", "username": "alice@example.com", ...}.

What is exported has every column but clearpwd; a file to import may leave out what has a default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from pyfix.mail.accounts.database import Row
from pyfix.mail.accounts.exchange.entries import BrokenFile, Cell, Entry, Found, Place, read_text
from pyfix.mail.accounts.schema import TABLES, Table

_TABLE: Final = "table"


def read_json(path: str) -> Found:
    """Yield the rows of a file; raises OSError, BrokenFile."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield _entry(line, Place(path, number))


def _entry(line: str, place: Place) -> Entry:
    try:
        item = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise BrokenFile(f"{place}: no JSON object in one line: {reason}") from None
    table = TABLES.get(str(item.get(_TABLE))) if isinstance(item, dict) else None
    if table is None:
        raise BrokenFile(f'{place}: no "table"; it is one of {" ".join(TABLES)}')
    unknown = [name for name in item if name != _TABLE and name not in table.columns]
    if unknown:
        raise BrokenFile(
            f'{place}: table {table.name} has no column "{unknown[0][:40]}"; it has {" ".join(table.columns)}'
        )
    return Entry(place, table, {name: _cell(name, value, place) for name, value in item.items() if name != _TABLE})


def _cell(name: str, value: object, place: Place) -> Cell:
    match value:
        case None | str():
            return value
        case bool() | int():
            return str(int(value))
        case _:
            raise BrokenFile(f"{place}: column {name}: a text, a number or null belongs there")


def write_json(table: Table, columns: Iterable[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    names = list(columns)
    for row in rows:
        item = {_TABLE: table.name, **dict(zip(names, row, strict=True))}
        yield f"{json.dumps(item, ensure_ascii=False)}\n"
