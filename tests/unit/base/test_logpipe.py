"""The pipe of the log, and what goes around it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pyfix.base.log import Log, PostlogSink
from pyfix.base.logpipe import PIPE_BUF, LogPipe


def close(pipe: LogPipe) -> None:
    """Release both ends."""
    os.close(pipe.reader)
    os.close(pipe.writer)


def test_lines_go_through_the_pipe_and_cost_no_datagram(tmp_path: Path) -> None:
    """With a pipe there need not even be a socket."""
    pipe = LogPipe()
    log = Log(PostlogSink(str(tmp_path / "none"), "host", pipe), "postfix/smtpd")
    log.info("one")
    log.info("two")
    log.flush()
    assert [line[-3:] for line in pipe.read().decode().splitlines()] == ["one", "two"]
    close(pipe)


def test_a_line_too_long_for_an_atomic_write_goes_in_a_datagram(tmp_path: Path) -> None:
    """Its neighbours go through the pipe: each line arrives whole, once."""
    pipe = LogPipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "postlog"))
        sink = PostlogSink(str(tmp_path / "postlog"), "host", pipe)
        log = Log(sink, "postfix/smtpd")
        for text in ("first", "x" * PIPE_BUF, "last"):
            log.info(text)
        log.flush()
        assert b"x" * PIPE_BUF + b"\n" in server.recv(1 << 20)
        assert [line.rsplit(b" ", 1)[1] for line in pipe.read().splitlines()] == [b"first", b"last"]
        sink._disconnect()
    close(pipe)


def test_a_full_pipe_neither_blocks_nor_loses(tmp_path: Path) -> None:
    """A log service that is away: what the pipe does not hold goes to its socket."""
    pipe = LogPipe()
    while pipe.write(b"." * (PIPE_BUF - 1) + b"\n"):
        pass
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "postlog"))
        sink = PostlogSink(str(tmp_path / "postlog"), "host", pipe)
        log = Log(sink, "postfix/smtpd")
        log.info("x" * 3000)
        log.flush()
        assert server.recv(65536).endswith(b"x\n")
        sink._disconnect()
    close(pipe)


@given(st.lists(st.integers(0, 9000), max_size=9))
def test_every_line_arrives_once_and_whole(lengths: list[int]) -> None:
    """However long the lines are, and in whatever order."""
    pipe = LogPipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sink = PostlogSink("", "host", pipe)
    sink._socket = ours
    log = Log(sink, "postfix/smtpd")
    for number, length in enumerate(lengths):
        log.info(f"{number} " + "x" * length)
        if number % 3 == 0:
            log.flush()
    log.flush()
    received = pipe.read()
    theirs.setblocking(False)
    try:
        while True:
            received += theirs.recv(1 << 20)
    except BlockingIOError:
        pass
    texts = [line.split(b"]: ")[1].decode() for line in received.splitlines()]
    assert sorted(texts) == sorted(f"{n} " + "x" * length for n, length in enumerate(lengths))
    ours.close()
    theirs.close()
    close(pipe)
