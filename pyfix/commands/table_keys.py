"""The keys that postmap and postalias take from standard input: one a line, or what stands in a message.

Bytes in, bytes out; a line ends at a NUL byte.
See: postmap(1) -q -, -b, -h, -m.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyfix.mail.message.mime import MimeScanner, Piece, Place


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """Which lines of a message are keys."""

    headers: bool
    body: bool
    mime: bool
    """Headers of parts, too, which otherwise are body."""


def line_keys(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line."""
    for line in lines:
        yield line.removesuffix(b"\n").partition(b"\0")[0]


def message_keys(lines: Iterable[bytes], wanted: MessageKeys) -> Iterator[bytes]:
    """Yield the lines of a message that are wanted; a header is one key with its continuation lines."""
    scanner = MimeScanner(mime=wanted.mime)
    for line in line_keys(lines):
        yield from _wanted(scanner.feed(line), wanted)
    yield from _wanted(scanner.finish(), wanted)


def _wanted(pieces: Iterable[Piece], wanted: MessageKeys) -> Iterator[bytes]:
    for piece in pieces:
        if wanted.body if piece.place is Place.BODY else wanted.headers:
            yield piece.text
