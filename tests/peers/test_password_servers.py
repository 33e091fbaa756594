"""pyfix as saslauthd and authdaemond of others: a real Postfix with Cyrus' library, Debian's testsaslauthd.

Setup: a pyfix with one account and both daemons. Path: Postfix's smtpd -> Cyrus' library -> the socket -> auth. Check:
swaks gets in with the right password alone; the commands of the same names say the same.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import Instance, free_port, new_instance, wait_until
from postfix_pair import STOCK_MASTER_CF, MailSystem

from pyfix.mail.auth.backend import Attempt, VerifyBackend
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.config import Config

PASSWORD = "geheim: pass'\\ wort"
pytestmark = [pytest.mark.root, pytest.mark.peer("postfix", "swaks", "testsaslauthd")]
SETTINGS = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "cyrus",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
    "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
}


@pytest.fixture(scope="module")
def service() -> Iterator[Instance]:
    """A pyfix that runs, with one account."""
    with new_instance() as instance:
        instance.set(auth_failure_delay="0", password_scheme="SSHA256")
        instance.add_service(
            "saslauthd unix n - n - 1 saslauthd", "authdaemond unix n n n - 1 authdaemond"
        )  # fmt: skip
        done = instance.pyfix("user", "passwd", instance.address, "--password-stdin", input=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
        instance.start()
        yield instance


def socket_of(service: Instance, name: str) -> str:
    """Return the path of a daemon's socket."""
    return f"{service.spool}/public/{name}"


def test_clients_of_a_postfix_with_cyrus_log_in(service: Instance, need: Callable[[str], str]) -> None:
    """With the right password alone; what Cyrus' library splits is put together again."""
    conf = f"pwcheck_method: authdaemond\nauthdaemond_path: {socket_of(service, 'authdaemond')}\n"
    with postfix(need, service.directory / "postfix-1", conf) as system:
        assert_logins(need, system, service)


def test_a_postfix_in_its_jail_finds_the_socket_there(service: Instance, need: Callable[[str], str]) -> None:
    """Debian's smtpd is chrooted: saslauthd has a socket in its queue directory."""
    conf = "pwcheck_method: saslauthd\nsaslauthd_path: /private/mux\n"
    with postfix(need, service.directory / "postfix-2", conf) as system:
        path = system.directory / "queue" / "private" / "mux"
        service.add_service(f"{path} unix n - n - 1 saslauthd")
        assert service.pyfix("reload").returncode == 0
        wait_until(path.exists, "the socket in the jail")
        assert_logins(need, system, service)


@contextlib.contextmanager
def postfix(need: Callable[[str], str], folder: Path, conf: str) -> Iterator[MailSystem]:
    """Run a Postfix with this smtpd.conf, chrooted where that names a path in the jail."""
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    system = MailSystem("postfix", folder, free_port(), [need("postfix")])
    system.lay_out(0, SETTINGS)
    (folder / "etc" / "sasl").mkdir()
    (folder / "etc" / "sasl" / "smtpd.conf").write_text(f"{conf}mech_list: PLAIN LOGIN\n")
    if "/private/" in conf:
        master = folder / "etc" / "master.cf"
        line = f"{system.port} inet n - n"
        assert line in master.read_text()
        master.write_text(master.read_text().replace(line, f"{system.port} inet n - y"))
    system.start()
    try:
        yield system
    finally:
        system.stop()


def assert_logins(need: Callable[[str], str], system: MailSystem, service: Instance) -> None:
    """One password is right, others are wrong."""
    status, dialogue = swaks(need, system.port, service.address, "PLAIN", PASSWORD)
    assert status == 0 and "235 2.7.0 Authentication successful" in dialogue, dialogue
    status, dialogue = swaks(need, system.port, service.address, "LOGIN", "wrong")
    assert "535 5.7.8 Error: authentication failed" in dialogue, dialogue


def swaks(need: Callable[[str], str], port: int, user: str, mechanism: str, password: str) -> tuple[int, str]:
    """Log in and send a message; return the exit status and the dialogue."""
    command = [need("swaks"), "--server", "127.0.0.1", "--port", str(port), "--to", "box@pair.test"]
    command += ["--from", "me@client.test", "--helo", "client.test"]
    command += ["--auth", mechanism, "--auth-user", user, "--auth-password", password]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_debians_testsaslauthd_and_ours_say_the_same(service: Instance, need: Callable[[str], str]) -> None:
    """Output and exit status, at the same socket; ours asks auth itself without one."""
    user, _, domain = service.address.partition("@")
    path = socket_of(service, "saslauthd")
    for password, answer in ((PASSWORD, ('0: OK "Success."\n', 0)), ("x", ('0: NO "authentication failed"\n', 255))):
        arguments = ["-u", user, "-r", domain, "-p", password, "-s", "smtp"]
        theirs = subprocess.run(
            [need("testsaslauthd"), *arguments, "-f", path], capture_output=True, text=True, check=False
        )  # fmt: skip
        assert (theirs.stdout, theirs.returncode) == answer
        ours = service.command("testsaslauthd", *arguments, *(["-f", path] if password == PASSWORD else []))
        assert (ours.stdout, ours.returncode) == answer
    typed = service.command("testsaslauthd", "-u", service.address, "-R", "2", stdin=f"{PASSWORD}\n")
    assert typed.stdout == '0: OK "Success."\n1: OK "Success."\n'


def test_testsaslauthd_says_what_keeps_it_from_asking(service: Instance) -> None:
    """On standard error."""
    down = service.command("testsaslauthd", "-u", "a", "-p", "b", "-f", "/nowhere/mux")
    assert (down.stdout, down.returncode) == ("", 255)
    assert "connect to /nowhere/mux: No such file or directory; start saslauthd, or correct -f" in down.stderr
    usage = service.command("testsaslauthd", "-p", "b")
    assert usage.returncode == 1
    assert "usage: testsaslauthd -u user" in usage.stderr


def test_authtest_shows_the_account(service: Instance) -> None:
    """With the right password, or without one; in Courier's form."""
    for arguments in ([], ["-m", "login", "-"]):
        done = service.command("authtest", *arguments[:2], service.address, *arguments[2:], stdin=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[:2] == ["Authentication succeeded.", ""]
        assert lines[2].startswith(f"     Authenticated: {service.address}  (")
        assert lines[4].startswith("           Maildir: /")
        assert lines[6] == "Encrypted Password: (not shown)"
    for arguments in (["nobody@example.test"], [service.address, "wrong"]):
        done = service.command("authtest", *arguments)
        assert (done.stdout, done.returncode) == ("Authentication FAILED: Operation not permitted\n", 1)
    done = service.command("authtest", service.address, PASSWORD, "new")
    assert done.returncode == 1
    assert "pyfix user passwd" in done.stderr


@pytest.mark.parametrize("name", ["saslauthd", "authdaemond"])
def test_one_pyfix_is_the_back_end_of_another(name: str, service: Instance) -> None:
    """Both ends of each protocol are pyfix's own."""
    backend = open_backend(f"{name}:{socket_of(service, name)}", Context(Config.from_text("")))
    assert isinstance(backend, VerifyBackend)
    account = backend.verify(Attempt(service.address, "smtp"), PASSWORD.encode())
    assert account is not None
    assert account.user == service.address
    assert backend.verify(Attempt(service.address, "smtp"), b"wrong") is None
    assert backend.verify(Attempt("\udcff", "smtp"), b"wrong") is None


def test_a_dovecot_socket_is_asked_as_well(service: Instance) -> None:
    """The auth service itself, as Dovecot's."""
    backend = open_backend(f"dovecot:{service.spool}/private/auth", Context(Config.from_text("")))
    assert isinstance(backend, VerifyBackend)
    account = backend.verify(Attempt(service.address, "smtp", "127.0.0.1"), PASSWORD.encode())
    assert account is not None
    assert account.user == service.address
    assert backend.verify(Attempt(service.address, "smtp", "127.0.0.1"), b"wrong") is None


def test_without_the_mail_system_commands_say_so(service: Instance, tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "main.cf").write_text(f"queue_directory = {tmp_path}\n")
    done = service.command("authtest", "-c", str(tmp_path), service.address)
    assert done.returncode == 75
    assert "start the mail system" in done.stderr
    done = service.command("testsaslauthd", "-c", str(tmp_path), "-u", service.address, "-p", "x")
    assert (done.stdout, done.returncode) == ("", 255)
