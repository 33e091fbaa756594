"""An SMTP server for tests: takes mail, refuses it or hesitates, as the test says."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")


@dataclass
class Taken:
    """One message that the sink answered 250."""

    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class Sink:
    """Listens from `with` to its end; `port` is free and on loopback."""

    answer: Callable[[str], str] = field(default=lambda command: "")
    """Given a command line ("DATA" at its start, "." at its end), what to reply; "" for yes. May block."""
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> Sink:
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    _Session(sink, self).run()
                except (ConnectionError, TimeoutError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def nexthop(self) -> str:
        """The sink as a relayhost."""
        return f"[127.0.0.1]:{self.port}"


class _Session:
    """One connection."""

    def __init__(self, sink: Sink, handler: socketserver.StreamRequestHandler) -> None:
        self._sink = sink
        self._in = handler.rfile
        self._out = handler.wfile
        self._sender = ""
        self._recipients: list[str] = []

    def run(self) -> None:
        self._say("220 sink.test ESMTP")
        while line := self._in.readline():
            command = line.decode("utf-8", "replace").strip()
            self._sink.commands.append(command)
            verb = command.split(" ", 1)[0].upper()
            if verb == "MAIL":
                self._sender, self._recipients = _path(command), []
            if reply := self._sink.answer(command):
                self._say(reply)
            elif verb == "DATA":
                self._data()
            else:
                self._obey(verb, command)
            if verb == "QUIT":
                return

    def _obey(self, verb: str, command: str) -> None:
        if verb == "EHLO":
            self._say("250-sink.test\r\n" + "".join(f"250-{name}\r\n" for name in _EXTENSIONS) + "250 SIZE 0")
            return
        if verb == "RCPT":
            self._recipients.append(_path(command))
        self._say("221 2.0.0 Bye" if verb == "QUIT" else "250 2.0.0 Ok")

    def _data(self) -> None:
        if not self._recipients:
            self._say("554 5.5.1 Error: no valid recipients")
            return
        self._say("354 Go ahead")
        lines: list[bytes] = []
        while (line := self._in.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        reply = self._sink.answer(".")
        if not reply and line:
            self._sink.taken.append(Taken(self._sender, self._recipients, b"".join(lines)))
        self._say(reply or "250 2.0.0 Ok: taken")

    def _say(self, reply: str) -> None:
        self._out.write(f"{reply}\r\n".encode())


def _path(command: str) -> str:
    return command.split("<", 1)[1].split(">", 1)[0]
