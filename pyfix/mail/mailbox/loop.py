"""Find mail that goes in circles: the Delivered-To: headers of a message.

A recipient whose address stands in a Delivered-To: header has had this message before. Only the header block is read,
and of it no more than a mebibyte; comparison ignores case.
See: local(8), prepend_delivered_header, pipe(8) flag D.
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.delivery.content import CHUNK_SIZE, Content

_HEADER_LIMIT: Final = 1024 * 1024
_DELIVERED_TO = re.compile(rb"^Delivered-To:[ \t]*([^\n]{0,2048}(?:\n[ \t][^\n]{0,2048}){0,16})", re.I | re.M)


def delivered_to(content: Content) -> frozenset[str]:
    """Return the addresses in Delivered-To: headers, folded to lower case."""
    header = _header_block(content)
    if b"elivered-" not in header and b"ELIVERED-" not in header.upper():
        return frozenset()
    found = (match.group(1).replace(b"\n", b"") for match in _DELIVERED_TO.finditer(header))
    return frozenset(value.decode("utf-8", "replace").strip().lower() for value in found)


def _header_block(content: Content) -> bytes:
    """Return the bytes before the first empty line."""
    header = b""
    for chunk in content.chunks(CHUNK_SIZE):
        header += chunk
        end = header.find(b"\n\n", max(0, len(header) - len(chunk) - 1))
        if header.startswith(b"\n"):
            return b""
        if end >= 0:
            return header[:end]
        if len(header) >= _HEADER_LIMIT:
            break
    return header
