"""pyfix-accounts(1): import and export all accounts.

    pyfix [-c DIR] accounts import FILE... [--replace] [--dry-run]
    pyfix [-c DIR] accounts export [--format json|csv] [TARGET]

The accounts are in the database that accounts_database names. import makes the tables there if there are none, and puts
rows into them: all of the files, or nothing when one of them is broken. What is there already stays as it is, unless
--replace. Limits of domains are not applied. The end of a file's name says what is in it:

    .sql    ExtMan's extmail.sql and init.sql, or what mysqldump has written of such a database; in this order, if
            several. Their rows are taken, no statement is executed: what servers of today refuse (TYPE=MyISAM, users of
            the server in INSERT INTO mysql.user) does not matter, and what is left out is told with file and line
    .json   an object a line, as export writes it: a table, and columns by name
    .csv    comma-separated values with the names of columns in the first line; the file has the name of its table:
            domain.csv, mailbox.csv, alias.csv, manager.csv, domain_manager.csv, app_password.csv

Columns are those of ExtMail's tables. The days 0000-00-00 and 1000-01-01 mean never, an empty flag means no. Passwords
in clear text (clearpwd) are neither imported nor exported; stored passwords are, so that only who may see them can
export, and the files are for their owner alone.

export writes JSON to the file TARGET, or to standard output; with --format csv TARGET is a directory. It is a copy of
everything as it is at one moment, also while mail runs and accounts change.

Exit status: 0 when it is done, 1 when it is refused, 2 for wrong usage, 65 for a broken file, 75 when the database
can't be asked.

Example: from ExtMail's database to the embedded one

    mysqldump --skip-opt extmail > extmail.sql
    pyfix accounts import extmail.sql

See: pyfix(1), pyfix-domain(1), pyfix-user(1), accounts_table(5), postconf(5)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

from pyfix.base.atomic import write_file
from pyfix.commands.account_call import Call, refusals
from pyfix.commands.account_call import accounts as opened
from pyfix.commands.account_views import print_table
from pyfix.commands.telling import say
from pyfix.mail.accounts import Store, now_text, today
from pyfix.mail.accounts.exchange.convert import convert
from pyfix.mail.accounts.exchange.csv_file import read_csv, write_csv
from pyfix.mail.accounts.exchange.entries import BrokenFile, Entry, Found, Ready
from pyfix.mail.accounts.exchange.json_file import read_json, write_json
from pyfix.mail.accounts.exchange.load import (
    Advance,
    Loaded,
    expired_rows,
    exported_columns,
    load,
    lost_domains,
    take_out,
)
from pyfix.mail.accounts.exchange.sql_file import SqlReader
from pyfix.mail.accounts.schema import APP_PASSWORD, MAILBOX, TABLES

_MOST_SHOWN: Final = 20
_MODE: Final = 0o600


@click.group()
def accounts() -> None:
    """Import and export all accounts."""


@accounts.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--replace", is_flag=True, help="A row of a file replaces one with the same name.")
@click.option("--dry-run", is_flag=True, help="Read the files and tell of them, but change nothing.")
@click.pass_obj
def import_(call: Call, files: tuple[str, ...], replace: bool, dry_run: bool) -> None:
    """Import accounts from files."""
    with refusals():
        rows = _read_all(files)
    if dry_run:
        say(f"{len(rows)} rows can be imported; nothing was changed")
        return
    with opened(call, create=True) as store:
        _warn(store, rows)
        with _progress("import", len(rows)) as advance:
            loaded = load(store.database, rows, advance, replace=replace)
    _report(loaded)


def _read_all(files: tuple[str, ...]) -> list[Ready]:
    """Return the rows of all files, after telling what is left out; ends the command if any of them is broken."""
    sql = SqlReader(now_text())
    readers: dict[str, Callable[[str], Found]] = {".sql": sql.read, ".json": read_json, ".csv": read_csv}
    rows: list[Ready] = []
    problems: list[str] = []
    for path in files:
        reader = readers.get(os.path.splitext(path)[1].lower())
        if reader is None:
            raise click.UsageError(f"{path}: the name ends in none of {' '.join(readers)}")
        _read_file(path, reader, rows, problems)
    for problem in problems[:_MOST_SHOWN]:
        say(f"error: {problem}")
    if problems:
        say(f"fatal: nothing was imported: {len(problems)} errors")
        sys.exit(os.EX_DATAERR)
    return rows


def _read_file(path: str, reader: Callable[[str], Found], rows: list[Ready], problems: list[str]) -> None:
    now = now_text()
    clear = 0
    try:
        for found in reader(path):
            if not isinstance(found, Entry):
                say(f"note: {found}")
                continue
            clear += bool(found.values.get("clearpwd"))
            try:
                rows.append(convert(found, now))
            except BrokenFile as error:
                problems.append(str(error))
    except BrokenFile as error:
        problems.append(str(error))
    if clear:
        say(f"note: {path}: left out: {clear} passwords in clear text (clearpwd)")


def _warn(store: Store, rows: list[Ready]) -> None:
    """Tell of accounts that are of no use."""
    for domain, who in lost_domains(store.database, rows).items():
        say(f"warning: {who}: there is no domain {domain}; add it with: pyfix domain add {domain}")
    expired = expired_rows(rows, today().isoformat())
    for row, day in expired[:_MOST_SHOWN]:
        command = "user" if row.table is MAILBOX else row.table.name
        remedy = f"pyfix {command} set {row.key[0]} --expires never"
        say(f"warning: {row.table.name} {row.key[0]} expired on {day}; change it with: {remedy}")
    if len(expired) > _MOST_SHOWN:
        say(f"warning: {len(expired) - _MOST_SHOWN} more accounts have expired")


def _report(loaded: Loaded) -> None:
    counts = {"added": loaded.added, "replaced": loaded.replaced, "already there": loaded.kept}
    shown = [name for name in TABLES if name != APP_PASSWORD.name or any(name in count for count in counts.values())]
    rows = [{"table": name, **{word: count.get(name, 0) for word, count in counts.items()}} for name in shown]
    print_table(("table", *counts), rows)


@accounts.command()
@click.argument("target", metavar="[TARGET]", default="-")
@click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True, help="json or csv."
)
@click.pass_obj
def export(call: Call, target: str, form: str) -> None:
    """Export all accounts."""
    if form == "csv" and target == "-":
        raise click.UsageError("specify a directory for the files")
    with opened(call) as store:
        found = take_out(store.database)
        with _progress("export", sum(len(rows) for _, rows in found)) as advance:
            texts: dict[str, str] = {}
            for table, rows in found:
                columns = exported_columns(table)
                lines = write_csv(columns, rows) if form == "csv" else write_json(table, columns, rows)
                texts[table.name] = "".join(_counted(lines, advance))
        _write(target, form, texts)


def _counted(lines: Iterator[str], advance: Advance) -> Iterator[str]:
    for line in lines:
        yield line
        advance(1)


def _write(target: str, form: str, texts: dict[str, str]) -> None:
    if form == "csv":
        os.makedirs(target, 0o700, exist_ok=True)
        for name, text in texts.items():
            write_file(os.path.join(target, f"{name}.csv"), text.encode(), _MODE)
    elif target == "-":
        click.echo("".join(texts.values()), nl=False)
    else:
        write_file(target, "".join(texts.values()).encode(), _MODE)


@contextmanager
def _progress(what: str, total: int) -> Iterator[Advance]:
    """Show a bar on a terminal until the work is done."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
