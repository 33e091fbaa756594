"""The message on standard input of sendmail: line ends, the dot that ends it, and its first part. No other input here.

Works on pieces of any size, never on a list of lines. An empty piece says that nothing has come for a while, and is
passed on: pickup would take the silence of a slow program for the end of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from pyfix.mail.address.tokens import normalize_address
from pyfix.mail.message.address_header import AddressHeader
from pyfix.mail.message.header import HeaderBlock, header_value, parse_header_block
from pyfix.mail.message.opening import skip_mbox_lines

HEAD_LIMIT: Final = 1024 * 1024
_LINE_END: Final = re.compile(rb"(?<!\r)\r+\n")
_RECIPIENT_HEADERS: Final = frozenset((b"to", b"cc", b"bcc", b"apparently-to"))
_RESENT_HEADERS: Final = frozenset((b"resent-to", b"resent-cc", b"resent-bcc"))


def fix_line_ends(pieces: Iterable[bytes], rule: str) -> Iterator[bytes]:
    """Yield the input with the line ends that sendmail_fix_line_endings asks for, and with one at its end."""
    iterator = iter(pieces)
    first = b""
    if rule == "strict":
        for piece in iterator:
            first += piece
            if not piece:
                yield piece
            if b"\n" in first or len(first) > HEAD_LIMIT:
                break
        line, line_end, _ = first.partition(b"\n")
        rule = "always" if line_end and line.endswith(b"\r") else "never"
    whole = chain([first] if first else [], iterator)
    yield from normalize(whole) if rule == "always" else _with_last_line_end(whole)


def _with_last_line_end(pieces: Iterable[bytes]) -> Iterator[bytes]:
    last = b"\n"
    for piece in pieces:
        last = piece[-1:] or last
        yield piece
    if last != b"\n":
        yield b"\n"


def normalize(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the input with LF line ends, and with a line end at its end; CR in front of LF goes, however many."""
    held = b""
    last = b"\n"
    for piece in pieces:
        if not piece:
            yield piece
            continue
        data = held + piece
        length = len(data.rstrip(b"\r"))
        data, held = data[:length], data[length:]
        if b"\r" in data:
            data = _LINE_END.sub(b"\n", data)
        if data:
            last = data[-1:]
            yield data
    if held:
        last = b"\r"
        yield held
    if last != b"\n":
        yield b"\n"


def until_dot(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what comes before a line that is a single dot; the pieces have LF line ends."""
    held = b"\n"
    skip = 1  # the line end in front of the first line is not part of the message
    for piece in pieces:
        if not piece:
            yield piece
            continue
        data = held + piece
        if (end := data.find(b"\n.\n")) >= 0:
            yield data[skip : end + 1]
            return
        keep = 2 if data.endswith(b"\n.") else 1 if data.endswith(b"\n") else 0
        held = data[len(data) - keep :]
        if keep < len(data):
            yield data[skip : len(data) - keep]
            skip = 0
    yield held[skip:]


def split_head(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, up to the end of the header block if it is not too long, and the rest."""
    iterator = iter(pieces)
    head = b""
    while len(head) < HEAD_LIMIT and (not head or _parse(head).cut):
        piece = next(iterator, None)
        if piece is None:
            break
        head += piece
    return head, iterator


def _parse(head: bytes) -> HeaderBlock:
    """Return the headers behind the mbox lines, which pickup drops."""
    return parse_header_block(head, skip_mbox_lines(head))


def find_recipients(head: bytes) -> list[str]:
    """Return the addresses in the headers that -t looks at."""
    headers = _parse(head).headers
    is_resent = any(header.name in _RESENT_HEADERS for header in headers)
    wanted = _RESENT_HEADERS if is_resent else _RECIPIENT_HEADERS
    found: list[str] = []
    for header in headers:
        if header.name in wanted:
            found.extend(AddressHeader(header_value(head, header), HEAD_LIMIT).addresses)
    return [normalize_address(address) for address in found if address]
