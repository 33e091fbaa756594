"""Real saslauthd and authdaemond processes, with an auth of the test's own behind them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import RunningWorker, make_queue_directory, run_worker
from one_user_auth import PASSWORD, USER, FakeAuth, one_user_auth

from pyfix.daemons.authdaemond.daemon import SERVICE as AUTHDAEMOND
from pyfix.daemons.saslauthd.daemon import SERVICE as SASLAUTHD
from pyfix.proto import dovecot_auth as protocol
from pyfix.proto.authdaemond import encode_login, encode_lookup
from pyfix.proto.dovecot_auth.messages import encode
from pyfix.proto.saslauthd import Question, encode_counted


@pytest.fixture
def folder() -> Iterator[Path]:
    """A queue directory whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-pw-"))
    path.chmod(0o755)
    yield make_queue_directory(path)
    shutil.rmtree(path)


@pytest.fixture
def auth(folder: Path) -> Iterator[FakeAuth]:
    """The auth service of that system."""
    with one_user_auth(folder / "private" / "auth") as service:
        yield service


@pytest.fixture
def saslauthd(folder: Path) -> Iterator[RunningWorker]:
    """A saslauthd."""
    with run_worker(SASLAUTHD, "mail_owner = nobody", folder, name="saslauthd", public=True) as worker:
        yield worker


@pytest.fixture
def authdaemond(folder: Path) -> Iterator[RunningWorker]:
    """An authdaemond."""
    with run_worker(AUTHDAEMOND, "mail_owner = nobody", folder, name="authdaemond", public=True) as worker:
        yield worker


def ask(path: str, data: bytes, piece: int = 0) -> bytes:
    """Return all that is answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(path)
        for at in range(0, len(data), piece or len(data) or 1):
            client.sendall(data[at : at + (piece or len(data))])
        answer = b""
        while True:
            try:
                more = client.recv(4096)
            except ConnectionResetError:
                return answer
            if not more:
                return answer
            answer += more


OK, NO = encode_counted(b"OK"), encode_counted(b"NO authentication failed")


class TestSaslauthd:
    """As Cyrus' library and Cyrus' own command ask."""

    QUESTIONS = (
        (Question(USER.encode(), PASSWORD, b"smtp", b""), OK),
        (Question(b"alice", PASSWORD, b"smtp", b"x.test"), OK),
        (Question(USER.encode(), PASSWORD, b"smtp", b"y.test"), OK),
        (Question(USER.encode(), b"wrong", b"smtp", b""), NO),
        (Question(b"alice", PASSWORD, b"smtp", b""), NO),
        (Question(b"", PASSWORD, b"smtp", b"x.test"), NO),
        (Question(USER.encode(), b"", b"smtp", b""), NO),
        (Question(b"\0" + USER.encode(), PASSWORD, b"smtp", b""), NO),
        (Question(USER.encode(), PASSWORD + b"\0", b"smtp", b""), NO),
        (Question(b"\xff'; DROP TABLE x", PASSWORD, b"\xff\n", b""), NO),
        (Question(b"later", PASSWORD, b"smtp", b""), b""),
    )

    def test_questions_have_their_answers(self, saslauthd: RunningWorker, auth: FakeAuth) -> None:
        """Also when they come in pieces; none at all where auth can't tell."""
        for question, answer in self.QUESTIONS:
            assert ask(saslauthd.path, question.encode()) == answer, question
            assert ask(saslauthd.path, question.encode(), 3) == answer, question

    def test_service_and_password_reach_auth_as_they_are(self, saslauthd: RunningWorker, auth: FakeAuth) -> None:
        """A question is one that never leaves the machine."""
        ask(saslauthd.path, Question(USER.encode(), b"\xff\t\x01\n", b"pop", b"").encode())
        (request,) = auth.asked
        assert isinstance(request, protocol.Authenticate)
        assert request.initial == b"\0" + USER.encode() + b"\0\xff\t\x01\n"
        assert {"service=pop3", "secured"} < set(fields_of(request))

    def test_what_is_no_question_ends_the_connection(self, saslauthd: RunningWorker) -> None:
        """And is told to the log."""
        for data in [b"\xff\xff", b"\0\x01aGET / HTTP/1.0\r\n\r\n" + b"x" * 3000]:
            assert ask(saslauthd.path, data) == b""
        assert "bad request from a local client" in saslauthd.wait_for_line("saslauthd: bad request")

    def test_without_auth_there_is_no_answer(self, saslauthd: RunningWorker) -> None:
        """Nobody is told that a password is wrong."""
        assert ask(saslauthd.path, Question(USER.encode(), PASSWORD, b"smtp", b"").encode()) == b""
        assert "private/auth" in saslauthd.wait_for_line("failed: No such file")

    @pytest.mark.peer("testsaslauthd")
    def test_debians_testsaslauthd_says_success(
        self, saslauthd: RunningWorker, auth: FakeAuth, need: Callable[[str], str]
    ) -> None:
        """To the letter."""
        command = [need("testsaslauthd"), "-u", USER, "-s", "smtp", "-f", saslauthd.path, "-p"]
        right = subprocess.run([*command, PASSWORD.decode()], capture_output=True, text=True, check=False)
        assert (right.stdout, right.returncode) == ('0: OK "Success."\n', 0)
        wrong = subprocess.run([*command, "wrong"], capture_output=True, text=True, check=False)
        assert (wrong.stdout, wrong.returncode) == ('0: NO "authentication failed"\n', 255)

    @pytest.mark.root
    @pytest.mark.skipif(os.getuid() != 0, reason="needs root")
    def test_only_those_who_may_are_answered(self, folder: Path, auth: FakeAuth) -> None:
        """Others are parted from before they have said anything."""
        data = Question(USER.encode(), PASSWORD, b"smtp", b"").encode()
        script = f"""if True:
            import os, socket
            os.setgid(65534); os.setuid(USER)
            client = socket.socket(socket.AF_UNIX); client.connect("{folder}/public/saslauthd")
            try:
                client.sendall({data!r}); print(client.recv(99))
            except OSError: print("cut")
        """
        settings = "mail_owner = nobody\nsaslauthd_authorized_users = daemon"
        with run_worker(SASLAUTHD, settings, folder, name="saslauthd", public=True) as worker:
            (folder / "public" / "saslauthd").chmod(0o666)
            said = [_python(script.replace("USER", uid)) for uid in ("65534", "1", "2")]
            assert said[:2] == [f"{OK!r}\n"] * 2
            assert said[2] in ("cut\n", "b''\n")
            assert "user id 2 may not ask; see saslauthd_authorized_users" in worker.wait_for_line("may not ask")


class TestAuthdaemond:
    """As ExtMail, Cyrus' library and Courier ask."""

    ACCOUNT = b"UID=1000\nGID=1001\nHOME=/mail/alice\nADDRESS=alice@x.test\nMAILDIR=/mail/alice/Maildir/\nQUOTA=5S\n.\n"

    QUESTIONS = (
        (encode_login("webmail", USER, PASSWORD), ACCOUNT),
        (encode_login("pop3", USER, b"wrong"), b"FAIL\n"),
        (encode_login("pop3", "bob", PASSWORD), b"FAIL\n"),
        (encode_login("pop3", "later", PASSWORD), b""),
        (b"AUTH 12\nsmtp\nlogin\n\n", b"FAIL\n"),
        (b"AUTH 20\nsmtp\ncram-md5\nabc\nx\n", b"FAIL\n"),
        (encode_lookup("pop3", USER), ACCOUNT),
        (encode_lookup("pop3", "bob"), b"FAIL\n"),
        (encode_lookup("pop3", "later"), b""),
        (b"PASSWD login\ta\tb\tc\n", b"FAIL\n"),
        (b"ENUMERATE\n", b"FAIL\n"),
    )

    def test_questions_have_their_answers(self, authdaemond: RunningWorker, auth: FakeAuth) -> None:
        """Also when they come in pieces; none at all where auth can't tell."""
        for question, answer in self.QUESTIONS:
            assert ask(authdaemond.path, question) == answer, question
            assert ask(authdaemond.path, question, 5) == answer, question

    def test_what_is_no_question_ends_the_connection(self, authdaemond: RunningWorker) -> None:
        """And is told to the log."""
        for data in [b"QUIT\n", b"AUTH 99999\n", b"AUTH -1\n", b"x" * 5000, b"PRE x\n"]:
            assert ask(authdaemond.path, data) == b""
        assert "bad request from a local client" in authdaemond.wait_for_line("authdaemond: bad request")

    @pytest.mark.root
    @pytest.mark.skipif(os.getuid() != 0, reason="needs root")
    def test_a_user_that_is_not_there_keeps_it_from_starting(self, folder: Path) -> None:
        """Rather than that somebody is not answered without a word."""
        settings = "mail_owner = nobody\nauthdaemond_authorized_users = no-such-user"
        with run_worker(AUTHDAEMOND, settings, folder, name="authdaemond", public=True) as worker:
            line = worker.wait_for_line("authdaemond_authorized_users")
            assert "authdaemond_authorized_users: unknown user: no-such-user; correct it" in line
            worker.exit_code = worker.stop()

    def test_without_auth_there_is_no_answer(self, authdaemond: RunningWorker) -> None:
        """Nobody is told that a password is wrong."""
        assert ask(authdaemond.path, encode_lookup("pop3", USER)) == b""
        assert ask(authdaemond.path, encode_login("pop3", USER, PASSWORD)) == b""


def fields_of(request: protocol.Authenticate) -> list[str]:
    """Return the fields of a request's line."""
    return encode(request).decode().rstrip("\n").split("\t")


def _python(script: str) -> str:
    done = subprocess.run(["python3", "-c", script], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout or done.stderr
