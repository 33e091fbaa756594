"""sqlite: both programs ask one database, with all forms of queries and results."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from postmap_pair import Postmaps
from sql_cases import CASES, some_rows

pytestmark = pytest.mark.peer("postmap")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with many rows."""
    path = tmp_path_factory.mktemp("sqlite") / "db"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE alias (address TEXT, goto TEXT, other TEXT, number, active INTEGER)")
        connection.executemany("INSERT INTO alias VALUES (?, ?, ?, ?, ?)", some_rows(random.Random("sqlite"))[0])
    connection.close()
    return path


@pytest.mark.parametrize("name", sorted(CASES))
def test_queries_give_the_same_answers(name: str, database: Path, postmaps: Postmaps) -> None:
    """Thousands of keys."""
    _, keys = some_rows(random.Random("sqlite"))
    table = postmaps.directory.parent / "t.cf"
    table.write_text(f"dbpath = {database}\n{CASES[name]}")
    assert postmaps.assert_same_answers(f"sqlite:{table}", keys) > 10


FAILING = [
    "query = SELECT goto FROM nowhere",
    "query = SELEC 1",
    "query = SELECT address FROM alias\nexpansion_limit = 3",
    "query = SELECT 1\nexpansion_limit = x",
    "query = SELECT '%x'",
    "query =\ntable = alias",
    "query = SELECT 1\ndomain = fail:x",
    "query = SELECT 1\nresult_format =",
]


def test_what_fails_fails_for_both(database: Path, postmaps: Postmaps) -> None:
    """Status 1 and one fatal line."""
    postmaps.assert_both_fail("sqlite", [(f"dbpath = {database}\n{text}\n", "a@example.com") for text in FAILING])


def test_settings_in_main_cf(database: Path, tmp_path: Path, postmaps: Postmaps) -> None:
    """The form with a prefix."""
    _, keys = some_rows(random.Random("sqlite"))
    for directory in (postmaps.directory, postmaps.postfix_directory):
        with (directory / "main.cf").open("a") as file:
            file.write(f"where = address\nsq_dbpath = {database}\nsq_table = alias\nsq_select_field = goto\n")
            file.write("sq_where_field = $where\nsq_result_format = <%s>\n")
    assert postmaps.assert_same_answers("sqlite:sq", keys) > 10
