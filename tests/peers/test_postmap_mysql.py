"""mysql: both programs ask one MariaDB, with all forms of queries and results."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from databases import Database, mariadb, mariadb_run
from postmap_pair import Postmaps
from sql_cases import CASES, CREATE, some_rows

pytestmark = pytest.mark.peer("postmap", "mariadbd", "mariadb-install-db")
ROWS, KEYS = some_rows(random.Random("mysql"))
MORE_CASES = {
    "procedure": "query = CALL find('%s')\n",
    "procedure without a result": "query = CALL find_nothing('%s')\nrequire_result_set = no\n",
    "types": "query = SELECT number + 0.5, NOW() > '2000-01-01', BINARY goto, CAST(active AS CHAR), NULL,"
    " DATE('2001-02-03'), TIME('10:11:12'), CAST(1.10 AS DECIMAL(10,2)), 1e10, 0x41"
    " FROM alias WHERE address = '%s' ORDER BY goto\n",
    "union": "query = SELECT goto FROM alias WHERE address = '%s' UNION SELECT 'x' ORDER BY 1\n",
}
PROCEDURES = [
    "CREATE PROCEDURE find(IN name VARCHAR(600)) SELECT goto FROM alias WHERE address = name ORDER BY goto",
    "CREATE PROCEDURE find_nothing(IN name VARCHAR(600)) SET @found = name",
    "CREATE PROCEDURE find_twice(IN name VARCHAR(600)) BEGIN SELECT 1; SELECT 2; END",
]


@pytest.fixture(scope="module")
def database(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with the table of aliases."""
    with mariadb(need) as server:
        mariadb_run(server.path, f"{CREATE} COLLATE utf8mb4_bin", database="mail")
        mariadb_run(server.path, "INSERT INTO alias VALUES (%s, %s, %s, %s, %s)", list(ROWS), "mail")
        for procedure in PROCEDURES:
            mariadb_run(server.path, procedure, database="mail")
        yield server


def settings(database: Database, host: str = "") -> str:
    """Return the lines that lead to the server."""
    return f"hosts = {host or f'unix:{database.path}'}\nuser = mail\npassword = secret\ndbname = mail\n"


@pytest.mark.parametrize("name", sorted(CASES | MORE_CASES))
def test_queries_give_the_same_answers(name: str, database: Database, postmaps: Postmaps) -> None:
    """Thousands of keys."""
    text = (CASES | MORE_CASES)[name]
    table = postmaps.directory.parent / "t.cf"
    table.write_text(settings(database) + text)
    found = postmaps.assert_same_answers(f"mysql:{table}", KEYS)
    assert found > 10 or "find_nothing" in text


@pytest.mark.parametrize(
    "host", ["inet:127.0.0.1:{port}", "127.0.0.1:{port}", "unix:/nowhere inet:127.0.0.1:{port} unix:{path}"]
)
def test_forms_of_a_host(host: str, database: Database, postmaps: Postmaps) -> None:
    """Over TCP, and with hosts that are down."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(settings(database, host.format(port=database.port, path=database.path)) + CASES["whole key"])
    assert postmaps.assert_same_answers(f"mysql:{table}", KEYS[:200]) > 10


FAILING = [
    "query = SELECT goto FROM nowhere",
    "query = SELEC 1",
    "query = SELECT address FROM alias\nexpansion_limit = 3",
    "query = SELECT 1, 2\nexpansion_limit = 1",
    "query = CALL find_nothing('%s')",
    "query = CALL find_twice('%s')",
    "query = SELECT 1; SELECT 2",
    "query = SELECT '%x'",
    "query = SELECT 1\npassword = wrong",
    "query = SELECT 1\ndbname = other",
    "query = SELECT 1\ndbname =",
    "query = SELECT 1\nhosts = unix:/nowhere",
    "query = SELECT 1\nrequire_result_set = maybe",
]


def test_what_fails_fails_for_both(database: Database, postmaps: Postmaps) -> None:
    """Status 1 and one fatal line."""
    postmaps.assert_both_fail("mysql", [(f"{settings(database)}{text}\n", "a@example.com") for text in FAILING])


def test_option_file(database: Database, postmaps: Postmaps) -> None:
    """Socket, user and password in the client's own file."""
    options = postmaps.directory.parent / "my.cnf"
    options.write_text(f"[client]\nsocket = {database.path}\n[other]\nuser = nobody\n[mail]\nuser='mail'\n")
    table = postmaps.directory.parent / "t.cf"
    lines = f"hosts = localhost\ndbname = mail\noption_file = {options}\noption_group = mail\npassword = secret\n"
    table.write_text(lines + CASES["whole key"])
    assert postmaps.assert_same_answers(f"mysql:{table}", KEYS[:200]) > 10
