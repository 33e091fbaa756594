"""JSON and CSV files, and what becomes of a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.accounts.exchange.convert import convert
from pyfix.mail.accounts.exchange.csv_file import read_csv, write_csv
from pyfix.mail.accounts.exchange.entries import BrokenFile, Cell, Entry, Place
from pyfix.mail.accounts.exchange.json_file import read_json, write_json
from pyfix.mail.accounts.schema import ALIAS, DOMAIN, MAILBOX, MANAGER, TABLES

NOW = "2026-11-26 12:00:00"
ROWS = [("a@x.test", 'it"s, \n"ä"', "x.test", NOW, "1"), ("b@x.test", "", "x.test", NOW, "0")]


def converted(table: str, **values: Cell) -> dict[str, Cell]:
    """Return the row that values make."""
    return convert(Entry(Place("f", 7), TABLES[table], values), NOW).values


def test_json_comes_back(tmp_path: Path) -> None:
    """An object a line, whatever is in a text."""
    path = tmp_path / "x.json"
    path.write_text("".join(write_json(ALIAS, ALIAS.columns, ROWS)) + "\n")
    assert [tuple(entry.values.values()) for entry in read_json(str(path)) if isinstance(entry, Entry)] == ROWS
    assert len(path.read_text().splitlines()) == 3


def test_csv_comes_back(tmp_path: Path) -> None:
    """Also over several lines; an empty field is a default."""
    path = tmp_path / "alias.csv"
    path.write_text("".join(write_csv(ALIAS.columns, ROWS)))
    found = [entry for entry in read_csv(str(path)) if isinstance(entry, Entry)]
    assert tuple(found[0].values.values()) == ROWS[0]
    assert found[1].values == {"address": "b@x.test", "domain": "x.test", "createdate": NOW, "active": "0"}
    assert [entry.place.line for entry in found] == [3, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no JSON object in one line"),
        ("[1]", 'no "table"; it is one of domain mailbox'),
        ('{"table": "user"}', 'no "table"'),
        ('{"table": "alias", "x": 1}', 'table alias has no column "x"; it has address goto'),
        ('{"table": "alias", "address": []}', "column address: a text, a number or null"),
        ('{"table": "alias", "address": 1.5}', "column address: a text, a number or null"),
        ("[" * 100_000, "no JSON object in one line"),
    ],
)
def test_broken_json_is_named_with_the_line(tmp_path: Path, line: str, message: str) -> None:
    """And what belongs there."""
    path = tmp_path / "x.json"
    path.write_text(f"\n{line}\n")
    with pytest.raises(BrokenFile) as caught:
        list(read_json(str(path)))
    assert str(caught.value).startswith(f"{path}, line 2: {message}")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("users.csv", "", ": name the file after its table: domain.csv mailbox.csv"),
        ("alias.csv", "", ", line 1: table alias: each column once, with address"),
        ("alias.csv", "goto\n", ", line 1: table alias: each column once, with address"),
        ("alias.csv", "address,address\n", ", line 1: table alias: each column once"),
        ("alias.csv", "address,x\n", ', line 1: table alias: no column "x"; it has'),
        ("alias.csv", "address,goto\na\n", ", line 2: 1 fields for 2 columns"),
        ("alias.csv", 'address,goto\n"a\n', ", line 2: unexpected end of data"),
    ],
)
def test_broken_csv_is_named_with_the_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    """And what belongs there."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BrokenFile) as caught:
        list(read_csv(str(path)))
    assert str(caught.value).startswith(f"{path}{message}")


def test_row_has_all_columns_in_their_order() -> None:
    """What is missing gets its default; names are folded; what follows from others is filled in."""
    row = converted("mailbox", username="Alice@X.test", expiredate="1000-01-01", active=None, clearpwd="secret")
    assert list(row) == list(MAILBOX.columns)
    assert (row["username"], row["domain"], row["uid"]) == ("alice@x.test", "x.test", "alice")
    assert (row["maildir"], row["homedir"]) == ("x.test/alice/Maildir/", "x.test/alice")
    assert (row["expiredate"], row["createdate"], row["active"], row["quota"]) == ("0000-00-00", NOW, "1", "0")
    assert (row["clearpwd"], row["disablesmtp"], row["question"]) == ("", "0", "")
    assert converted("domain", domain="X.test")["transport"] is None
    assert converted("alias", address="@X.test", goto=" a@y.test , b ")["goto"] == "a@y.test,b"
    assert converted("manager", username="r@x.test")["type"] == "postmaster"


@pytest.mark.parametrize(
    ("table", "values", "message"),
    [
        (MAILBOX, {"username": "x"}, 'mailbox: bad address "x"'),
        (MAILBOX, {"username": "'; DROP TABLE mailbox; --@x.test"}, "mailbox: bad address"),
        (MAILBOX, {"username": "a@x.test", "quota": "lots"}, 'mailbox: column quota: bad quota "lots"'),
        (MAILBOX, {"username": "a@x.test", "expiredate": "soon"}, 'mailbox: column expiredate: bad date "soon"'),
        (MAILBOX, {"username": "a@x.test", "expiredate": "2010-02-30"}, "mailbox: column expiredate: day is out of"),
        (MAILBOX, {"username": "a@x.test", "createdate": "x"}, 'mailbox: column createdate: bad date "x"'),
        (MAILBOX, {"username": "a@x.test", "uidnumber": "x"}, "mailbox: column uidnumber: invalid literal"),
        (MAILBOX, {"username": "a@x.test", "uidnumber": "9" * 5000}, "mailbox: column uidnumber: bad number"),
        (MAILBOX, {"username": "a@x.test", "maildir": "../x"}, 'mailbox: bad maildir "../x"'),
        (MAILBOX, {"username": "a@x.test", "name": "x" * 256}, "mailbox: bad column name"),
        (MAILBOX, {"username": "a@x.test", "password": "geheim\n"}, "mailbox: column password: no stored password"),
        (MAILBOX, {"username": "a@x.test", "answer": "\0"}, "mailbox: column answer: NUL"),
        (ALIAS, {"address": "a@x.test", "goto": " , "}, "alias: column goto: specify addresses"),
        (ALIAS, {"address": "a@x.test", "goto": "a\nb"}, "alias: column goto: specify addresses"),
        (DOMAIN, {"domain": "a b"}, 'domain: bad domain name "a b"'),
        (MANAGER, {"username": "a@x.test", "type": "king"}, 'manager: column type: bad role "king"; specify admin or'),
    ],
)
def test_row_that_can_not_be_is_named_with_its_place(table: object, values: dict[str, str], message: str) -> None:
    """The column and the remedy; never a stored password."""
    with pytest.raises(BrokenFile) as caught:
        converted(table.name, **values)  # type: ignore[attr-defined]  # a Table
    assert str(caught.value).startswith(f"f, line 7: {message}")
    assert "geheim" not in str(caught.value)
