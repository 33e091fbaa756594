"""authdaemond's client: a daemon that answers, and what stands in for one that does not run."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.mail.auth.backend import Attempt, BackendUnavailable, Place
from pyfix.mail.auth.backends.authdaemond import AuthdaemondBackend
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import open_backend
from pyfix.mail.auth.places import rights_of
from pyfix.mail.config import Config
from pyfix.proto.authdaemond import FAIL, Login, Lookup, QuestionReader

ACCOUNT = (
    b"UID=1000\nGID=1001\nHOME=/home/a\nADDRESS=a@x.test\nNAME=\nMAILDIR=Mail/\nQUOTA=5S\n"
    b"PASSWD=$1$x\nOPTIONS=disableimap=1,x\n.\n"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-auth-"))
    yield path
    shutil.rmtree(path)


@contextlib.contextmanager
def daemon(path: Path, others: bytes = FAIL) -> Iterator[None]:
    """Answer as Courier's authdaemond does: a@x.test with the password secret; `others` to everybody else."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_serve, args=(listener, others))
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listener: socket.socket, others: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            with client:
                reader, question = QuestionReader(), None
                while question is None:
                    question = reader.receive(client.recv(7))
                match question:
                    case Login("smtp" | "imap", "a", b"secret") | Lookup("pop3", "a"):
                        client.sendall(ACCOUNT)
                    case _:
                        client.sendall(others)


def open_at(folder: Path, *settings: str) -> AuthdaemondBackend:
    """Open the back end as auth does."""
    text = f"auth_backend_timeout = 1s\nauthdaemond_config_files = {folder}/none, {folder}/authdaemonrc\n" + "\n".join(
        settings
    )
    backend = open_backend(f"authdaemond:{folder}/socket", Context(Config.from_text(text)))
    assert isinstance(backend, AuthdaemondBackend)
    return backend


def test_a_daemon_that_runs_is_asked(folder: Path) -> None:
    """Who, with which options, and where the mail is."""
    backend = open_at(folder)
    with daemon(folder / "socket"):
        account = backend.verify(Attempt("a", "smtp"), b"secret")
        assert account is not None
        assert (account.user, account.obstacle, account.secrets) == ("a@x.test", "", ())
        account = backend.verify(Attempt("a", "imap"), b"secret")
        assert account is not None
        assert account.obstacle == "imap is disabled"
        assert backend.verify(Attempt("a", "smtp"), b"wrong") is None
        assert backend.verify(Attempt("b", "smtp"), b"secret") is None
        assert backend.locate("a", "pop3") == Place(
            "maildir:/home/a/Mail", "/home/a", *rights_of(1000, 1001), quota="5S"
        )
        assert backend.locate("b", "pop3") is None


@pytest.mark.parametrize("name", ["a\nlogin\nb", "a\0", "", "a\nsecret\n\nAUTH"])
def test_a_name_can_not_be_more_than_a_name(name: str, folder: Path) -> None:
    """Lines are what the protocol is made of: the daemon is not even asked."""
    with daemon(folder / "socket", ACCOUNT):
        assert open_at(folder).verify(Attempt(name, "smtp"), b"secret") is None
        assert open_at(folder).verify(Attempt("b", "smtp"), b"x\ny") is None
        assert open_at(folder).locate(name, "pop3") is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "unexpected EOF|Connection reset"),
        (b"HOME=/x\n", "unexpected EOF|Connection reset"),
        (b"A=B\n" * 200, "more than 100 lines"),
    ],
)
def test_an_answer_that_is_none_is_temporary(answer: bytes, problem: str, folder: Path) -> None:
    """A daemon that can't tell closes the connection."""
    with daemon(folder / "socket", answer), pytest.raises(BackendUnavailable, match=problem):
        open_at(folder).verify(Attempt("b", "smtp"), b"secret")


def test_without_a_daemon_its_modules_count(folder: Path) -> None:
    """The tutorial's authmysql: authmysqlrc beside the file."""
    (folder / "authdaemonrc").write_text('authmodulelistorig="x"\nauthmodulelist="authuserdb authmysql"\n')
    backend = open_at(folder)
    with pytest.raises(BackendUnavailable, match=rf"open {folder}/authmysqlrc: No such file or directory"):
        backend.verify(Attempt("a", "smtp"), b"secret")
    (folder / "authmysqlrc").write_text(
        f"MYSQL_SOCKET {folder}/mysql\nMYSQL_USERNAME a\nMYSQL_DATABASE b\nMYSQL_USER_TABLE c\nMYSQL_CLEAR_PWFIELD d\n"
    )
    with pytest.raises(BackendUnavailable, match=r"authmysqlrc: connect to mysql server localhost: No such file"):
        backend.verify(Attempt("a", "smtp"), b"secret")


def test_without_daemon_and_modules_it_is_temporary(folder: Path) -> None:
    """And the log says what could be done."""
    with pytest.raises(BackendUnavailable, match=r"no authdaemonrc has been found, and no authdaemond listens at"):
        open_at(folder).verify(Attempt("a", "smtp"), b"secret")
    (folder / "authdaemonrc").write_text('authmodulelist="authldap"\n')
    with pytest.raises(BackendUnavailable, match=r"authmodulelist has none of authmysql authpam authshadow"):
        open_at(folder).verify(Attempt("a", "smtp"), b"secret")


@pytest.mark.skipif(os.getuid() == 0, reason="root may use any socket")
def test_a_socket_that_may_not_be_used_is_temporary(folder: Path) -> None:
    """Nobody is told that the password is wrong."""
    with daemon(folder / "socket"):
        (folder / "socket").chmod(0)
        with pytest.raises(BackendUnavailable, match="Permission denied; auth must begin as root"):
            open_at(folder).verify(Attempt("a", "smtp"), b"secret")
