"""Files of accounts that anybody may have written: rows or BrokenFile, and nothing else."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.accounts import Refused
from pyfix.mail.accounts.dates import parse_stored_day, parse_typed_day, stored_day
from pyfix.mail.accounts.exchange.convert import convert
from pyfix.mail.accounts.exchange.csv_file import read_csv, write_csv
from pyfix.mail.accounts.exchange.entries import BrokenFile, Entry
from pyfix.mail.accounts.exchange.json_file import read_json, write_json
from pyfix.mail.accounts.exchange.sql_file import SqlReader
from pyfix.mail.accounts.names import check_address, check_alias_address
from pyfix.mail.accounts.present import today
from pyfix.mail.accounts.quota import parse_quota, parse_size
from pyfix.mail.accounts.schema import ALIAS

NOW = "2026-11-26 12:00:00"
WORDS = st.sampled_from(
    ["INSERT", "INTO", "VALUES", "CREATE", "TABLE", "USE", "mailbox", "alias", "(", ")", ",", ";", "'", '"', "`", "--",
     "/*", "*/", "#", "\\", "\n", " ", "NULL", "0x", "'a@x.test'", "12", "address", "PRIMARY", "KEY", "=", "TYPE", "."]
)  # fmt: skip
LISTS = st.lists(WORDS, max_size=60)
SQL = st.one_of(st.text(max_size=200), LISTS.map(" ".join), LISTS.map("".join))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def feed(name: str, data: bytes) -> None:
    """Read a file of any kind, and convert what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        reader = {".sql": SqlReader(NOW).read, ".json": read_json, ".csv": read_csv}[path.suffix]
        with contextlib.suppress(BrokenFile):
            for found in reader(str(path)):
                if isinstance(found, Entry):
                    convert(found, NOW)


@given(SQL)
def test_any_statements_are_rows_or_broken(text: str) -> None:
    """However they are put together."""
    feed("x.sql", text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200), st.sampled_from(["x.sql", "x.json", "alias.csv", "mailbox.csv"]))
def test_any_bytes_are_rows_or_broken(data: bytes, name: str) -> None:
    """In a file of any kind."""
    feed(name, data)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=5))
def test_any_rows_come_back(rows: list[tuple[str, ...]]) -> None:
    """From JSON as they were; from CSV with defaults for what is empty."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "alias.json")
        path.write_bytes("".join(write_json(ALIAS, ALIAS.columns, rows)).encode())
        found = [tuple(entry.values.values()) for entry in read_json(str(path)) if isinstance(entry, Entry)]
        assert found == rows
        path = Path(folder, "alias.csv")
        path.write_bytes("".join(write_csv(ALIAS.columns, rows)).encode())
        values = [entry.values for entry in read_csv(str(path)) if isinstance(entry, Entry)]
        assert values == [{name: text for name, text in zip(ALIAS.columns, row, strict=True) if text} for row in rows]


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    """Names, quotas, sizes, days."""
    for parse in (parse_quota, parse_size, parse_stored_day, lambda day: parse_typed_day(day, today())):
        with contextlib.suppress(ValueError):
            parse(text)
    for check in (check_address, check_alias_address):
        with contextlib.suppress(Refused):
            name, domain = check(text)
            assert name == name.casefold() and name.endswith(f"@{domain}")
            assert check(name) == (name, domain)


@given(st.dates())
def test_any_day_comes_back(day: object) -> None:
    """But the one that means never."""
    text = stored_day(day)  # type: ignore[arg-type]  # a date
    assert parse_stored_day(text) == (None if text == "1000-01-01" else day)
