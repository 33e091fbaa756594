"""Postfix and pyfix with many configurations of rewriting at once, and what each makes of a message.

A lane is one configuration: an smtpd on a port of its own, and the cleanup, trivial-rewrite and smtp that it uses, each
with parameters of its own in master.cf. Whatever a lane accepts, it sends to a sink, which keeps the envelope and the
content as they came over the wire.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from postfix_pair import MailSystem
from rewriting_cases import Case

_CLIENTS: Final = 6
_KEY: Final = re.compile(rb"^case ([\w-]+) (\d+)\r$", re.M)
_RECEIVED: Final = re.compile(rb"\AReceived: .*?\r\n(?![ \t])", re.S)
"""The one that either has added."""
_EHLO: Final = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 SIZE 0\r\n"


@dataclass(frozen=True)
class Lane:
    """One configuration, by the programs that it is for."""

    smtpd: Mapping[str, str] = field(default_factory=dict)
    cleanup: Mapping[str, str] = field(default_factory=dict)
    rewrite: Mapping[str, str] = field(default_factory=dict)
    smtp: Mapping[str, str] = field(default_factory=dict)

    def lines(self, name: str, port: int, sink: int) -> str:
        """Return its services in the form of master.cf."""
        names = {"cleanup_service_name": f"cleanup-{name}", "rewrite_service_name": f"rewrite-{name}"}
        route = f"check_client_access static:{{FILTER smtp-{name}:[127.0.0.1]:{sink}}}"
        smtpd = names | {"smtpd_client_restrictions": route} | dict(self.smtpd)
        return "".join([
            _service(f"{port} inet n - n - 2 smtpd", smtpd),
            _service(f"cleanup-{name} unix n - n - 0 cleanup", names | dict(self.cleanup)),
            _service(f"rewrite-{name} unix - - n - - trivial-rewrite", self.rewrite),
            _service(f"smtp-{name} unix - - n - 2 smtp", names | dict(self.smtp)),
        ])  # fmt: skip


def _service(line: str, settings: Mapping[str, str]) -> str:
    return "\n".join([line, *(f"  -o {{ {name} = {value} }}" for name, value in settings.items()), ""])


Result = tuple[str, list[tuple[list[bytes], bytes]]]
"""The reply to the message, and what the sink got: commands and content of each transaction."""


def describe(result: Result) -> list[str]:
    """Return a result as lines, without ids, times and sizes; how recipients were put together does not count."""
    reply, transactions = result
    commands = [re.sub(rb" SIZE=\d+", b"", command) for said, _ in transactions for command in said]
    mail = {command for command in commands if command.startswith(b"MAIL")}
    rcpt = sorted(command for command in commands if not command.startswith(b"MAIL"))
    contents = {_mask(content) for _, content in transactions}
    lines = [reply.encode(), *sorted(mail), *rcpt]
    for content in sorted(contents):
        lines += content.split(b"\r\n")
    return [line.decode("utf-8", "backslashreplace") for line in lines]


def _mask(content: bytes) -> bytes:
    content = _RECEIVED.sub(b"", content)
    content = re.sub(rb"\b20\d{12}\.(?=[0-9A-F]{9,}@)", b"TIME.", content)
    content = re.sub(rb"\b[0-9A-F]{9,14}\b", b"ID", content)
    return re.sub(rb"\w{3}, [ \d]\d \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", b"DATE", content)


class Site:
    """One of the two mail systems with all lanes, and its sink."""

    def __init__(self, system: MailSystem, lanes: Mapping[str, Lane], free_port: Callable[[], int]) -> None:
        self.system = system
        self.sink = CommandSink()
        self._ports = {name: free_port() for name in lanes}
        with open(system.directory / "etc" / "master.cf", "a") as master:
            for name, lane in lanes.items():
                master.write(lane.lines(name, self._ports[name], self.sink.port))

    def start(self) -> None:
        self.system.start()

    def stop(self) -> None:
        self.system.stop()
        self.sink.close()

    def run(self, cases: Mapping[str, Sequence[Case]]) -> dict[str, list[Result]]:
        """Send to each lane its cases, and return what became of each."""
        with ThreadPoolExecutor(_CLIENTS) as threads:
            replies = dict(zip(cases, threads.map(self._send, cases, cases.values()), strict=True))
        self.system.wait_until_idle()
        return {
            lane: [(reply, sorted(self.sink.taken.get((lane, number), []))) for number, reply in enumerate(said)]
            for lane, said in replies.items()
        }

    def _send(self, lane: str, cases: Sequence[Case]) -> list[str]:
        client = RawClient(self._ports[lane])
        replies = [client.send(case, f"{lane} {number}") for number, case in enumerate(cases)]
        client.close()
        return replies


class RawClient:
    """Sends commands as bytes."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), 60)
        self._file = self._sock.makefile("rb")
        self._read()
        self._ask(b"EHLO client.test")

    def send(self, case: Case, key: str) -> str:
        """Send a message, and return all replies that were no yes; the last without the queue id."""
        said = [self._ask(b"MAIL FROM:<%b> %b" % (case.sender, case.options))]
        said += [self._ask(b"RCPT TO:<%b>" % rcpt) for rcpt in case.recipients]
        if (data := self._ask(b"DATA")).startswith("354"):
            head = re.sub(rb"(?m)^\.", b"..", case.head)
            body = b"text\r\n\r\ncase %b\r\n.\r\n" % key.encode()
            self._sock.sendall(head + (b"\r\n" if case.head else b"") + b"\r\n" + body)
            said.append(re.sub(r"queued as .*", "queued", self._read()))
        else:
            said += [data, self._ask(b"RSET")]
        return "; ".join(reply for reply in said if not reply.startswith("250 2.1."))

    def close(self) -> None:
        self._ask(b"QUIT")
        self._file.close()
        self._sock.close()

    def _ask(self, command: bytes) -> str:
        self._sock.sendall(command + b"\r\n")
        return self._read()

    def _read(self) -> str:
        lines = []
        while line := self._file.readline():
            lines.append(line.decode("utf-8", "replace").strip())
            if line[3:4] != b"-":
                break
        return " / ".join(lines)


class CommandSink:
    """An SMTP server that takes everything, and keeps it by the lane and number that the body names."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], list[tuple[list[bytes], bytes]]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._sessions: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End it, and every session."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self._sessions:
            session.close()

    def _accept(self) -> None:
        try:
            while True:
                sock, _ = self._listener.accept()
                self._sessions.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
        except OSError:
            return  # closed

    def _serve(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as lines:
            try:
                sock.sendall(b"220 sink.test ESMTP\r\n")
                commands: list[bytes] = []
                while line := lines.readline():
                    verb = line[:4].upper().strip()
                    if verb in (b"MAIL", b"RCPT"):
                        commands.append(line.strip())
                    if verb == b"DATA":
                        sock.sendall(b"354 go on\r\n")
                        self._keep(commands, b"".join(iter(lines.readline, b".\r\n")))
                        commands = []
                    sock.sendall(
                        _EHLO if verb == b"EHLO" else b"221 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n"
                    )
            except OSError:
                return  # the client, or the test, has ended it

    def _keep(self, commands: list[bytes], content: bytes) -> None:
        found = _KEY.search(content)
        assert found, content
        key = (found[1].decode(), int(found[2]))
        self.taken.setdefault(key, []).append((commands, content))
