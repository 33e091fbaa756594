"""sqlite: queries to a file, and with it what all tables with a file of settings do."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.sqlite import SqliteTable, split_statement

ALIASES = "query = SELECT goto FROM alias WHERE address = '%s'\n"
Open = Callable[..., Maps]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a table of aliases."""
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE alias (address TEXT, goto, active INTEGER)")
        rows = [
            ("a@d.test", "x@d.test", 1), ("a@d.test", "y@d.test", 1), ("off@d.test", "z", 0), ("o'neil@d.test", "q", 1),
            ("empty@d.test", "", 1), ("null@d.test", None, 1), ("int@d.test", 12, 1), ("float@d.test", 1.0, 1),
            ("big@d.test", 1e100, 1), ("blob@d.test", b"b\xc3\xbc\0x", 1), ("bad@d.test", b"\xff", 1),
            ("a", "local", 1),
        ]  # fmt: skip
        connection.executemany("INSERT INTO alias VALUES (?, ?, ?)", rows)
    connection.close()
    return path


@pytest.fixture
def table(database: Path, tmp_path: Path) -> Open:
    """Write a file of settings and open the table."""

    def write(text: str, config: Config | None = None) -> Maps:
        (tmp_path / "t.cf").write_text(f"dbpath = {database}\n{text}")
        return open_maps([f"sqlite:{tmp_path}/t.cf"], "test_maps", config or Config.from_text(""))

    return write


def test_first_columns_of_all_rows_are_joined_with_commas(table: Open) -> None:
    """NULL and empty values are left out; numbers and bytes are text."""
    maps = table(ALIASES)
    assert maps.lookup("A@d.test") == "x@d.test,y@d.test"
    assert [maps.lookup(f"{name}@d.test") for name in ("null", "empty", "none")] == [None, None, None]
    found = [maps.lookup(f"{name}@d.test") for name in ("int", "float", "big", "blob")]
    assert found == ["12", "1.0", "1.0e+100", "bü"]
    assert table("query = SELECT goto, active FROM alias WHERE address = '%s'").lookup("int@d.test") == "12"


def test_old_parameters_make_the_query(table: Open) -> None:
    """table, select_field, where_field, additional_conditions; `query` goes before them."""
    old = "table = alias\nselect_field = goto\nwhere_field = address\nadditional_conditions = AND active = '1'\n"
    assert table(old).lookup("o'neil@d.test") == "q"
    assert table(old).lookup("off@d.test") is None
    assert table(f"{old}query = SELECT 'new'").lookup("a") == "new"


def test_key_cannot_leave_its_quotes(table: Open) -> None:
    """What would be SQL in the hands of a careless program is a name that is not there."""
    for key in (
        "' OR '1'='1",
        "x' UNION SELECT goto FROM alias --",
        "'",
        "''",
        "\\'",
        "a@d.test'; DROP TABLE alias; --",
    ):
        assert table(ALIASES).lookup(key) is None
    assert table(ALIASES).lookup("o'neil@d.test") == "q"


def test_domain_limits_what_is_asked(table: Open) -> None:
    """Only whole addresses in these domains; a list that cannot be read is a temporary error."""
    maps = table(f"{ALIASES}domain = d.test, inline:{{e.test=x}}\n")
    assert [maps.lookup(key) for key in ("a@d.test", "a", "@d.test", "a@f.test", "a@e.test")] == [
        "x@d.test,y@d.test", None, None, None, None,
    ]  # fmt: skip
    with pytest.raises(TableError):
        table(f"{ALIASES}domain = fail:x\n").lookup("a@d.test")


def test_expansion_limit_makes_too_many_values_an_error(table: Open) -> None:
    """Two is one too many; values that the result template leaves out do not count."""
    with pytest.raises(TableError, match=r"Expansion limit exceeded for key: 'a@d\.test'"):
        table(f"{ALIASES}expansion_limit = 1\n").lookup("a@d.test")
    assert table(f"{ALIASES}expansion_limit = 2\n").lookup("a@d.test") == "x@d.test,y@d.test"
    assert table(f"{ALIASES}expansion_limit = 1\nresult_format = %u/%d\n").lookup("int@d.test") is None


def test_settings_may_stand_in_main_cf(database: Path) -> None:
    """With a prefix, and there $name is replaced."""
    config = Config.from_text(
        f"folder = {database.parent}\nsq_dbpath = $folder/db\nsq_result_format = <%s>\n"
        "sq_query = SELECT goto FROM alias WHERE address = '%s'\n"
    )
    maps = open_maps("sqlite:sq", "test_maps", config)
    assert maps.lookup("int@d.test") == "<12>"
    assert not maps.has_changed()
    assert maps.tables[0].owner is None


def test_misspelt_setting_is_warned_about(table: Open, tmp_path: Path) -> None:
    """With file, line and the name that is probably meant; a password is not shown."""
    config = Config.from_text("")
    table(f"{ALIASES}result_fromat = %s\npasswordd = secret\ndbpath = {tmp_path}/db\n", config)
    assert config.warnings == [
        f"{tmp_path}/t.cf, line 5: overriding earlier entry: dbpath={tmp_path}/db",
        f"{tmp_path}/t.cf, line 3: unused parameter: result_fromat=%s; did you mean result_format?",
        f"{tmp_path}/t.cf, line 4: unused parameter: passwordd=...",
    ]


def test_changed_settings_and_replaced_database_are_noticed(table: Open, database: Path, tmp_path: Path) -> None:
    """Not what is written into the database: that is seen at the next lookup."""
    maps = table(ALIASES)
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("INSERT INTO alias VALUES ('new@d.test', 'n', 1)")
    connection.close()
    assert maps.lookup("new@d.test") == "n"
    assert not maps.has_changed()
    (tmp_path / "copy").write_bytes(database.read_bytes())
    os.rename(tmp_path / "copy", database)
    assert maps.has_changed()
    assert table(f"{ALIASES}expansion_limit = 5\n").has_changed() is False
    assert maps.tables[0].owner == os.getuid()


def test_missing_files_are_temporary_until_they_are_there(tmp_path: Path) -> None:
    """Settings or database."""
    maps = open_maps([f"sqlite:{tmp_path}/t.cf"], "test_maps", Config.from_text(""))
    with pytest.raises(TableError, match=f"open {tmp_path}/t.cf: No such file or directory"):
        maps.lookup("a")
    (tmp_path / "t.cf").write_text(f"dbpath = {tmp_path}/db\n{ALIASES}")
    assert maps.has_changed()
    maps = open_maps([f"sqlite:{tmp_path}/t.cf"], "test_maps", Config.from_text(""))
    with pytest.raises(TableError, match=f"open {tmp_path}/db: No such file or directory"):
        maps.lookup("a")
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("query = SELEC goto", "syntax error"),
        ("query = SELECT goto FROM nowhere", "no such table"),
        ("query = SELECT", "incomplete input"),
        (ALIASES.replace("'%s'", "'bad@d.test'"), "the value is not UTF-8 text"),
    ],
)
def test_query_that_fails_is_a_temporary_error(table: Open, text: str, problem: str) -> None:
    """Never "not found"."""
    with pytest.raises(TableError, match=problem):
        table(text).lookup("a@d.test")


def test_file_that_is_no_database_is_a_temporary_error(table: Open, database: Path) -> None:
    """Or one that somebody has damaged."""
    database.write_bytes(b"nothing of the kind " * 100)
    with pytest.raises(TableError, match="file is not a database"):
        table(ALIASES).lookup("a@d.test")


def test_second_statement_is_ignored_with_a_warning(table: Open) -> None:
    """As Postfix does it."""
    config = Config.from_text("")
    config.log = log = MemoryLog()
    assert table("query = SELECT 'a;b'; SELECT 'c'\n", config).lookup("x") == "a;b"
    assert [line.partition(": sqlite:")[0] for line in log.lines] == ["warning"]
    assert log.lines[0].endswith("Ignoring text at end of query: SELECT 'c'")
    assert split_statement("SELECT 1") == ("SELECT 1", "")


def test_threads_share_the_database(table: Open) -> None:
    """A lookup may be a thread's work."""
    maps = table(ALIASES)
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(maps.lookup("int@d.test"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["12"] * 8
    assert maps.blocking


def test_database_that_somebody_writes_is_waited_for(
    table: Open, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few seconds, then it is a temporary error."""
    monkeypatch.setattr("pyfix.mail.maps.sqlite._BUSY_S", 0.05)
    writer = sqlite3.connect(database, isolation_level=None)
    maps = table(ALIASES)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TableError, match="database is locked"):
        maps.lookup("int@d.test")
    writer.execute("COMMIT")
    assert maps.lookup("int@d.test") == "12"
    writer.close()


def test_settings_without_a_process_are_those_of_a_file(tmp_path: Path) -> None:
    """main.cf is somebody's; a name without a slash needs one."""
    from pyfix.mail.maps.opening import Opening
    from pyfix.mail.maps.registry import open_table

    with pytest.raises(ConfigError, match=r"settings in main\.cf"):
        open_table("sqlite:sq", Opening(lambda text: None))
    assert SqliteTable.blocking
