"""sendmail -bs of both systems: the same replies, and the same messages.

Setup: the real Postfix and pyfix side by side, with one main.cf.
Path: one session on standard input, a line at a time.
Check: every reply is equal, but for what DIFFERENCES lists; the delivered files are equal.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
from collections.abc import Iterator

import pytest
from postfix_pair import MailSystem, sendmail_command

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.system, pytest.mark.root, pytest.mark.timeout(120)]

COMMANDS = r"""EHLO x|HELO x|HELO|EHLO|NOOP|NOOP x|RSET|RSET x|VRFY|VRFY a|VRFY <a@b> SMTPUTF8|VRFY a b|ETRN x|ETRN
HELP|AUTH PLAIN x|STARTTLS|STARTTLS x|XCLIENT a=b|XFORWARD a=b|FOO|foo bar||MAIL|MAIL FROM|MAIL FROM a|MAIL FROM:
MAIL FROM:<a|MAIL FROM:<a b@c>|MAIL FROM:<a@b> FOO=1|MAIL FROM:<a@b> SIZE=x|MAIL FROM:<a@b> SIZE=999999999
MAIL FROM:<a@b> BODY=FOO|MAIL FROM:<a@b> RET=X|MAIL FROM:<a@b> ENVID=+zz|MAIL FROM:<a@b> ENVID=|RCPT TO:<a>|DATA
MAIL FROM:<a@b> BODY=7BIT SIZE=3 RET=HDRS ENVID=a+20b|MAIL FROM:<c@d>|DATA|RCPT TO:|RCPT TO:<>|RCPT TO:<c@d> FOO
RCPT TO:<c@d> NOTIFY=X|RCPT TO:<c@d> NOTIFY=NEVER,DELAY|RCPT TO:<c@d> ORCPT=x|RCPT TO:<c d@e>|RCPT TO:<c@d> NOTIFY=
RCPT TO:<c@d> NOTIFY=NEVER|RCPT TO:<c@d> NOTIFY=DELAY,FAILURE ORCPT=rfc822;x+20y|DATA x|RSET
MAIL FROM:a@b|RSET|MAIL FROM:<a@b> AUTH=<>|RSET|MAIL FROM:<a@b> SMTPUTF8|RSET|MAIL FROM:<>|RSET
MAIL FROM: <x@y> size=1|RCPT TO:<m@pair.test> NOTIFY=NEVER ORCPT=rfc822;o@pair.test|DATA""".replace("\n", "|").split(
    "|"
)
CONTENT = ["From x", "Subject: t", "", "..a", "b", "."]
TOO_BIG = ["MAIL FROM:<a@b>", "RCPT TO:<m@pair.test>", "DATA", *["x" * 70] * 60, ".", "NOOP", "Subject: x"]
DIFFERENCES = {"EHLO x": {"250-ETRN", "250 CHUNKING"}}
"""Lines that only Postfix has: pickup has no use for them."""

HOP = re.compile(rb"(?m)^Received: from x .*\n(?:\t.*\n)+")
"""Postfix runs an smtpd for the session, which adds a header; here the session is no hop of its own."""


class Session:
    """A session, a line at a time."""

    def __init__(self, system: MailSystem) -> None:
        command = [*sendmail_command(system), "-bs"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._in_content = False

    def reply(self) -> list[str]:
        """Return the lines of one reply."""
        assert self._process.stdout
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = self._process.stdout.readline()
            assert line, lines
            lines.append(re.sub(r"queued as \w+", "queued as ID", line.decode().rstrip("\r\n")))
        self._in_content = lines[-1].startswith("354")
        return lines

    def say(self, line: str) -> list[str]:
        """Send a line and return the reply; nothing for a line of content."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\r\n".encode())
        self._process.stdin.flush()
        return [] if self._in_content and line != "." else self.reply()

    def end(self) -> int:
        """Hang up and return the exit status."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait(60)


@contextlib.contextmanager
def session(system: MailSystem) -> Iterator[Session]:
    """A session that ends well."""
    made = Session(system)
    try:
        yield made
    finally:
        status = made.end()
    assert status == 0


def test_sessions_are_equal(pair: list[MailSystem]) -> None:
    """Commands good and bad, a message, one that is too big, and what is no SMTP."""
    replies, messages = [], []
    for system in pair:
        with (system.directory / "etc" / "main.cf").open("a") as file:
            file.write("message_size_limit = 3000\nsmtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 1001\n")
        assert system.run("reload").returncode == 0
        with session(system) as talk:
            replies.append([("", talk.reply())] + [(line, talk.say(line)) for line in COMMANDS + CONTENT + TOO_BIG])
        messages.append(system.delivered(1))
    for (line, ours), (_, theirs) in itertools.zip_longest(replies[1], replies[0]):
        missing = DIFFERENCES.get(line, set())
        assert plain(ours) == plain([text for text in theirs if text not in missing]), line
    assert messages[1] == [HOP.sub(b"", message) for message in messages[0]]


def plain(lines: list[str]) -> list[str]:
    """Return a reply without the mark of its last line."""
    return [line[:3] + " " + line[4:] for line in lines]
