"""Back ends of auth that ask somebody else: PAM, shadow(5), Debian's saslauthd, Dovecot, Courier's authdaemond.

Setup: a Unix user of the test's own, for whom all of them are asked. Path: the back end as auth opens it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovecot_instance import dovecot_auth
from instance import wait_until
from unix_user import unix_user

from pyfix.mail.auth.backend import Account, Attempt, Backend, BackendUnavailable
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.backends.saslauthd import verify_with
from pyfix.mail.config import Config

PASSWORD = "se cret'\\x"
HOSTILE = ("'; DROP TABLE x; --", "a\0b", "\\'", "x" * 5000, "\udcff", "", "a\nb", "root\n")
pytestmark = [pytest.mark.root, pytest.mark.skipif(os.getuid() != 0, reason="needs root")]


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    """A Unix user with a password."""
    with unix_user(PASSWORD) as name:
        yield name


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-auth-"))
    yield path
    shutil.rmtree(path)


def open_one(spec: str, *settings: str) -> Backend:
    """Open a back end as auth does."""
    text = "myhostname = mail.test\nmydestination = local.test\n" + "\n".join(settings)
    return open_backend(spec, Context(Config.from_text(text)))


def verify(backend: Backend, login: str, password: str = PASSWORD, service: str = "smtp") -> Account | None:
    """Ask for a password."""
    return verify_with(backend, Attempt(login, service, "192.0.2.1"), password.encode(errors="surrogateescape"))


def assert_right_and_wrong(backend: Backend, login: str, user: str) -> None:
    """One password is right, all others and all other names are wrong."""
    found = verify(backend, login)
    assert found is not None
    assert found.user == user
    assert not found.obstacle
    assert verify(backend, login, "wrong") is None
    assert verify(backend, login, "") is None
    for name in HOSTILE:
        assert verify(backend, name) is None, name


class TestShadow:
    """Hashes of the system."""

    def test_the_password_of_a_unix_user_is_right(self, user: str) -> None:
        """Also with a domain that is delivered to Unix users; not with another one."""
        backend = open_one("shadow")
        assert_right_and_wrong(backend, user, user)
        assert_right_and_wrong(backend, f"{user}@local.test", user)
        assert verify(backend, f"{user}@elsewhere.test") is None

    def test_the_mailbox_is_where_local_delivers(self, user: str) -> None:
        """The spool, or what home_mailbox says."""
        place = open_one("shadow").locate(user, "pop3")
        assert place is not None
        assert place.location == f"mbox:/var/mail/{user}"
        assert place.uid > 0
        place = open_one("shadow", "home_mailbox = Maildir/").locate(f"{user}@local.test", "pop3")
        assert place is not None
        assert place.location == f"maildir:/nonexistent/{user}/Maildir"
        assert open_one("shadow").locate("nobody-of-that-name", "pop3") is None

    def test_a_locked_password_is_an_obstacle(self, user: str) -> None:
        """Whatever is stored behind the mark."""
        subprocess.run(["usermod", "-L", user], check=True)
        try:
            assert verify(open_one("shadow"), user) is None
        finally:
            subprocess.run(["usermod", "-U", user], check=True)

    def test_root_reads_no_mail(self) -> None:
        """Nobody reads mail with the rights of root."""
        with pytest.raises(BackendUnavailable, match="rights of root"):
            open_one("shadow").locate("root", "pop3")


class TestPam:
    """Whatever the system's modules say."""

    def test_the_password_of_a_unix_user_is_right(self, user: str) -> None:
        """PAM's own delay for wrong ones is not waited for."""
        assert_right_and_wrong(open_one("pam:login"), f"{user}@local.test", user)

    def test_an_account_that_has_expired_is_an_obstacle(self, user: str) -> None:
        """It is told to the log alone."""
        subprocess.run(["usermod", "-e", "2001-01-01", user], check=True)
        try:
            found = verify(open_one("pam:login"), user)
            assert found is not None
            assert "expired" in found.obstacle
        finally:
            subprocess.run(["usermod", "-e", "", user], check=True)


class TestSaslauthd:
    """Debian's daemon, and what stands in for it."""

    @pytest.mark.peer("saslauthd")
    def test_debians_saslauthd_is_asked(self, user: str, folder: Path, need: Callable[[str], str]) -> None:
        """With the domain as realm."""
        with saslauthd(need("saslauthd"), folder):
            backend = open_one(f"saslauthd:{folder}/mux")
            assert_right_and_wrong(backend, user, user)
            assert_right_and_wrong(backend, f"{user}@any.test", f"{user}@any.test")

    def test_without_the_daemon_its_configured_mechanism_counts(self, user: str, folder: Path) -> None:
        """The tutorial's MECH=shadow, without the daemon that it starts."""
        (folder / "sysconfig").write_text("SOCKETDIR=/run/saslauthd\nMECH=shadow\n#MECH=ldap\n")
        files = f"saslauthd_config_files = {folder}/none, {folder}/sysconfig"
        assert_right_and_wrong(open_one(f"saslauthd:{folder}/mux", files), user, user)

    def test_a_mechanism_that_is_not_built_is_named(self, user: str, folder: Path) -> None:
        """Nobody is told that the password is wrong."""
        (folder / "default").write_text('MECHANISMS="ldap"\n')
        backend = open_one(f"saslauthd:{folder}/mux", f"saslauthd_config_files = {folder}/default")
        with pytest.raises(BackendUnavailable, match=rf"{folder}/default: saslauthd's mechanism ldap is not built"):
            verify(backend, user)

    def test_a_daemon_that_says_nothing_is_given_up(self, user: str, folder: Path) -> None:
        """Its time is limited."""
        with silent(folder / "mux"), pytest.raises(BackendUnavailable, match="no answer within 1 seconds"):
            verify(open_one(f"saslauthd:{folder}/mux", "auth_backend_timeout = 1s"), user)


@contextlib.contextmanager
def saslauthd(program: str, folder: Path) -> Iterator[None]:
    """Run Debian's saslauthd with the system's hashes; it ends with its whole process group, which is its own."""
    command = [program, "-a", "shadow", "-m", str(folder), "-n", "1", "-d"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_until((folder / "mux").exists, "saslauthd listens")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextlib.contextmanager
def silent(path: Path, answer: bytes | None = None) -> Iterator[None]:
    """Listen, and say nothing, or always the same."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        thread = threading.Thread(target=_say, args=(sock, answer))
        if answer is not None:
            thread.start()
        yield
        sock.shutdown(socket.SHUT_RDWR)
        if answer is not None:
            thread.join(10)


def _say(listener: socket.socket, answer: bytes | None) -> None:
    with contextlib.suppress(OSError):
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(answer or b"")


@pytest.mark.peer("dovecot")
def test_a_real_dovecot_is_asked(need: Callable[[str], str]) -> None:
    """On its socket for clients; names and passwords with whatever is in them."""
    with dovecot_auth(need, {"alice@x.test": f"{{PLAIN}}{PASSWORD}"}, "plain") as server:
        backend = open_one(f"dovecot:{server.path}")
        assert_right_and_wrong(backend, "alice@x.test", "alice@x.test")
        server.stop()
        with pytest.raises(BackendUnavailable, match="connect to Dovecot at"):
            verify(backend, "alice@x.test")


@pytest.mark.parametrize("kind", ["saslauthd", "authdaemond", "dovecot"])
@pytest.mark.parametrize("answer", [b"", b"\xff" * 70000, b"\0\0", b"\n" * 500, b"VERSION\t9\t0\n", b"\0\x03YES"])
def test_a_peer_that_talks_nonsense_is_temporary(kind: str, answer: bytes, folder: Path) -> None:
    """Whatever it says: nobody gets in, nobody is told that the password is wrong."""
    with silent(folder / "s", answer), pytest.raises(BackendUnavailable):
        verify(open_one(f"{kind}:{folder}/s", "auth_backend_timeout = 5s"), "a")
