"""pgsql: both programs ask one PostgreSQL, with all forms of queries and results.

Postfix 3.7 knows one encoding, LATIN1, with which bytes come back as they are: so do both here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from databases import Database, postgresql, postgresql_run
from postmap_pair import Postmaps
from sql_cases import CASES, CREATE, some_rows

pytestmark = pytest.mark.peer("postmap", "initdb")
ROWS, KEYS = some_rows(random.Random("pgsql"))
SAME_CASES = (
    "whole key", "old parameters", "old parameters with conditions", "two columns", "numbers", "local part and domain",
    "labels", "percent sign", "dollar sign", "result with parts of the value", "domain",
)  # fmt: skip
MORE_CASES = {
    "function": "select_function = find\n",
    "function goes before the old parameters": "select_function = find\ntable = x\nselect_field = y\nwhere_field = z\n",
    "last of several statements": "query = SELECT 1; SELECT goto FROM alias WHERE address = '%s' ORDER BY goto\n",
    "types": "query = SELECT number + 0.5, now() > '2000-01-01', goto::bytea, active::char, NULL, DATE '2001-02-03',"
    " TIME '10:11:12', 1.10::decimal(10,2), 1e10, 1e100::float8, ARRAY[1, 2], 'NaN'::float8"
    " FROM alias WHERE address = '%s' ORDER BY goto\n",
    "union": "query = SELECT goto FROM alias WHERE address = '%s' UNION SELECT 'x' ORDER BY 1\n",
    "literals": "query = SELECT E'\\'', $$'$$, U&'\\0041', '\\', goto FROM alias WHERE address = '%s' ORDER BY goto\n",
}


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with the table of aliases."""
    with postgresql(need) as server:
        postgresql_run(server, f"{CREATE}; GRANT ALL ON alias TO mail")
        postgresql_run(server, "SET client_encoding = LATIN1; ALTER ROLE root SET client_encoding = LATIN1")
        rows = [[mangled(value) for value in row] for row in ROWS]
        postgresql_run(server, "INSERT INTO alias VALUES (%s, %s, %s, %s, %s)", rows)
        postgresql_run(
            server,
            "CREATE FUNCTION find(name text) RETURNS SETOF text LANGUAGE SQL AS"
            " 'SELECT goto FROM alias WHERE address = name ORDER BY goto'",
        )
        yield server


def mangled(value: str | int | None) -> str | int | None:
    """Return a text as the server sees it whose client takes UTF-8 for Latin-1."""
    return value.encode().decode("latin-1") if isinstance(value, str) else value


def settings(database: Database, host: str = "") -> str:
    """Return the lines that lead to the server."""
    hosts = host or f"unix:{database.path}"
    return f"hosts = {hosts}\nuser = mail\npassword = secret\ndbname = mail\nencoding = LATIN1\n"


@pytest.mark.parametrize("name", [*SAME_CASES, *MORE_CASES])
def test_queries_give_the_same_answers(name: str, database: Database, postmaps: Postmaps) -> None:
    """Thousands of keys."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(settings(database) + (CASES | MORE_CASES)[name])
    assert postmaps.assert_same_answers(f"pgsql:{table}", KEYS) > 10


@pytest.mark.parametrize(
    "host",
    [
        "inet:127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "{path}",
        "unix:/nowhere inet:127.0.0.1:{port} unix:{path}",
        "postgresql://mail:secret@127.0.0.1:{port}/mail",
        "postgresql://mail@%2Fnowhere/mail, postgresql://mail:secret@127.0.0.1:{port}/mail?sslmode=disable",
        "127.0.0.1\ndbname = port={port} dbname=mail",
        "127.0.0.1\ndbname = postgresql://127.0.0.1:{port}/mail?sslmode=prefer",
    ],
)
def test_forms_of_a_host(host: str, database: Database, postmaps: Postmaps) -> None:
    """Over TCP, as a URI, with hosts that are down, and with the rest in the place of the database."""
    table = postmaps.directory.parent / "t.cf"
    text = settings(database, host.format(port=database.port, path=database.path)) + CASES["whole key"]
    if "dbname" in host:
        text = text.replace("dbname = mail\n", "")
    table.write_text(text)
    assert postmaps.assert_same_answers(f"pgsql:{table}", KEYS[:200]) > 10


FAILING = [
    "query = SELEC 1",
    "query = ;",
    "query = COPY alias TO STDOUT",
    "query = SELECT E'\\u20ac'",
    "query = SELECT 1\npassword = wrong",
    "query = SELECT 1\ndbname =",
    "query = SELECT 1\nhosts = postgresql://127.0.0.1:1/mail?ssl_mode=require",
    "table = alias",
]


def test_what_fails_fails_for_both(database: Database, postmaps: Postmaps) -> None:
    """Status 1 and one fatal line."""
    postmaps.assert_both_fail(
        "pgsql", [(f"{settings(database, f'127.0.0.1:{database.port}')}{text}\n", "a@example.com") for text in FAILING]
    )


@pytest.mark.parametrize("text", ["query = DO $$ BEGIN END $$", "query = SELECT", "query = SELECT 1 WHERE false"])
def test_query_without_rows_finds_nothing(text: str, database: Database, postmaps: Postmaps) -> None:
    """It is no error."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(f"{settings(database)}{text}\n")
    for run in (postmaps.theirs, postmaps.ours):
        done = run("-q", "a@example.com", f"pgsql:{table}")
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
