"""The file of secrets: what lets somebody in is nowhere else, whatever is killed, and whoever looks."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pyfix.mail.accounts import AccountsUnavailable, Domain, Mailbox, Manager, Role, Store, open_store
from pyfix.mail.accounts import sqlite as module
from pyfix.mail.accounts.migrations import MIGRATIONS, VERSION
from pyfix.mail.accounts.vault import Keeping, Vault
from pyfix.mail.config import Config

HASH = "{PLAIN}not-for-everybody"
OLD = ("domain", "mailbox", "alias", "manager", "domain_manager")


def config(path: Path) -> Config:
    """A configuration, and accounts below a directory."""
    (path / "main.cf").write_text(f"accounts_database = sqlite:{path}/accounts.db\n")
    return Config.load(str(path))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Accounts with a mailbox and a manager."""
    opened = open_store(config(tmp_path), create=True)
    opened.domains.add(Domain("x.test"))
    opened.mailboxes.add(Mailbox("a@x.test", "x.test", HASH, maildir="x.test/a/"))
    opened.managers.add(Manager("m@x.test", Role.ADMIN, HASH))
    yield opened
    opened.close()


@contextlib.contextmanager
def blind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be somebody who has neither main.cf nor all rights."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 54321)
        yield


def make_old(path: Path, version: int = 2) -> None:
    """Make a file as an old release made it, with passwords in it, and one that was deleted."""
    database = sqlite3.connect(path / "accounts.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA secure_delete = OFF")
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            database.execute(statement)
    database.execute("INSERT INTO domain (domain) VALUES ('x.test')")
    for name, answer in (("a", ""), ("b", HASH), ("gone", HASH)):
        database.execute(
            "INSERT INTO mailbox (username, domain, maildir, password, answer) VALUES (?, 'x.test', 'x.test/a/', ?, ?)",
            (f"{name}@x.test", HASH, answer),
        )
    database.execute("INSERT INTO mailbox (username, domain) VALUES ('nobody@x.test', 'x.test')")
    database.execute("INSERT INTO manager (username, password, type) VALUES ('m@x.test', ?, 'admin')", (HASH,))
    database.execute("DELETE FROM mailbox WHERE username = 'gone@x.test'")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()


def traces(path: Path) -> list[str]:
    """Return the files beside the directory of secrets that have a password in them."""
    return [file.name for file in path.glob("accounts.db*") if file.is_file() and HASH.encode() in file.read_bytes()]


def check_moved(path: Path) -> None:
    """All of them are still good, and none is in the file that mail_owner reads."""
    store = open_store(config(path))
    assert {box.address: box.password for box in store.mailboxes.all()} == {
        "a@x.test": HASH, "b@x.test": HASH, "nobody@x.test": "",
    }  # fmt: skip
    assert store.managers.get("m@x.test").password == HASH
    answers = store.database.read(lambda session: session.query("SELECT answer FROM mailbox ORDER BY username"))
    assert answers == [("",), (HASH,), ("",)]
    assert store.database.read(lambda session: session.query("PRAGMA integrity_check")) == [("ok",)]
    store.close()
    assert traces(path) == []


def test_passwords_are_in_their_own_file(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has main.cf sees them; who has not sees accounts without any."""
    assert (store.mailboxes.get("a@x.test").password, store.managers.get("m@x.test").password) == (HASH, HASH)
    with blind(monkeypatch):
        other = open_store(config(tmp_path))
        assert not other.database.keeps_secrets
        assert (other.mailboxes.get("a@x.test").password, other.managers.all()[0].password) == ("", "")
        other.mailboxes.change("a@x.test", lambda box: replace(box, name="Alice"))
        with pytest.raises(AccountsUnavailable, match="stored passwords are not for this user: be root, or who has"):
            other.mailboxes.change("a@x.test", lambda box: replace(box, password="{PLAIN}mine"))
        with pytest.raises(AccountsUnavailable, match="stored passwords are not for this user"):
            other.mailboxes.add(Mailbox("b@x.test", "x.test", HASH))
        other.mailboxes.add(Mailbox("c@x.test", "x.test"))
        other.close()
    assert [(box.name, box.password) for box in store.mailboxes.all()] == [("Alice", HASH), ("", "")]
    store.close()
    assert traces(tmp_path) == []


def test_changed_and_deleted_passwords_leave_nothing(tmp_path: Path, store: Store) -> None:
    """What was before is in neither file, and a new mailbox of the name has nothing of it."""
    store.mailboxes.change("a@x.test", lambda box: replace(box, password="{PLAIN}second"))
    assert store.mailboxes.get("a@x.test").password == "{PLAIN}second"
    count = "SELECT COUNT(*) FROM vault.mailbox_secret"
    assert store.database.read(lambda session: session.query(count)) == [("1",)]
    store.mailboxes.remove("a@x.test")
    assert store.database.read(lambda session: session.query(count)) == [("0",)]
    store.mailboxes.add(Mailbox("a@x.test", "x.test"))
    assert store.mailboxes.get("a@x.test").password == ""


def test_other_process_sees_each_change(tmp_path: Path, store: Store) -> None:
    """At once, with the password that belongs to it."""
    other = open_store(config(tmp_path))
    for number in range(3):
        password = f"{HASH}{number}"
        store.mailboxes.change("a@x.test", lambda box, new=password: replace(box, password=new))  # type: ignore[misc]
        assert other.mailboxes.get("a@x.test").password == password
    other.close()


@pytest.mark.parametrize("version", [1, 2])
def test_old_file_gives_up_its_passwords_to_who_may_have_them(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens it; who may not uses it as it is."""
    make_old(tmp_path, version)
    with blind(monkeypatch):
        other = open_store(config(tmp_path))
        assert [box.address for box in other.mailboxes.all()] == ["a@x.test", "b@x.test", "nobody@x.test"]
        other.close()
        open_store(config(tmp_path), create=True).close()
        assert not (tmp_path / "accounts.db.secrets").exists()
    open_store(config(tmp_path)).close()
    assert sqlite3.connect(tmp_path / "accounts.db").execute("PRAGMA user_version").fetchone() == (VERSION,)
    check_moved(tmp_path)


STEPS = (
    (Keeping, "make"), (module, "move_secrets"), (Vault, "put"), (Vault, "commit"),
    (module.SqliteDatabase, "_scrub"), (module, "attach"), (module.SqliteDatabase, "_step"),
    (module.SqliteDatabase, "_checked_version"), (Vault, "_bring_up_to_date"),
)  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS, ids=[name for _, name in STEPS])
def test_kill_in_the_middle_of_a_migration_loses_nothing(tmp_path: Path, step: tuple[object, str], after: bool) -> None:
    """Before and after each step; the next who opens it goes on."""
    make_old(tmp_path)
    died = dies(lambda: open_store(config(tmp_path), create=True), *step, after=after)
    assert died
    check_moved(tmp_path)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_kill_in_the_middle_of_a_change_is_all_or_nothing(
    tmp_path: Path, store: Store, count: int, after: bool
) -> None:
    """The file of accounts decides: before its commit the old password holds, and after it the new one."""

    def change() -> None:
        mine = open_store(config(tmp_path))
        mine.mailboxes.change("a@x.test", lambda box: replace(box, password="{PLAIN}new", name="New"))

    assert dies(change, Vault, "commit", after=after, count=count + 1)  # the first belongs to opening
    found = store.mailboxes.get("a@x.test")
    expected = (HASH, "") if count == 1 else ("{PLAIN}new", "New")
    assert (found.password, found.name) == expected
    store.mailboxes.change("a@x.test", lambda box: replace(box, password="{PLAIN}later"))
    count_all = "SELECT COUNT(*) FROM vault.mailbox_secret"
    assert store.database.read(lambda session: session.query(count_all)) == [("1",)]


def dies(call: Callable[[], object], owner: object, name: str, *, after: bool, count: int = 1) -> bool:
    """Carry out a call in a child that is killed before or after it calls a function for the nth time."""
    child = os.fork()
    if child == 0:
        try:
            kill_at(owner, name, after=after, count=count)
            call()
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kill_at(owner: object, name: str, *, after: bool, count: int) -> None:
    """Have a function kill the process, which is a child of the test."""
    original = getattr(owner, name)
    calls = iter(range(1, count + 1))

    def wrapped(*args: object, **kwargs: object) -> object:
        is_last = next(calls) == count
        if is_last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


def test_lost_secrets_are_named(tmp_path: Path, store: Store) -> None:
    """With where they belong; nobody is told that a password is wrong."""
    store.close()
    os.rename(tmp_path / "accounts.db.secrets", tmp_path / "away")
    message = r"accounts\.db\.secrets.*: No such file or directory; restore it with .*accounts\.db, or make it anew"
    with pytest.raises(AccountsUnavailable, match=message):
        open_store(config(tmp_path))
    again = open_store(config(tmp_path), create=True)
    assert again.mailboxes.get("a@x.test").password == ""
    assert again.database.lost_secrets() == ["a@x.test", "m@x.test"]
    again.mailboxes.change("a@x.test", lambda box: replace(box, password=HASH))
    assert again.database.lost_secrets() == ["m@x.test"]
    again.close()


def test_directory_that_others_could_change_is_refused(tmp_path: Path, store: Store) -> None:
    """What is in it could be anybody's."""
    store.close()
    directory = tmp_path / "accounts.db.secrets"
    directory.chmod(0o755)
    with pytest.raises(AccountsUnavailable, match=r"not for its owner alone; chmod 700 .*\.secrets"):
        open_store(config(tmp_path))
    directory.chmod(0o700)
    os.rename(directory, tmp_path / "other")
    directory.symlink_to("other")
    with pytest.raises(AccountsUnavailable, match=rf"not a directory of user id {os.geteuid()}, who has main\.cf"):
        open_store(config(tmp_path))


@pytest.mark.root
def test_directory_of_mail_owner_is_refused(tmp_path: Path, store: Store) -> None:
    """Where root has main.cf, mail_owner may not say who may log in."""
    store.close()
    os.chown(tmp_path / "accounts.db.secrets", 54321, -1)
    with pytest.raises(AccountsUnavailable, match=r"not a directory of user id 0, who has main\.cf"):
        open_store(config(tmp_path))


@pytest.mark.root
def test_secrets_belong_to_who_has_main_cf(tmp_path: Path) -> None:
    """Also when root manages the accounts of an ordinary user's instance."""
    (tmp_path / "main.cf").write_text(f"accounts_database = sqlite:{tmp_path}/accounts.db\n")
    os.chown(tmp_path / "main.cf", 54321, -1)
    main = Config.load(str(tmp_path))
    store = open_store(main, create=True)
    store.domains.add(Domain("x.test"))
    store.mailboxes.add(Mailbox("a@x.test", "x.test", HASH))
    assert {path.stat().st_uid for path in (tmp_path / "accounts.db.secrets", *tmp_path.glob("*/*"))} == {54321}
    store.close()
