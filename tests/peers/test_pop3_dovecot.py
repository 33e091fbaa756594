"""The same bytes to Dovecot's POP3 server and to ours, on Maildirs with the same messages: the same replies."""

from __future__ import annotations

import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import free_port
from dovecot_pop3 import dovecot_pop3

sys.path.insert(0, str(Path(__file__).parent.parent / "daemons"))

from pop3_scene import OWNER, LoginScene, make_maildir, pop3_login_scene

pytestmark = [pytest.mark.peer("dovecot"), pytest.mark.root]

MESSAGES = {
    "1700000001.M1.host": b"Subject: one\nFrom: a@b\n\nline one\n.dot\n..two\nlast\n",
    "1700000002.M2.host": b"Subject: two\n\nno end",
    "1700000003.M3.host": b"Subject: nobody\n",
    "1700000004.M4.host": b"\nno header\n",
    "1700000005.M5.host": b"Subject: CRLF\r\n\r\na\r\n.\r\n\r\nb\r\n",
    "1700000006.M6.host": b"Subject: 8 bits \xff\xc3\xa9\n\n" + b".\n" * 50 + b"x" * 2000 + b"\n",
}
LOGIN = [b"USER alice", b"PASS secret"]
BEFORE: dict[str, list[bytes]] = {
    "capabilities": [b"CAPA", b"capa x", b"AUTH", b"QUIT x"],
    "no user": [b"PASS x", b"USER", b"PASS", b"QUIT"],
    "wrong": [b"USER alice", b"PASS wrong", b"PASS secret", b"QUIT"],
    "unknown": [b"STAT", b"USER alice", b"FOO", b"USER alice", b"", b"\0", b" USER x"],
    "mechanisms": [b"AUTH FOO", b"AUTH PLAIN", b"*", b"AUTH PLAIN !!!", b"AUTH PLAIN", b"xx!!", b"QUIT"],
    "plain": [b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"STAT", b"QUIT"],
    "tls": [b"STLS", b"QUIT"],
    "too long": [b"X" * 9000],
}
AFTER: dict[str, list[bytes]] = {
    "numbers": [
        line
        for command in (b"LIST", b"UIDL", b"RETR", b"DELE")
        for argument in (b" 99", b" 0", b" x", b" -1", b" 1 2", b" 1x", b" 99999999999999999999")
        for line in (command + argument, b"NOOP")
    ],
    "top": [b"TOP", b"TOP 1", b"TOP 1 x", b"TOP 1 1 1", b"TOP 99 1", b"TOP 1 99999999999999999999"],
    "messages": [b"RETR %d" % number for number in range(1, 7)],
    "lines": [b"TOP %d %d" % (number, lines) for number in range(1, 7) for lines in (0, 1, 2, 200)],
    "listings": [b"STAT", b"stat x", b"LIST", b"LIST 2", b"LIST  002", b"UIDL", b"UIDL 2"],
    "deleted": [
        b"DELE 1", b"DELE 1", b"STAT", b"LIST", b"UIDL", b"RETR 1", b"TOP 1 0", b"LIST 1", b"UIDL 1", b"RSET", b"STAT",
    ],
    "last": [b"LAST", b"RETR 3", b"LAST", b"RETR 1", b"LAST", b"TOP 5 0", b"LAST", b"RSET", b"LAST"],
    "unknown": [b"", b" STAT", b"FOO", b"USER x", b"AUTH", b"STLS", b"NOOP x", b"\xff\xfe"],
    "too many": [b"FOO"] * 22,
    "too long": [b"X" * 9000],
    "quit": [b"NOOP", b"RETR 2", b"QUIT x"],
    "delete": [b"DELE 2", b"QUIT"],
}  # fmt: skip
OURS = re.compile(rb"(?:UTF8 USER|LANG|EXPIRE NEVER|IMPLEMENTATION pyfix)\r\n")


@pytest.fixture(scope="module")
def dovecot(need: Callable[[str], str]) -> Iterator[tuple[int, Path]]:
    port = free_port()
    with dovecot_pop3(need, port, OWNER) as directory:
        yield port, directory / "mail"


@pytest.fixture(scope="module")
def ours() -> Iterator[LoginScene]:
    with pop3_login_scene("pop3_enable_last = yes\nmail_max_userip_connections = 0") as scene:
        scene.add_user("alice", MESSAGES)
        yield scene


def talk(port: int, commands: Sequence[bytes]) -> bytes:
    """Send one command after the other; return all that came back behind the greeting."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock, sock.makefile("rb") as replies:
        replies.readline()
        said = b""
        for command in commands:
            try:
                sock.sendall(command + b"\r\n")
                said += _reply(replies, command)
            except (ConnectionResetError, BrokenPipeError):
                break
        try:
            sock.shutdown(socket.SHUT_WR)
            said += replies.read()
        except OSError:  # a line that was too long is answered and not read to its end
            pass
    return normal(said)


def _reply(replies: Iterator[bytes], command: bytes) -> bytes:
    first = next(replies, b"")
    verb, _, argument = command.upper().partition(b" ")
    is_long = verb in (b"CAPA", b"RETR", b"TOP") or (verb in (b"LIST", b"UIDL", b"AUTH") and not argument)
    if not first.startswith(b"+OK") or not is_long:
        return first
    lines = [first]
    while lines[-1] not in (b".\r\n", b""):
        lines.append(next(replies, b""))
    return b"".join(lines)


def normal(said: bytes) -> bytes:
    """Leave out what CAPA has more of here, and which unique ids they are."""
    said = OURS.sub(b"", said)
    return re.sub(rb"(?m)^((?:\+OK )?\d+ )(?:[0-9a-f]{16}|1700\S+)(?=\r)", rb"\1ID", said)


def renew(maildir: Path) -> None:
    """Make the Maildir anew."""
    shutil.rmtree(maildir, ignore_errors=True)
    make_maildir(maildir, MESSAGES)


def compare(dovecot: tuple[int, Path], ours: LoginScene, commands: Sequence[bytes]) -> bytes:
    """Return what both answered; fails where they differ."""
    port, maildir = dovecot
    renew(maildir)
    renew(ours.mail / "alice")
    theirs = talk(port, commands)
    assert talk(int(ours.lines.path.rpartition(":")[2]), commands) == theirs
    for worker in (ours.worker, ours.lines):
        worker.log_lines()  # a socket keeps ten lines that nobody reads
    return theirs


@pytest.mark.parametrize("case", BEFORE)
def test_replies_before_the_login(case: str, dovecot: tuple[int, Path], ours: LoginScene) -> None:
    assert compare(dovecot, ours, BEFORE[case])


@pytest.mark.parametrize("case", AFTER)
def test_replies_after_the_login(case: str, dovecot: tuple[int, Path], ours: LoginScene) -> None:
    said = compare(dovecot, ours, [*LOGIN, *AFTER[case]])
    assert said.startswith(b"+OK\r\n+OK Logged in.\r\n")


def test_the_log_counts_as_dovecot_does(dovecot: tuple[int, Path], ours: LoginScene) -> None:
    compare(dovecot, ours, [*LOGIN, b"TOP 1 0", b"TOP 2 9", b"RETR 5", b"RETR 6", b"DELE 3", b"QUIT"])
    line = ours.worker.wait_for_line("del=1/6")
    counts = line.partition("Logged out ")[2]
    assert f"Disconnected: Logged out {counts}\n" in dovecot[1].with_name("log").read_text()
