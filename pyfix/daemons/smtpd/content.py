"""Receiving content: the state of a session between 354 and the end of data, or within a BDAT chunk.

Each receiver takes input until it has what it wants, and gives back the rest. `Skipper` takes the chunk of a BDAT
command that was refused: the client sends it all the same (RFC 3030 section 2).
"""

from __future__ import annotations

from pyfix.daemons.smtpd.dataend import ChunkReader, DataReader
from pyfix.daemons.smtpd.transaction import Transaction


class DataReceiver:
    """DATA: up to the lone dot."""

    __slots__ = ("reader", "transaction")
    name = "DATA"

    def __init__(self, transaction: Transaction, *, strict: bool, detect_bare_newline: bool) -> None:
        self.transaction = transaction
        self.reader = DataReader(strict=strict, detect_bare_newline=detect_bare_newline)

    def take(self, data: bytes) -> bytes | None:
        """Take input; return what follows the content, None when it goes on."""
        content = self.reader.feed(data)
        if content:
            self.transaction.append(content)
        return self.reader.rest


class ChunkReceiver:
    """BDAT: so many bytes."""

    __slots__ = ("count", "is_last", "left", "reader", "transaction")
    name = "BDAT"

    def __init__(self, transaction: Transaction, reader: ChunkReader, count: int, is_last: bool) -> None:
        self.transaction = transaction
        self.reader = reader
        self.count = count
        self.is_last = is_last
        self.left = count

    def take(self, data: bytes) -> bytes | None:
        """Take input; return what follows the chunk, None when it goes on."""
        piece = data[: self.left]
        self.left -= len(piece)
        content = self.reader.feed(piece)
        if self.is_last and not self.left:
            content += self.reader.finish()
        if content:
            self.transaction.append(content)
        return None if self.left else data[len(piece) :]


class Skipper:
    """A chunk that is read and thrown away before its command is answered."""

    __slots__ = ("is_last", "left", "reply")
    name = "BDAT"

    def __init__(self, count: int, is_last: bool, reply: str) -> None:
        self.left = count
        self.is_last = is_last
        self.reply = reply

    def take(self, data: bytes) -> bytes | None:
        """Take input; return what follows the chunk, None when it goes on."""
        skipped = min(self.left, len(data))
        self.left -= skipped
        return None if self.left else data[skipped:]


Receiver = DataReceiver | ChunkReceiver | Skipper
