"""pyfix domain, user, alias and manager."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pyfix.commands.pyfix import main
from pyfix.mail.accounts import open_store
from pyfix.mail.accounts.schema import MAILBOX
from pyfix.mail.config import Config
from pyfix.mail.passwords import verify_password

Run = Callable[..., Result]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration whose accounts are not made yet, with cheap hashes."""
    (tmp_path / "main.cf").write_text(
        f"data_directory = {tmp_path}\nvirtual_mailbox_base = {tmp_path}/mail\npassword_scheme = SSHA256\n"
    )
    return tmp_path


@pytest.fixture
def run(etc: Path) -> Run:
    """Run a command that is expected to succeed, or to end with `status`."""

    def call(*args: str, stdin: str = "", status: int = 0) -> Result:
        result = CliRunner().invoke(main, ["-c", str(etc), *args], input=stdin)
        assert result.exit_code == status, result.output
        return result

    return call


@pytest.fixture
def domain(run: Run) -> str:
    """A domain that is there."""
    run("domain", "add", "x.test")
    return "x.test"


def shown(run: Run, *args: str) -> dict[str, object]:
    """Return what `show --json` says."""
    found: dict[str, object] = json.loads(run(args[0], "show", args[1], "--json").stdout)
    return found


def test_first_domain_makes_the_database(run: Run, etc: Path) -> None:
    """Nobody has to configure anything; names are folded."""
    run("domain", "add", "Example.TEST", "--max-users", "5", "--max-quota", "10G", "--default-quota", "1G")
    run("domain", "set", "example.test", "--description", "O'Neil & Söhne", "--default-expire", "1y")
    assert (etc / "accounts.db").exists()
    found = shown(run, "domain", "example.test")
    assert found.pop("created")
    assert found == {
        "domain": "example.test", "description": "O'Neil & Söhne", "max_users": 5, "max_aliases": 0,
        "max_quota": 10 << 30, "default_quota": 1 << 30, "default_expire": "1y", "active": True, "expires": None,
        "disabled": [], "state": "good", "users": 0, "aliases": 0, "quota_given": 0,
    }  # fmt: skip


def test_looking_makes_no_database(run: Run, etc: Path) -> None:
    """It says how to make one; status 75, as for a database that is down."""
    result = run("user", "list", status=os.EX_TEMPFAIL)
    assert result.stderr.endswith('accounts.db: No such file or directory; make it with "pyfix domain add"\n')
    assert result.stderr.startswith("pyfix: fatal: sqlite:") and result.stderr.count("\n") == 1


def test_mailbox_from_its_beginning_to_its_end(run: Run, domain: str, etc: Path) -> None:
    """Defaults of the domain, changes, list and end; its mail stays."""
    run("domain", "set", domain, "--default-quota", "5M", "--default-expire", "1d")
    run("user", "add", "Alice@x.test", "--password-stdin", "--name", "Alice", stdin="secret\n")
    found = shown(run, "user", "alice@x.test")
    assert found["quota"] == 5 << 20 and found["expires"] and found["maildir"] == "x.test/alice/Maildir/"
    assert found["password_scheme"] == "SSHA256" and "secret" not in str(found)
    run(
        "user", "set", "alice@x.test", "--expires", "never", "--quota", "none", "--disable", "pop3", "--disable", "imap"
    )
    run("user", "set", "alice@x.test", "--enable", "imap", "--inactive")
    found = shown(run, "user", "alice@x.test")
    assert (found["expires"], found["quota"], found["disabled"], found["state"]) == (None, 0, ["pop3"], "not active")
    mail = etc / "mail/x.test/alice/Maildir/new/1"
    mail.parent.mkdir(parents=True)
    mail.write_text("x")
    run("user", "del", "alice@x.test")
    assert mail.exists()
    assert json.loads(run("user", "list", "--json").stdout) == []


def test_deleted_mail_is_that_of_the_mailbox_alone(run: Run, domain: str, etc: Path) -> None:
    """Neither what is beside it nor what a symbolic link leads to."""
    for name in ("alice", "bob", "eve"):
        run("user", "add", f"{name}@x.test", "--no-password")
    for name in ("alice", "bob"):
        (etc / f"mail/x.test/{name}/Maildir/new").mkdir(parents=True)
    precious = etc / "precious/Maildir/new"
    precious.mkdir(parents=True)
    (etc / "mail/x.test/eve").symlink_to(etc / "precious")
    run("user", "del", "alice@x.test", "--delete-mail")
    assert os.listdir(etc / "mail/x.test") == unordered(etc / "mail/x.test", "bob", "eve")
    result = run("user", "del", "eve@x.test", "--delete-mail", status=1)
    assert "mail of eve@x.test is kept: a symbolic link leads from" in result.stderr
    assert precious.exists()
    result = run("domain", "del", "x.test", "--delete-mail", status=2)
    assert "--delete-mail needs --recursive" in result.stderr
    run("domain", "del", "x.test", "--recursive", "--delete-mail")
    assert not (etc / "mail/x.test/bob").exists()


def unordered(folder: Path, *names: str) -> list[str]:
    """Return the names in the order in which the folder lists them."""
    assert set(os.listdir(folder)) == set(names)
    return os.listdir(folder)


def test_password_is_verified(run: Run, domain: str) -> None:
    """With what keeps the mailbox from being used."""
    run("user", "add", "a@x.test", "--password-stdin", stdin="first\r\n")
    result = run("user", "verify", "a@x.test", "--password-stdin", stdin="first")
    assert result.stderr == "pyfix: the password is right\n"
    run("user", "passwd", "a@x.test", "--password-stdin", stdin="pässwörd mit Blank \n")
    run("user", "verify", "a@x.test", "--password-stdin", stdin="pässwörd mit Blank \n")
    result = run("user", "verify", "a@x.test", "--password-stdin", stdin="first", status=1)
    assert result.stderr == "pyfix: the password is wrong\n"
    run("user", "set", "a@x.test", "--disable", "pop3")
    run("user", "verify", "a@x.test", "--password-stdin", stdin="pässwörd mit Blank \n")
    args = ("user", "verify", "a@x.test", "--password-stdin", "--service", "pop3")
    result = run(*args, stdin="pässwörd mit Blank \n", status=1)
    assert result.stderr == "pyfix: fatal: the password is right, but the mailbox is: pop3 is disabled\n"
    run("domain", "set", "x.test", "--expires", "2020-01-01")
    result = run("user", "verify", "a@x.test", "--password-stdin", stdin="x\n", status=1)
    assert result.stderr == "pyfix: fatal: the password is wrong, but the domain is: expired on 2020-01-01\n"


def test_stored_password_without_a_scheme_has_the_default(run: Run, domain: str, etc: Path) -> None:
    """password_default_scheme; one that can't be read says so."""
    run("user", "add", "a@x.test", "--no-password")
    store = open_store(Config.load(str(etc)))
    store.database.write(lambda session: session.update(MAILBOX, {"password": "secret"}, "a@x.test"))
    store.close()
    result = run("user", "verify", "a@x.test", "--password-stdin", stdin="secret", status=1)
    assert result.stderr == "pyfix: fatal: mailbox a@x.test: broken DES-CRYPT text in a stored password\n"
    with open(etc / "main.cf", "a") as file:
        file.write("password_default_scheme = CLEARTEXT\n")
    run("user", "verify", "a@x.test", "--password-stdin", stdin="secret")


@pytest.mark.parametrize(
    ("stdin", "message"),
    [("\n", "an empty password"), ("", "an empty password"), ("x" * 2000 + "\n", "the longest that is taken has 1024")],
)
def test_password_that_is_none_is_refused(run: Run, domain: str, stdin: str, message: str) -> None:
    """And no mailbox made."""
    assert message in run("user", "add", "a@x.test", "--password-stdin", stdin=stdin, status=1).stderr
    run("user", "show", "a@x.test", status=1)


def test_password_never_stands_on_the_command_line(run: Run, domain: str) -> None:
    """No option takes one, and without a terminal there must be --password-stdin."""
    result = run("user", "add", "a@x.test", status=2)
    assert "standard input is no terminal: specify --password-stdin" in result.stderr
    for group in ("user", "manager"):
        command = main.get_command(click.Context(main), group)
        assert isinstance(command, click.Group)
        for sub in command.commands.values():
            options = [option for option in sub.params if "password" in (option.name or "")]
            assert all(isinstance(option, click.Option) and option.is_flag for option in options)


def test_password_is_typed_twice_at_a_prompt(domain: str, etc: Path) -> None:
    """Without being shown; two that differ are asked for again."""
    entry = "from pyfix.commands.pyfix import main; main()"
    parent, child = pty.openpty()
    command = [sys.executable, "-c", entry, "-c", str(etc), "user", "add", "a@x.test"]
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, start_new_session=True)
    os.close(child)
    seen = b""
    for answer in (b"one\n", b"two\n", b"three\n", b"three\n"):
        while not seen.endswith(b": "):
            seen += os.read(parent, 1000)
        seen += b"|"
        os.write(parent, answer)
    assert process.wait(30) == 0
    os.close(parent)
    assert b"three" not in seen and seen.count(b"Password:") == 2
    store = open_store(Config.load(str(etc)))
    assert verify_password(b"three", store.mailboxes.get("a@x.test").password)
    store.close()


def test_app_password_is_printed_once(run: Run, domain: str, etc: Path) -> None:
    """On standard output alone; what is stored is a hash, and list shows neither."""
    run("user", "add", "a@x.test", "--no-password")
    result = run("user", "app-password", "add", "a@x.test", "phone", "--for", "smtp,POP3")
    password = result.stdout.strip()
    assert len(password) == 27 and password.count("-") == 3 and password not in result.stderr
    run("user", "app-password", "add", "A@x.test", "desk")
    store = open_store(Config.load(str(etc)))
    stored = store.app_passwords.all("a@x.test")[1]
    store.close()
    assert verify_password(password.encode(), stored.password) and password not in stored.password
    rows = json.loads(run("user", "app-password", "list", "a@x.test", "--json").stdout)
    assert [(row["name"], row["for"], row["used"]) for row in rows] == [
        ("desk", "everything", "never"), ("phone", "smtp,pop3", "never"),
    ]  # fmt: skip
    shown = run("user", "app-password", "list", "a@x.test").stdout
    assert "smtp,pop3" in shown and stored.password not in shown
    run("user", "app-password", "del", "a@x.test", "phone")
    assert "has no app password phone" in run("user", "app-password", "del", "a@x.test", "phone", status=1).stderr


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("a@x.test", "x", "--for", "smtp,telnet"), 2, 'no protocol "telnet"; specify some of smtp pop3 imap webmail'),
        (("b@x.test", "x"), 1, "no mailbox b@x.test"),
        (("a@x.test", ""), 1, 'bad name "" of an app password; specify up to 64 characters'),
        (("a@x.test", "x" * 65), 1, "specify up to 64 characters"),
        (("a@x.test", "desk"), 1, "a@x.test has an app password desk already; delete it first"),
    ],
)
def test_app_password_that_can_not_be_is_refused(
    run: Run, domain: str, args: tuple[str, ...], status: int, message: str
) -> None:
    """And none is printed."""
    run("user", "add", "a@x.test", "--no-password")
    run("user", "app-password", "add", "a@x.test", "desk")
    result = run("user", "app-password", "add", *args, status=status)
    assert message in " ".join(result.stderr.split()) and not result.stdout


def test_alias_from_its_beginning_to_its_end(run: Run, domain: str) -> None:
    """Targets are replaced, added and removed."""
    run("alias", "add", "Team@x.test", "A@x.test", "b@y.test")
    run("alias", "set", "team@x.test", "--add", "c@x.test", "--remove", "B@y.test")
    assert shown(run, "alias", "team@x.test")["targets"] == ["a@x.test", "c@x.test"]
    run("alias", "set", "team@x.test", "d@x.test", "--inactive")
    assert shown(run, "alias", "team@x.test")["targets"] == ["d@x.test"]
    assert shown(run, "alias", "team@x.test")["active"] is False
    result = run("alias", "set", "team@x.test", "--remove", "d@x.test", status=1)
    assert "no target; specify at least one address" in result.stderr
    run("alias", "add", "@x.test", "@y.test")
    assert "team@x.test   d@x.test   no" in run("alias", "list", domain).stdout
    run("alias", "del", "team@x.test")
    run("alias", "show", "team@x.test", status=1)


def test_manager_from_its_beginning_to_its_end(run: Run, domain: str) -> None:
    """A postmaster by default; domains must be there."""
    result = run("manager", "add", "boss@q.test", "--domain", "none.test", "--no-password", status=1)
    assert result.stderr == "pyfix: fatal: no domain none.test; add it first\n"
    run("manager", "list", "--json")
    run("manager", "add", "boss@q.test", "--domain", domain, "--password-stdin", stdin="secret\n")
    found = shown(run, "manager", "boss@q.test")
    assert (found["role"], found["domains"], found["password_scheme"]) == ("postmaster", ["x.test"], "SSHA256")
    run("manager", "set", "boss@q.test", "--role", "admin", "--name", "The boss", "--expires", "1y", "--inactive")
    run("manager", "passwd", "boss@q.test", "--password-stdin", stdin="other\n")
    found = shown(run, "manager", "boss@q.test")
    assert (found["role"], found["name"], found["active"], found["domains"]) == ("admin", "The boss", False, ["x.test"])
    run("manager", "del", "boss@q.test")
    assert json.loads(run("manager", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("user", "add", "a@none.test", "--no-password"), 1, "no domain none.test"),
        (("user", "add", "a b@x.test", "--no-password"), 1, 'bad address "a b@x.test"; specify a name like'),
        (("user", "add", "a@x.test", "--quota", "much", "--no-password"), 2, "specify bytes or a number with K, M, G"),
        (("user", "set", "a@x.test", "--expires", "soon"), 2, "specify YYYY-MM-DD, a time such as 1y"),
        (("user", "set", "a@x.test", "--disable", "smtps"), 2, "'smtps' is not one of"),
        (("user", "set", "a@x.test"), 1, "no mailbox a@x.test"),
        (("user", "add", "a@x.test", "--maildir", "../b/", "--no-password"), 1, 'bad maildir "../b/"'),
        (("domain", "add", "x.test"), 1, "domain x.test exists already"),
        (("domain", "add", "'; DROP TABLE domain; --"), 1, "bad domain name"),
        (("domain", "set", "x.test", "--default-expire", "soon"), 2, "specify a number and y, m, w or d"),
        (("domain", "set", "x.test", "--description", "a\nb"), 1, "bad description"),
        (("alias", "add", "a@x.test", "|cat"), 1, 'bad address "|cat"'),
        (("manager", "add", "root", "--no-password"), 1, 'bad address "root"'),
    ],
)
def test_mistake_is_told_in_one_line_with_the_remedy(
    run: Run, domain: str, args: tuple[str, ...], status: int, message: str
) -> None:
    """Status 1 for what is refused, 2 for what no option means."""
    result = run(*args, status=status)
    assert message in result.stderr
    if status == 1:
        assert result.stderr.startswith("pyfix: fatal: ") and result.stderr.count("\n") == 1


def test_names_of_others_are_no_markup(run: Run, domain: str) -> None:
    """A table shows them as they are."""
    run("user", "add", "a@x.test", "--no-password", "--name", "[red]Bob[/red]")
    lines = run("user", "list").stdout.splitlines()
    assert lines[0].split() == ["address", "name", "quota", "disabled", "expires", "state"]
    assert lines[-1].split() == ["a@x.test", "[red]Bob[/red]", "unlimited", "never", "good"]


def test_file_of_another_user_is_named_with_the_remedy(reachable: Path) -> None:
    """Whoever may not read it learns who may."""
    (reachable / "main.cf").write_text(f"data_directory = {reachable}\n")
    assert CliRunner().invoke(main, ["-c", str(reachable), "domain", "add", "x.test"]).exit_code == 0
    leave = "import os; os.setuid(65534)" if os.getuid() == 0 else ""
    (reachable / "accounts.db").chmod(0)
    program = f"from pyfix.commands.pyfix import main\n{leave}\nmain(['-c', {str(reachable)!r}, 'user', 'list'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_TEMPFAIL, done.stderr
    assert "only root and mail_owner may read and write it" in done.stderr
