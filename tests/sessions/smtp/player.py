r"""Plays a golden dialogue against a live server.

    = main.cf line        configuration, before anything else
    # comment
    C: text               send text and CRLF
    C> text               send the bytes that the text means with Python's escapes: \r \n \x00
    C* 3 text             send text and CRLF three times
    S: text               the next reply line is exactly this
    S~ text               the next reply line begins with this
    S... text             read lines up to one that begins with this
    S!                    the server closes the connection
    L: text               the log gets this line (ID for a queue id)
    X                     the client closes the connection

In expected text, <ID> stands for a queue id.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT_S = 20.0
_ID = re.compile(r"(?<=queued as )\w+|^[0-9A-F]{6,}(?=: )|(?<=^warning: )[0-9A-F]{6,}(?=: )")


@dataclass
class Dialogue:
    """One file."""

    path: Path
    configuration: list[str] = field(default_factory=list)
    steps: list[tuple[int, str, str]] = field(default_factory=list)
    """(line number, verb, text)."""


def read_dialogue(path: Path) -> Dialogue:
    """Parse a dialogue file; a line that is none of the known forms raises ValueError."""
    dialogue = Dialogue(path)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        verb, _, text = line.partition(" ")
        if verb == "=":
            dialogue.configuration.append(text)
        elif verb in ("C:", "C>", "C*", "S:", "S~", "S...", "S!", "L:", "X"):
            dialogue.steps.append((number, verb, text))
        else:
            raise ValueError(f"{path}:{number}: what is {line!r}?")
    return dialogue


class Client:
    """The player's end of the connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, TIMEOUT_S)
        self._lines = self.sock.makefile("rb")

    def read_line(self) -> str | None:
        """Return the next reply line without its end, None at the end of the stream."""
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            return None
        return line.decode().removesuffix("\r\n") if line else None

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self.sock.close()


def play(dialogue: Dialogue, address: tuple[str, int], wait_for_line: Callable[[str], object]) -> None:
    """Carry the dialogue out; AssertionError names file and line of the first surprise."""
    client = Client(address)
    try:
        for number, verb, text in dialogue.steps:
            place = f"{dialogue.path.name}:{number}"
            _step(client, verb, text, place, wait_for_line)
    finally:
        client.close()


def _step(client: Client, verb: str, text: str, place: str, wait_for_line: Callable[[str], object]) -> None:
    match verb:
        case "C:":
            client.sock.sendall(text.encode() + b"\r\n")
        case "C>":
            client.sock.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        case "C*":
            count, _, line = text.partition(" ")
            client.sock.sendall((line.encode() + b"\r\n") * int(count))
        case "S:":
            assert without_id(client.read_line()) == text, place
        case "S~":
            line = without_id(client.read_line())
            assert line is not None and line.startswith(text), f"{place}: {line!r}"
        case "S...":
            while not (line := client.read_line() or _closed(place)).startswith(text):
                pass
        case "S!":
            assert client.read_line() is None, place
        case "L:":
            wait_for_line(text)
        case "X":
            client.close()


def without_id(line: str | None) -> str | None:
    """Replace a queue id by <ID>."""
    return None if line is None else _ID.sub("<ID>", line)


def _closed(place: str) -> str:
    raise AssertionError(f"{place}: the connection was closed")
