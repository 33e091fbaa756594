"""Log lines and where they go."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.base.log import Fatal, FileSink, Log, MemoryLog, PostlogSink, Severity, SyslogSink, sanitize


def test_words_for_trouble_stand_in_front() -> None:
    """As Postfix's tools expect them."""
    log = MemoryLog()
    log.info("connect from a[1.2.3.4]")
    log.warning("w")
    log.error("e")
    with pytest.raises(Fatal):
        log.fatal("f")
    assert log.lines == ["connect from a[1.2.3.4]", "warning: w", "error: e", "fatal: f"]


def test_programs_that_share_a_tag_begin_their_lines_with_a_name() -> None:
    """As those behind mailbox_syslog_name do; a line may tell of another speaker."""
    lines: list[str] = []

    class Lines:
        def write(self, written: Sequence[tuple[Severity, str]]) -> None:
            lines.extend(line for _, line in written)

        def close(self) -> None: ...

    log = Log(Lines(), "dovecot", speaker="pop3-login")
    log.info("Login: user=<a>")
    log.tell("pop3(a): Disconnected")
    log.flush()
    pid = os.getpid()
    assert lines == [f"dovecot[{pid}]: pop3-login: Login: user=<a>", f"dovecot[{pid}]: pop3(a): Disconnected"]


def test_detail_is_logged_with_verbosity_only() -> None:
    """-v makes the difference."""
    quiet, loud = MemoryLog(), MemoryLog(verbose=1)
    for log in (quiet, loud):
        log.debug("detail")
    assert (quiet.lines, loud.lines) == ([], ["detail"])


@given(st.text())
def test_whatever_a_stranger_sends_is_one_printable_line(text: str) -> None:
    """No line feed, no escape sequence, no lone surrogate gets into the log."""
    clean = sanitize(text)
    assert clean.isprintable()
    clean.encode()


def test_bytes_that_are_no_text_do_not_stop_the_log(tmp_path: Path) -> None:
    """Undecodable bytes, kept as surrogates, are written as something."""
    sink = FileSink(str(tmp_path / "log"), "host")
    log = Log(sink, "postfix/smtpd")
    log.info(b"helo=<\xff\x00>".decode("utf-8", "surrogateescape"))
    log.flush()
    line = (tmp_path / "log").read_text()
    assert f" host postfix/smtpd[{os.getpid()}]: helo=<" in line and line.count("\n") == 1


def test_many_lines_go_in_one_datagram_to_postlog(tmp_path: Path) -> None:
    """One system call for a message's lines."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "postlog"))
        sink = PostlogSink(str(tmp_path / "postlog"), "host")
        log = Log(sink, "postfix/smtpd")
        for number in range(5):
            log.info(f"line {number}")
        log.flush()
        assert server.recv(65536).count(b"\n") == 5
        sink._disconnect()


def test_syslog_lines_carry_facility_and_severity(tmp_path: Path) -> None:
    """mail.info is <22>, mail.warning <20>."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        sink = SyslogSink(2, str(tmp_path / "log"))
        log = Log(sink, "postfix/qmgr")
        log.info("a")
        log.warning("b")
        log.flush()
        first, second = server.recv(1000), server.recv(1000)
        assert first.startswith(b"<22>") and first.endswith(b"]: a")
        assert second.startswith(b"<20>") and second.endswith(b"]: warning: b")
        sink._disconnect()


def test_missing_log_server_costs_lines_and_not_mail(tmp_path: Path) -> None:
    """Nothing is raised; the loss is counted."""
    sink = SyslogSink(2, str(tmp_path / "nobody"))
    log = Log(sink, "postfix/qmgr")
    log.info("a")
    log.flush()
    assert sink.take_lost() == 1


def test_full_log_server_makes_a_process_wait_once_only(tmp_path: Path) -> None:
    """When it takes datagrams again, lines get through again."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        sink = SyslogSink(2, str(tmp_path / "log"))
        sink._wait = 0.01
        log = Log(sink, "postfix/qmgr")
        for number in range(1000):
            log.info(str(number))
            log.flush()
        lost = sink.take_lost()
        assert lost > 0
        received = 0
        server.setblocking(False)
        while True:
            try:
                server.recv(1000)
            except BlockingIOError:
                break
            received += 1
        assert received + lost == 1000
        log.info("again")
        log.flush()
        assert server.recv(1000).endswith(b"again")
        sink._disconnect()


def test_moved_log_file_is_noticed(tmp_path: Path) -> None:
    """What is written still goes to the moved file."""
    path = tmp_path / "maillog"
    sink = FileSink(str(path), "host")
    sink.append(b"old\n")
    path.rename(tmp_path / "maillog.1")
    assert sink.is_moved()
    sink.append(b"new\n")
    assert (tmp_path / "maillog.1").read_bytes() == b"old\nnew\n"
    path.touch()
    assert sink.is_moved()
    sink.close()


def test_log_follows_its_name_after_rotation(tmp_path: Path) -> None:
    """The master's own lines are in the new file, not in one that is being compressed."""
    path = tmp_path / "maillog"
    sink = FileSink(str(path), "host")
    log = Log(sink, "postfix/master")
    log.info("old")
    log.flush()
    path.rename(tmp_path / "maillog.1")
    log.info("new")
    log.flush()
    assert "old" in (tmp_path / "maillog.1").read_text() and "new" not in (tmp_path / "maillog.1").read_text()
    assert path.read_text().endswith(": new\n")
    sink.close()


def test_log_file_is_never_a_symbolic_link(tmp_path: Path) -> None:
    """A link planted in a log folder is not followed."""
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        FileSink(str(tmp_path / "log"), "host")
