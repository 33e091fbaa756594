"""The rows of scripts/bench about SQL: the same load with three tables in MySQL, and with the same three in files."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench_database import Database, mail_database
from rich.console import Console
from rich.table import Table

Server = TypeVar("Server")
_ACCOUNTS = 20_000
_TABLES = (
    ("virtual_mailbox_domains", "domain", "domain", "domain"),
    ("virtual_mailbox_maps", "mailbox", "maildir", "username"),
    ("virtual_alias_maps", "alias", "goto", "address"),
)
"""Parameter, table, select_field, where_field: the query files of the tutorials."""


def write_mysql(folder: Path, database: Database) -> str:
    """Write the query files; return the lines of main.cf."""
    lines = []
    for parameter, table, select, where in _TABLES:
        path = folder / f"mysql_{parameter}.cf"
        path.write_text(
            f"user = {database.user}\npassword = {database.password}\nhosts = {database.host}:{database.port}\n"
            f"dbname = {database.name}\ntable = {table}\nselect_field = {select}\nwhere_field = {where}\n"
            "additional_conditions = AND active = '1'\n"
        )
        lines.append(f"{parameter} = mysql:{path}")
    return "\n".join(lines)


def write_texthash(folder: Path) -> str:
    """Write the same into files; return the lines of main.cf."""
    contents = {
        "virtual_mailbox_domains": "bench.test bench.test\n",
        "virtual_mailbox_maps": "".join(f"{name} {maildir}\n" for name, _, maildir in accounts()),
        "virtual_alias_maps": "",
    }
    for parameter, content in contents.items():
        (folder / parameter).write_text(content)
    return "\n".join(f"{parameter} = texthash:{folder / parameter}" for parameter in contents)


def accounts() -> list[tuple[str, str, str]]:
    """Return the rows of the table mailbox: smtp-source -N puts a number before each recipient, so that all differ.

    They share a Maildir, since tables are what is compared here.
    """
    names = ["u1", *(f"{number}u1" for number in range(_ACCOUNTS))]
    return [(f"{name}@bench.test", "secret", "u1/Maildir/") for name in names]


def run(
    folder: Path, rounds: int, start: Callable[[str, str, str], Server], measures: dict[str, Callable[[Server], float]],
    names: list[str], console: Console,
) -> None:  # fmt: skip
    """Measure each server with both kinds of tables in turns. `start` takes name, kind, and lines of main.cf.

    `measures` are loads by name.
    """
    with mail_database(accounts(), ["bench.test"]) as database:
        kinds = {"texthash": write_texthash(folder), "mysql": write_mysql(folder, database)}
        table = Table("4 KB, 20 sessions, three tables", "server", "texthash", "mysql", "ratio")
        for name in names:
            servers = {kind: start(name, kind, lines) for kind, lines in kinds.items()}
            for load, measure in measures.items():
                figures: dict[str, list[float]] = {kind: [] for kind in kinds}
                for _ in range(rounds):
                    for kind, server in servers.items():
                        figures[kind].append(measure(server))
                files, mysql = (statistics.median(figures[kind]) for kind in ("texthash", "mysql"))
                table.add_row(load, name, f"{files:,.0f} msg/s", f"{mysql:,.0f} msg/s", f"{mysql / files:.2f}")
        console.print(table)
