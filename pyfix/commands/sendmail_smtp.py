"""sendmail -bs: SMTP on standard input and output, for programs that speak nothing else.

Each message is submitted as sendmail submits any other: through pickup, in the name of the user who runs the program.
So the session needs no process of the mail system of its own, and gives no right to relay that -bm would not give;
its sender and recipients are checked where all local mail is. Extensions that need smtpd are not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from pyfix.commands.outcome import CommandError
from pyfix.commands.submission import Door
from pyfix.mail.ipc.messages import LocalSubmit
from pyfix.mail.message.address_header import split_addresses
from pyfix.mail.message.flaws import is_clean

_LINE_LIMIT: Final = 2048
_DATA_PIECE: Final = 64 * 1024


class LocalSmtp:
    """One session."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, door: Door, hostname: str, mail_name: str) -> None:
        self._reader = reader
        self._writer = writer
        self._door = door
        self._hostname = hostname
        self._mail_name = mail_name
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._encoding = ""
        self._commands: dict[str, Callable[[str], str]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda argument: "250 2.0.0 Ok",
            "VRFY": lambda argument: f"252 2.0.0 {argument}" if argument else "501 5.5.4 Syntax: VRFY address",
        }

    def run(self) -> None:
        """Serve until QUIT or the end of the input."""
        self._reply(f"220 {self._hostname} ESMTP {self._mail_name}")
        while line := self._reader.readline(_LINE_LIMIT):
            verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                self._reply("221 2.0.0 Bye")
                return
            command = self._commands.get(verb)
            self._reply(command(argument.strip()) if command else "502 5.5.2 Error: command not recognized")

    def _reply(self, text: str) -> None:
        self._writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        self._writer.flush()

    def _helo(self, argument: str) -> str:
        self._forget()
        return f"250 {self._hostname}" if argument else "501 Syntax: HELO hostname"

    def _ehlo(self, argument: str) -> str:
        self._forget()
        if not argument:
            return "501 Syntax: EHLO hostname"
        return f"250-{self._hostname}\n250-PIPELINING\n250-ENHANCEDSTATUSCODES\n250 8BITMIME"

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []
        self._encoding = ""

    def _rset(self, argument: str) -> str:
        self._forget()
        return "250 2.0.0 Ok"

    def _mail(self, argument: str) -> str:
        if self._sender is not None:
            return "503 5.5.1 Error: nested MAIL command"
        path = _parse_path(argument, "FROM:")
        if path is None:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        if not is_clean(path[0]):
            return "501 5.1.7 Bad sender address syntax"
        self._sender, options = path
        if "BODY=8BITMIME" in options.upper().split():
            self._encoding = "8bit"
        return "250 2.1.0 Ok"

    def _rcpt(self, argument: str) -> str:
        if self._sender is None:
            return "503 5.5.1 Error: need MAIL command"
        path = _parse_path(argument, "TO:")
        if path is None or not path[0]:
            return "501 5.5.4 Syntax: RCPT TO:<address>"
        if not is_clean(path[0]):
            return "501 5.1.3 Bad recipient address syntax"
        self._recipients.append(path[0])
        return "250 2.1.5 Ok"

    def _data(self, argument: str) -> str:
        if not self._recipients:
            return (
                "554 5.5.1 Error: no valid recipients"
                if self._sender is not None
                else "503 5.5.1 Error: need RCPT command"
            )
        self._reply("354 End data with <CR><LF>.<CR><LF>")
        request = LocalSubmit(self._sender, "", self._recipients, extract=False, encoding=self._encoding)
        content = self._read_content()
        try:
            queue_id = self._door.submit(request, content)
            answer = f"250 2.0.0 Ok: queued as {queue_id}" if queue_id else "250 2.0.0 Ok"
        except CommandError as error:
            answer = f"451 4.3.0 Error: {error}"
        for _ in content:  # a refusal may have come before the end
            pass
        self._forget()
        return answer

    def _read_content(self) -> Iterator[bytes]:
        """Yield the content without dots for transparency (RFC 5321 section 4.5.2)."""
        at_line_start = True
        while data := self._reader.readline(_DATA_PIECE):
            if at_line_start and data.startswith(b"."):
                if data.rstrip(b"\r\n") == b".":
                    return
                data = data[1:]
            at_line_start = data.endswith(b"\n")
            yield data.removesuffix(b"\r\n") + b"\n" if data.endswith(b"\r\n") else data
        raise CommandError("lost connection after DATA")


def _parse_path(argument: str, keyword: str) -> tuple[str, str] | None:
    """Return (address, options) of MAIL FROM:<address> options; None for bad syntax."""
    if not argument.upper().startswith(keyword):
        return None
    rest = argument[len(keyword) :].lstrip()
    path, closing, options = rest.partition(">")
    if not rest.startswith("<") or not closing:
        return None
    if path == "<":
        return "", options
    addresses = split_addresses(path + ">")
    return (addresses[0], options) if len(addresses) == 1 else None
