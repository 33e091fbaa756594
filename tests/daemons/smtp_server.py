"""An SMTP server that answers as a test tells it, one thread a connection.

A `Script` maps what the client sends to replies. A reply is bytes, or CLOSE (hang up), or SILENCE (nothing), or a list
that is used up reply by reply, the last one for good.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

CLOSE = b"\0close"
SILENCE = b"\0silence"
Answer = bytes | Sequence[bytes]


@dataclass
class Script:
    """What the server says."""

    greeting: Answer = b"220 sink.test ESMTP\r\n"
    ehlo: Answer = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n"
    helo: Answer = b"250 sink.test\r\n"
    mail: Answer = b"250 2.1.0 Ok\r\n"
    rcpt: Answer | dict[str, bytes] = b"250 2.1.5 Ok\r\n"
    """By local part, "*" for the others."""
    data: Answer = b"354 go on\r\n"
    dot: Answer = b"250 2.0.0 Ok: queued as 12345\r\n"
    rset: Answer = b"250 2.0.0 Ok\r\n"
    quit: Answer = b"221 2.0.0 Bye\r\n"
    close_in_data: int = -1
    """Hang up after so many bytes of content."""
    say_in_data: bytes = b""
    """Say this before hanging up there."""
    lmtp: bool = False
    """One reply to the dot for each accepted recipient."""


@dataclass
class Transcript:
    """What one connection heard."""

    commands: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)


class ScriptedServer:
    """Listens on a free port of 127.0.0.1, or on a Unix-domain socket."""

    def __init__(self, script: Script, path: str = "", address: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self.sessions: list[Transcript] = []
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}
        self._connections: list[socket.socket] = []
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self.port = 0
        else:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                self._listener.bind((address, port))
            except OSError:
                self._listener.close()
                raise
            self.port = self._listener.getsockname()[1]
        self._listener.listen(100)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def wait_for_clients(self) -> None:
        """Until all connections there were have ended."""
        for thread in self._threads[1:]:
            thread.join(10)

    @property
    def commands(self) -> list[str]:
        """All commands of all connections, in order."""
        return [command for session in self.sessions for command in session.commands]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        transcript = Transcript()
        self.sessions.append(transcript)
        with connection, contextlib.suppress(OSError, _HangUp):
            self._talk(connection, transcript)

    def _talk(self, connection: socket.socket, transcript: Transcript) -> None:
        script = self.script
        self._answer(connection, "greeting", script.greeting)
        reader = connection.makefile("rb")
        accepted = 0
        while line := reader.readline():
            command = line.decode("utf-8", "replace").strip()
            transcript.commands.append(command)
            verb = command[:4].upper()
            match verb:
                case "EHLO" | "LHLO":
                    self._answer(connection, "ehlo", script.ehlo)
                case "RCPT":
                    accepted += self._answer(connection, "rcpt", self._rcpt_answer(command))
                case "MAIL":
                    accepted = 0
                    self._answer(connection, "mail", script.mail)
                case "DATA":
                    if self._answer(connection, "data", script.data, b"3"):
                        transcript.contents.append(self._read_content(connection, reader))
                        for _ in range(accepted if script.lmtp else 1):
                            self._answer(connection, "dot", script.dot)
                case "QUIT":
                    self._answer(connection, "quit", script.quit)
                    return
                case "HELO" | "RSET":
                    self._answer(connection, verb.lower(), getattr(script, verb.lower()))
                case _:
                    connection.sendall(b"500 5.5.2 unknown\r\n")

    def _rcpt_answer(self, command: str) -> Answer:
        answers = self.script.rcpt
        if not isinstance(answers, dict):
            return answers
        local = command.partition("<")[2].partition("@")[0]
        return answers.get(local, answers.get("*", b"250 2.1.5 Ok\r\n"))

    def _answer(self, connection: socket.socket, name: str, answer: Answer, good: bytes = b"2") -> bool:
        """Say it; return True when it was a good reply."""
        if not isinstance(answer, bytes):
            with self._lock:
                count = self._used.get(name, 0)
                self._used[name] = count + 1
            answer = answer[min(count, len(answer) - 1)]
        said, closes, _ = answer.partition(CLOSE)
        if said == SILENCE:
            return False
        connection.sendall(said)
        if closes:
            raise _HangUp
        return said.startswith(good)

    def _read_content(self, connection: socket.socket, reader: socket.SocketIO) -> bytes:
        lines: list[bytes] = []
        size = 0
        limit = self.script.close_in_data
        while line := reader.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)
            size += len(line)
            if 0 <= limit <= size:
                connection.sendall(self.script.say_in_data)
                raise _HangUp
        raise _HangUp


class _HangUp(Exception):
    """The script says so."""
