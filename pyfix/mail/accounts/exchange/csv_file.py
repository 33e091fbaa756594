"""Accounts as comma-separated values: a file a table, named after it; the first line names the columns.

An empty field is the column's default.
See: RFC 4180.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator

from pyfix.mail.accounts.database import Row
from pyfix.mail.accounts.exchange.entries import BrokenFile, Entry, Found, Place, read_text
from pyfix.mail.accounts.schema import TABLES, Table


def read_csv(path: str) -> Found:
    """Yield the rows of a file; raises OSError, BrokenFile."""
    name = os.path.splitext(os.path.basename(path))[0]
    table = TABLES.get(name)
    if table is None:
        raise BrokenFile(f"{path}: name the file after its table: {' '.join(f'{name}.csv' for name in TABLES)}")
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        _check_columns(columns, table, Place(path, 1))
        for row in reader:
            place = Place(path, reader.line_num)
            if not row:
                continue
            if len(row) != len(columns):
                raise BrokenFile(f"{place}: {len(row)} fields for {len(columns)} columns")
            yield Entry(place, table, {column: value for column, value in zip(columns, row, strict=True) if value})
    except csv.Error as error:
        raise BrokenFile(f"{path}, line {reader.line_num}: {error}") from None


def _check_columns(columns: list[str], table: Table, place: Place) -> None:
    unknown = [column for column in columns if column not in table.columns]
    if unknown or len(set(columns)) != len(columns) or not set(table.key) <= set(columns):
        problem = f'no column "{unknown[0][:40]}"' if unknown else f"each column once, with {' and '.join(table.key)}"
        raise BrokenFile(f"{place}: table {table.name}: {problem}; it has {' '.join(table.columns)}")


def write_csv(columns: Iterable[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table, the first with the names of the columns."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (list(columns), *rows):
        writer.writerow("" if value is None else value for value in row)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
