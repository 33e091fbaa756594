"""pyfix accounts import and export, for the embedded file, MariaDB, and ExtMail's own tables there."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import account_stores
import extmail
import pytest
from click.testing import CliRunner, Result
from databases import Database, mariadb_run

from pyfix.commands.pyfix import main
from pyfix.mail.accounts import AppPassword, Service, Store, open_store
from pyfix.mail.config import Config

KINDS = (*account_stores.KINDS, pytest.param("empty", marks=account_stores.MARIADB))
"""`empty`: a database of a server without tables."""


class Site:
    """A configuration, and the commands for its accounts."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "main.cf").write_text(f"accounts_database = {database}\n")

    def run(self, *args: str, status: int = 0) -> Result:
        """Run `pyfix accounts ...`."""
        result = CliRunner().invoke(main, ["-c", str(self.folder), "accounts", *args])
        assert result.exit_code == status, result.output
        return result

    def write(self, name: str, text: str) -> str:
        """Write a file, and return its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def open(self) -> Store:
        """Return the accounts."""
        return open_store(Config.load(str(self.folder)))

    def exported(self) -> list[dict[str, str]]:
        """Return all rows."""
        return [json.loads(line) for line in self.run("export").stdout.splitlines()]


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, account_server: Callable[[], Database], tmp_path: Path) -> Site:
    """A configuration with empty accounts of each kind."""
    if request.param == "sqlite":
        return Site(tmp_path / "etc", f"sqlite:{tmp_path}/accounts.db")
    running = account_server()
    name = account_stores.new_database(running, request.param)
    if request.param == "empty":
        for table in ("domain", "mailbox", "alias", "manager", "domain_manager"):
            mariadb_run(running.path, f"DROP TABLE {table}", database=name)
    return Site(tmp_path / "etc", f"mysql:{account_stores.settings(running, name, tmp_path)}")


@pytest.fixture
def embedded(tmp_path: Path) -> Site:
    """A configuration with the embedded file."""
    return Site(tmp_path / "other", f"sqlite:{tmp_path}/other.db")


def counts(result: Result) -> dict[str, tuple[int, ...]]:
    """Return added, replaced and kept rows of each table from the report."""
    lines = [line.split() for line in result.stdout.splitlines()]
    return {words[0]: tuple(map(int, words[1:])) for words in lines if words and words[-1].isdigit()}


def test_extmans_files_are_imported_as_they_are(site: Site) -> None:
    """Accounts work, and everything that was left out or is not as it seems is told with file and line."""
    schema, init = site.write("extmail.sql", extmail.SCHEMA), site.write("init.sql", extmail.INIT)
    result = site.run("import", schema, init)
    assert set(counts(result).values()) == {(1, 0, 0)}
    notes = result.stderr.splitlines()
    remedy = "make users of the server with CREATE USER and GRANT"
    assert f"pyfix: note: {schema}, line 9: left out: INSERT INTO mysql.db; {remedy}" in notes
    assert f"pyfix: note: {schema}, line 11: left out: GRANT SELECT , ...: only rows are taken" in notes
    assert sum("is made in its present form, without TYPE=MyISAM" in line for line in notes) == 5
    address = "postmaster@extmail.org"
    boss = "root@extmail.org"
    expired = {"domain": ("domain", "extmail.org"), "mailbox": ("user", address), "manager": ("manager", boss)}
    for word, (command, name) in expired.items():
        remedy = f"pyfix {command} set {name} --expires never"
        assert f"pyfix: warning: {word} {name} expired on 2010-11-08; change it with: {remedy}" in notes
    store = site.open()
    assert store.mailboxes.get(address).quota.size == 104857600
    assert store.domains.get("extmail.org").max_users == 50
    assert store.managers.get("root@extmail.org").domains == ("extmail.org",)
    assert store.aliases.get("support@extmail.org").targets == (address,)
    store.close()
    for name, password in ((address, "extmail"), (address, "wrong")):
        args = ["-c", str(site.folder), "user", "verify", name, "--password-stdin"]
        told = CliRunner().invoke(main, args, input=password).stderr
        right = "right" if password == "extmail" else "wrong"
        assert told == f"pyfix: fatal: the password is {right}, but the mailbox is: expired on 2010-11-08\n"


def test_what_is_there_stays_or_is_replaced(site: Site) -> None:
    """A second import adds nothing; with --replace the file wins."""
    init = site.write("init.sql", extmail.INIT)
    site.run("import", init)
    changed = site.write("changed.sql", extmail.INIT.replace("'PostMaster'", "'O''Neil'"))
    assert set(counts(site.run("import", changed)).values()) == {(0, 0, 1)}
    store = site.open()
    assert store.mailboxes.get("postmaster@extmail.org").name == "PostMaster"
    assert set(counts(site.run("import", "--replace", changed)).values()) == {(0, 1, 0)}
    assert store.mailboxes.get("postmaster@extmail.org").name == "O'Neil"
    store.close()


def test_everything_moves_from_one_database_to_another(site: Site, embedded: Site, tmp_path: Path) -> None:
    """As JSON and as CSV, with columns that pyfix gives no meaning; not with passwords in clear text."""
    text = extmail.INIT.replace("5b1", "x").replace("'my answer'", "'ä \\'\\\\ \\n?%s'")
    text = text.replace("'$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0',''", "'$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0','clear'")
    result = site.run("import", site.write("init.sql", text))
    assert "init.sql: left out: 1 passwords in clear text (clearpwd)" in result.stderr
    rows = site.exported()
    assert len(rows) == 5 and "clear" not in str(rows)
    box = next(row for row in rows if row["table"] == "mailbox")
    assert (box["answer"], box["netdiskquota"], box["expiredate"]) == ("ä '\\ \n?%s", "52428800S", "2010-11-08")
    site.run("export", str(tmp_path / "all.json"))
    site.run("export", "--format", "csv", str(tmp_path / "csv"))
    files = sorted((tmp_path / "csv").iterdir())
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "all.json", *files)} == {0o600}
    embedded.run("import", str(tmp_path / "all.json"))
    assert embedded.exported() == rows
    result = embedded.run("import", "--replace", *map(str, files))
    assert set(counts(result).values()) == {(0, 1, 0)}
    assert [{k: v or "" for k, v in row.items()} for row in embedded.exported()] == [
        {k: v or "" for k, v in row.items()} for row in rows
    ]


def test_app_passwords_move_with_their_mailboxes(site: Site, embedded: Site, tmp_path: Path) -> None:
    """Their table is one more; a file of an old release has none."""
    site.run("import", site.write("init.sql", extmail.INIT))
    store = site.open()
    new = AppPassword("postmaster@extmail.org", "phone", "{PLAIN}x", frozenset({Service.POP3}), "2026-11-26 12:00:00")
    store.app_passwords.add(new)
    store.close()
    site.run("export", str(tmp_path / "all.json"))
    result = embedded.run("import", str(tmp_path / "all.json"))
    assert counts(result)["app_password"] == (1, 0, 0)
    assert embedded.exported() == site.exported()
    site.run("export", "--format", "csv", str(tmp_path / "csv"))
    result = embedded.run("import", "--replace", *map(str, (tmp_path / "csv").iterdir()))
    assert set(counts(result).values()) == {(0, 1, 0)}
    store = embedded.open()
    assert store.app_passwords.all(new.address) == [new]
    store.close()
    bad = embedded.write("app_password.csv", "username,name,services\na@x.test,x,telnet\na@x.test,,\n")
    told = embedded.run("import", bad, status=os.EX_DATAERR).stderr
    assert 'line 2: app_password: no protocol "telnet"' in told and "line 3: app_password: bad name" in told


def test_broken_file_imports_nothing(site: Site) -> None:
    """Every mistake is told, with file and line, and status 65; also rows of other files stay out."""
    good = site.write("init.sql", extmail.INIT)
    bad = site.write("mailbox.csv", "username,quota\na@x.test,lots\nb@x.test,1\n;DROP TABLE@x,2\n")
    worse = site.write("x.json", '{"table": "alias"\n')
    result = site.run("import", good, bad, worse, status=os.EX_DATAERR)
    assert result.stderr.splitlines() == [
        f'pyfix: error: {bad}, line 2: mailbox: column quota: bad quota "lots"',
        f'pyfix: error: {bad}, line 4: mailbox: bad address ";DROP TABLE@x"; specify a name like alice@example.com',
        f"pyfix: error: {worse}, line 1: no JSON object in one line: Expecting ',' delimiter",
        "pyfix: fatal: nothing was imported: 3 errors",
    ]
    site.run("import", site.write("alias.csv", "address,goto\n"))
    assert site.exported() == []


def test_first_domain_makes_the_tables(site: Site) -> None:
    """In a database that has none of them, as in the embedded file; what is there stays."""
    for name in ("x.test", "y.test"):
        result = CliRunner().invoke(main, ["-c", str(site.folder), "domain", "add", name])
        assert result.exit_code == 0, result.output
    assert [row["domain"] for row in site.exported()] == ["x.test", "y.test"]


def test_dry_run_changes_nothing(embedded: Site) -> None:
    """It makes no database either."""
    result = embedded.run("import", "--dry-run", embedded.write("init.sql", extmail.INIT))
    assert result.stderr == "pyfix: 5 rows can be imported; nothing was changed\n"
    embedded.run("export", status=os.EX_TEMPFAIL)


def test_wrong_use_is_told(embedded: Site, tmp_path: Path) -> None:
    """A file of no known kind, one that is not there, a format that needs a directory."""
    assert "the name ends in none of .sql .json .csv" in embedded.run("import", "x.txt", status=2).stderr
    missing = f"{tmp_path}/none.sql"
    assert embedded.run("import", missing, status=1).stderr == f"pyfix: fatal: {missing}: No such file or directory\n"
    assert "specify a directory for the files" in embedded.run("export", "--format", "csv", status=2).stderr
    embedded.run("import", embedded.write("init.sql", extmail.INIT))
    told = embedded.run("export", f"{tmp_path}/none/x.json", status=1).stderr
    assert told.startswith(f"pyfix: fatal: {tmp_path}/none/") and told.endswith(": No such file or directory\n")


def test_mailbox_without_its_domain_is_told_of(embedded: Site) -> None:
    """It is imported, and gets no mail until the domain is there."""
    path = embedded.write("mailbox.csv", "username,password\nA@Lost.test,{PLAIN}secret\n")
    told = embedded.run("import", path).stderr
    remedy = "add it with: pyfix domain add lost.test"
    assert told == f"pyfix: warning: a@lost.test: there is no domain lost.test; {remedy}\n"


@account_stores.MARIADB
def test_value_that_a_column_can_not_hold_is_named(account_server: Callable[[], Database], tmp_path: Path) -> None:
    """With its line; nothing of the file is imported."""
    running = account_server()
    name = account_stores.new_database(running, "mariadb")
    mariadb_run(running.path, "ALTER TABLE alias MODIFY address VARCHAR(10)", database=name)
    site = Site(tmp_path / "etc", f"mysql:{account_stores.settings(running, name, tmp_path)}")
    path = site.write("alias.csv", "address,goto\na@x.test,b@x.test\nlonger@x.test,b@x.test\n")
    told = site.run("import", path, status=1).stderr.splitlines()[-1]
    assert told.startswith(f"pyfix: fatal: {path}, line 3: alias: the database can't hold it: Data too long for column")
    assert site.exported() == []


@pytest.mark.parametrize("kind", KINDS[:2])
def test_kill_in_the_middle_of_an_import_leaves_nothing(
    kind: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """What was there is there, whole, and the next import works."""
    database = f"sqlite:{tmp_path}/accounts.db"
    if kind != "sqlite":
        running = account_server()
        database = f"mysql:{account_stores.settings(running, account_stores.new_database(running, kind), tmp_path)}"
    site = Site(tmp_path / "etc", database)
    site.run("import", site.write("init.sql", extmail.INIT))
    rows = "".join(f"user{number}@extmail.org\n" for number in range(300))
    path = site.write("mailbox.csv", f"username\n{rows}")
    program = f"""
import os, signal
from pyfix.commands import accounts
from pyfix.commands.pyfix import main
load = accounts.load
def dying(database, rows, advance, *, replace):
    count = 0
    def count_down(done):
        nonlocal count
        count += done
        if count == 200:
            os.kill(os.getpid(), signal.SIGKILL)
    return load(database, rows, count_down, replace=replace)
accounts.load = dying
main(["-c", {str(site.folder)!r}, "accounts", "import", {path!r}])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(site.exported()) == 5
    assert counts(site.run("import", path))["mailbox"] == (300, 0, 0)
    assert len(site.exported()) == 305


def test_progress_is_shown_on_a_terminal(embedded: Site) -> None:
    """And on a terminal only."""
    path = embedded.write("init.sql", extmail.INIT)
    parent, child = pty.openpty()
    entry = "from pyfix.commands.pyfix import main; main()"
    command = [sys.executable, "-c", entry, "-c", str(embedded.folder), "accounts", "import", path]
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=child, stdout=subprocess.DEVNULL, stderr=child, env=environment)
    os.close(child)
    seen = b""
    try:
        while data := os.read(parent, 1000):
            seen += data
    except OSError:
        pass  # the other side is closed
    os.close(parent)
    assert process.wait(30) == 0
    assert b"import" in seen and b"100%" in seen
