"""The mail log: one line an event, in syslog's form, from every process.

`Log` formats a line once and keeps it; `flush` hands all kept lines to the sink in as few system calls as it can. The
process skeleton flushes before a reply leaves and before a process waits, so a line never stays behind what it
tells about. Four words for trouble, as in Postfix: warning, error, fatal (the process ends), panic (a bug).

Text from strangers may hold anything: characters that are not printable become "?", so one event is one line.
"""

from __future__ import annotations

import abc
import enum
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, Protocol

from pyfix.base import clock
from pyfix.base.logpipe import PIPE_BUF, LogPipe
from pyfix.base.sockets import limit_waiting


class Severity(enum.IntEnum):
    """Syslog severities (RFC 5424 section 6.2.1) that pyfix uses."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    INFO = 6
    DEBUG = 7


class Fatal(Exception):
    """The process can't go on; the text has been logged."""


class Sink(Protocol):
    """Where finished lines go."""

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Take lines of "tag[pid]: text" without a line end. Must not raise on a full or missing destination."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


_UNPRINTABLE = dict.fromkeys([*range(32), 127], "?")


def sanitize(text: str) -> str:
    """Return text as one printable line."""
    if text.isprintable():
        return text
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text.translate(_UNPRINTABLE))


def one_line(error: BaseException) -> str:
    """Return an unexpected exception with the place that raised it, for the log and never for a peer."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


class Log:
    """The log of one process; `tag` is what stands before the pid, such as "postfix/smtpd"."""

    __slots__ = ("_lines", "_notify", "_prefix", "_sink", "_tag", "verbose")

    def __init__(self, sink: Sink, tag: str, verbose: int = 0, speaker: str = "") -> None:
        """speaker: begins each line's text, where programs share a tag ("pop3-login")."""
        self._sink = sink
        self._tag = f"{tag}[{os.getpid()}]: "
        self._prefix = f"{self._tag}{speaker}: " if speaker else self._tag
        self._lines: list[tuple[Severity, str]] = []
        self._notify: Callable[[], None] | None = None
        self.verbose = verbose

    def on_first_line(self, notify: Callable[[], None] | None) -> None:
        """Have `notify` called, in the thread that logs, whenever a line comes while none is kept: an event loop plans
        its flush then."""
        self._notify = notify

    def _add(self, severity: Severity, text: str, prefix: str = "") -> None:
        line = (severity, (prefix or self._prefix) + (text if text.isprintable() else sanitize(text)))
        is_first = not self._lines
        self._lines.append(line)
        if is_first and self._notify is not None:
            self._notify()

    def info(self, text: str) -> None:
        """An ordinary event."""
        self._add(Severity.INFO, text)

    def tell(self, text: str) -> None:
        """An ordinary event; the text names another speaker than the process."""
        self._add(Severity.INFO, text, self._tag)

    def debug(self, text: str) -> None:
        """Detail that is wanted with -v only."""
        if self.verbose:
            self._add(Severity.DEBUG, text)

    def warning(self, text: str) -> None:
        """Something is wrong, and the work goes on."""
        self._add(Severity.WARNING, f"warning: {text}")

    def error(self, text: str) -> None:
        """Something failed, and this process works on."""
        self._add(Severity.ERROR, f"error: {text}")

    def fatal(self, text: str) -> NoReturn:
        """Log the reason and raise Fatal: this process ends."""
        self._add(Severity.CRITICAL, f"fatal: {text}")
        self.flush()
        raise Fatal(text)

    def panic(self, text: str) -> NoReturn:
        """Log a condition that only a bug can cause, and raise Fatal."""
        self._add(Severity.CRITICAL, f"panic: {text}")
        self.flush()
        raise Fatal(text)

    def flush(self) -> None:
        """Hand everything logged so far to the sink."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._sink.write(lines)

    def close(self) -> None:
        """Let go of the destination: this log is used no more."""
        self._sink.close()


class MemorySink:
    """Keeps lines, for tests."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Keep the text after "tag[pid]: "."""
        self.lines.extend(line.split("]: ", 1)[1] for _, line in lines)

    def close(self) -> None:
        """Nothing is open."""


class MemoryLog(Log):
    """A log whose lines a test can read; each counts as written at once."""

    __slots__ = ("_memory",)

    def __init__(self, tag: str = "test", verbose: int = 0) -> None:
        self._memory = MemorySink()
        super().__init__(self._memory, tag, verbose)

    @property
    def lines(self) -> list[str]:
        """Everything logged so far, without time and tag."""
        self.flush()
        return self._memory.lines


class StderrSink:
    """Lines for a person at a terminal: "program: text"."""

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Write without time and pid, as Postfix's commands do."""
        text = "".join(f"{line.split('[', 1)[0]}: {line.split(']: ', 1)[1]}\n" for _, line in lines)
        sys.stderr.write(text)
        sys.stderr.flush()

    def close(self) -> None:
        """Standard error is everybody's."""


class TimeStamp:
    """Syslog's local time, formatted once a second (RFC 3164 section 4.1.2)."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self) -> str:
        """Return "Nov  3 06:07:08"."""
        second = int(clock.now())
        if second != self._second:
            self._second = second
            local = time.localtime(second)
            self._text = time.strftime("%b ", local) + f"{local.tm_mday:2d}" + time.strftime(" %H:%M:%S", local)
        return self._text


class FileSink:
    """Appends to a log file; what the file system refuses goes to standard error."""

    def __init__(self, path: str, hostname: str) -> None:
        self._path = path
        self._host = hostname
        self._stamp = TimeStamp()
        self._fd = open_log_file(path)

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Append all lines in one write, to a new file where the old one was moved away."""
        if self._path != "/dev/stdout" and self.is_moved():
            self._reopen()
        head = f"{self._stamp.text()} {self._host} "
        self.append("".join(f"{head}{line}\n" for _, line in lines).encode("utf-8", "replace"))

    def _reopen(self) -> None:
        try:
            new = open_log_file(self._path)
        except OSError as error:
            sys.stderr.write(f"{self._path}: {error.strerror}\n")
            return
        os.dup2(new, self._fd, inheritable=False)
        os.close(new)

    def append(self, data: bytes) -> None:
        """Append finished lines to the file that is open, wherever it is."""
        if not data:
            return
        try:
            os.write(self._fd, data)
        except OSError as error:
            sys.stderr.write(f"{self._path}: {error.strerror}: {data.decode('utf-8', 'replace')}")

    def is_moved(self) -> bool:
        """True when the path no longer leads to the open file."""
        try:
            there = os.stat(self._path)
        except OSError:
            return True
        here = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def close(self) -> None:
        """Release the descriptor."""
        os.close(self._fd)


def open_log_file(path: str) -> int:
    """Open a log file for appending; raise OSError as the system gives it. Never follows a symbolic link."""
    if path == "/dev/stdout":
        return os.dup(1)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY, 0o644)


_DATAGRAM_BYTES = 48 * 1024


class DatagramSink(abc.ABC):
    """Sends lines to a Unix datagram socket: the syslog daemon, or pyfix's own postlog service.

    A log that nobody takes must not stop the mail: a send waits one second at most, and after one that waited in vain
    the next do not wait at all, until one gets through. Lines that did not are counted (`take_lost`).
    """

    def __init__(self, path: str, wait_s: float = 1.0) -> None:
        self._path = path
        self._wait = wait_s
        self._socket: socket.socket | None = None
        self._lost = 0

    @abc.abstractmethod
    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Send every line."""

    def _send(self, data: bytes, count: int = 1) -> None:
        for _ in range(2):
            try:
                sock = self._socket = self._socket or self._connect()
            except OSError:
                break
            try:
                sock.send(data)
            except BlockingIOError:
                sock.setblocking(False)
                break
            except OSError:
                self._disconnect()  # the server was restarted: its socket is another one now
            else:
                if not sock.getblocking():
                    sock.setblocking(True)
                return
        self._lost += count

    def take_lost(self) -> int:
        """Return how many lines were lost since the last call."""
        lost, self._lost = self._lost, 0
        return lost

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        limit_waiting(sock, self._wait)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        return sock

    def close(self) -> None:
        """Disconnect."""
        self._disconnect()

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def connect_now(self) -> None:
        """Connect before a chroot hides the path; a missing socket is retried at each line."""
        if self._socket is None:
            try:
                self._socket = self._connect()
            except OSError:
                self._socket = None


FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
    "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
    "local6": 22, "local7": 23,
}  # fmt: skip


class SyslogSink(DatagramSink):
    """The system's syslog (RFC 3164)."""

    def __init__(self, facility: int, path: str = "/dev/log") -> None:
        super().__init__(path)
        self._facility = facility
        self._stamp = TimeStamp()

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Send each line as a datagram of its own."""
        for severity, line in lines:
            self._send(f"<{self._facility * 8 + severity}>{self._stamp.text()} {line}".encode("utf-8", "replace"))


class PostlogSink(DatagramSink):
    """pyfix's postlog service: finished lines for maillog_file, through the mail system's own pipe where there is one.

    What the pipe does not take (it is full, a line is too long for it) and what commands log goes in datagrams, as many
    lines as fit.
    """

    def __init__(self, path: str, hostname: str, pipe: LogPipe | None = None) -> None:
        super().__init__(path)
        self._host = hostname
        self._stamp = TimeStamp()
        self._pipe = pipe

    def write(self, lines: Sequence[tuple[Severity, str]]) -> None:
        """Send all lines in as few calls as possible."""
        head = f"{self._stamp.text()} {self._host} "
        data = "".join([f"{head}{line}\n" for _, line in lines]).encode("utf-8", "replace")
        pipe = self._pipe
        if pipe is None:
            self._send_pieces(data, _DATAGRAM_BYTES)
        elif len(data) > PIPE_BUF or not pipe.write(data):
            self._write_pieces(pipe, data)

    def _write_pieces(self, pipe: LogPipe, data: bytes) -> None:
        for piece in _split_lines(data, PIPE_BUF):
            if len(piece) > PIPE_BUF or not pipe.write(piece):
                self._send_pieces(piece, _DATAGRAM_BYTES)

    def _send_pieces(self, data: bytes, limit: int) -> None:
        for piece in _split_lines(data, limit):
            self._send(piece if len(piece) <= limit else piece[: limit - 1] + b"\n", piece.count(b"\n"))


def _split_lines(data: bytes, limit: int) -> Iterator[bytes]:
    """Cut between lines into pieces of at most `limit` bytes; a longer line is a piece of its own."""
    start = 0
    while len(data) - start > limit:
        end = data.rfind(b"\n", start, start + limit) + 1 or data.find(b"\n", start) + 1
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]
