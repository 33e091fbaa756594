"""ExtMan's files, and dumps: which rows are read, and what is told."""

from __future__ import annotations

from pathlib import Path

import extmail
import pytest

from pyfix.mail.accounts.exchange.entries import BrokenFile, Entry, Note
from pyfix.mail.accounts.exchange.sql_file import SqlReader
from pyfix.mail.accounts.schema import EXTMAIL_TABLES, MAILBOX

GOLDEN = Path(__file__).parents[4] / "golden" / "accounts"
NOW = "2026-11-26 12:00:00"


def read(folder: Path, *texts: str) -> tuple[list[Entry], list[str]]:
    """Return the rows and what is told of files with these texts."""
    reader = SqlReader(NOW)
    found: list[Entry | Note] = []
    for number, text in enumerate(texts, 1):
        path = folder / f"{number}.sql"
        path.write_text(text)
        found += reader.read(str(path))
    rows = [item for item in found if isinstance(item, Entry)]
    return rows, [str(item).replace(f"{folder}/", "") for item in found if isinstance(item, Note)]


def test_structure_of_extman_is_understood(tmp_path: Path) -> None:
    """No rows; each thing that a server of today refuses, and each that is not taken, is told with its line."""
    rows, notes = read(tmp_path, extmail.SCHEMA)
    assert rows == []
    tables = [line for line in notes if "present form" in line]
    assert tables[0] == (
        "1.sql, line 16: table manager is made in its present form, without TYPE=MyISAM, defaults of texts, strict"
        " checks of its dates 0000-00-00, which mean never"
    )
    assert len(tables) == len(EXTMAIL_TABLES)
    assert [line for line in notes if line not in tables] == [
        "1.sql, line 7: left out: delete FROM user ...: only rows are taken",
        "1.sql, line 8: left out: rows of table user, which pyfix has no use for",
        "1.sql, line 9: left out: INSERT INTO mysql.db; make users of the server with CREATE USER and GRANT",
        "1.sql, line 10: left out: FLUSH PRIVILEGES ...: only rows are taken",
        "1.sql, line 11: left out: GRANT SELECT , ...: only rows are taken",
    ]


def test_rows_of_extman_are_read(tmp_path: Path) -> None:
    """Without the names of columns, in ExtMail's order, over several lines."""
    for texts in ((extmail.SCHEMA, extmail.INIT), (extmail.INIT,)):
        rows, _ = read(tmp_path, *texts)
        assert [entry.table.name for entry in rows] == ["domain", "alias", "manager", "domain_manager", "mailbox"]
        values = rows[-1].values
        assert list(values) == list(MAILBOX.columns)
        assert (values["username"], values["quota"], values["expiredate"], values["disablepop3"], values["answer"]) == (
            "postmaster@extmail.org", "104857600S", "2010-11-08", "0", "my answer",
        )  # fmt: skip
        assert rows[0].values["disableimap"] == "1"
        assert rows[-1].place.line == 10


def test_dump_is_read(tmp_path: Path) -> None:
    """Several rows in one statement, names in quotes, columns in another order, escapes, conditional comments."""
    rows, notes = read(tmp_path, (GOLDEN / "dump.sql").read_text())
    assert [entry.values for entry in rows] == [
        {"goto": "it's 'x' \\ \n", "address": "a@x.test"},
        {"goto": 'say "hi"', "address": "b@x.test"},
        {"goto": "-_", "address": "c@x.test"},
        {"address": "d@x.test", "goto": "dä", "createdate": NOW, "active": "1"},
    ]
    assert notes == ["1.sql, line 4: left out: columns of table alias that pyfix has no use for: note"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nINSERT INTO alias VALUES ('a", "line 2: a text in ' that never ends"),
        ("/* x", "line 1: a comment that never ends"),
        ("\n\nINSERT INTO alias VALUES ('a', 'b');", "line 3: INSERT INTO alias has 2 values for 5 columns"),
        ("INSERT INTO alias (address) VALUES\n('a'),\n('b', 'c');", "line 3: INSERT INTO alias has 2 values for 1 col"),
        ("INSERT INTO alias SELECT * FROM x;", "line 1: INSERT INTO alias without VALUES"),
        ("INSERT INTO alias (address) VALUES (\nPASSWORD('x'));", 'line 2: "PASSWORD" can\'t be computed here'),
        ("INSERT INTO alias (address) VALUES (1 + 1);", 'line 1: "+" where "," belongs'),
        ("INSERT INTO alias (address VALUES (1);", 'line 1: "VALUES" in a list of columns'),
        ("INSERT INTO", "line 1: the statement ends too early"),
        ("INSERT INTO alias VALUES (", "line 1: the statement ends too early"),
        ("CREATE TABLE alias (a int", "line 1: the statement ends too early"),
        ("INSERT INTO 'alias' VALUES (1)", 'line 1: "alias" where a name belongs'),
    ],
)
def test_broken_file_is_named_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    """And what is wrong there."""
    with pytest.raises(BrokenFile) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/1.sql, {message}")


def test_file_that_is_no_text_is_named_with_the_line(tmp_path: Path) -> None:
    """An old dump in GBK or Latin 1."""
    path = tmp_path / "x.sql"
    path.write_bytes("-- x\n-- é\n".encode("latin-1"))
    with pytest.raises(BrokenFile, match=r"x.sql, line 2: not UTF-8 text; convert the file with iconv"):
        list(SqlReader(NOW).read(str(path)))
