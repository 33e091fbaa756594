"""First lines of a message that would spoil the header block in front of which Received: is put. Pure.

A "From " line, quoted with `>` or not, comes from a program that prints a message out of an mbox file. It is no header:
left alone it would end the block, and all headers behind it would be body. A line that begins with a blank or a tab
would continue our Received:, so an empty line goes before it. Both as smtpd(8) and pickup(8) of Postfix do.
"""

from __future__ import annotations

import re
from typing import Final

_MBOX_LINE: Final = re.compile(rb">*From [^\n]*(?:\n|\Z)")
_MBOX_LINES: Final = re.compile(rb"(?:>*From [^\n]*(?:\n|\Z))+")
_SUSPECTS: Final = (b"From ", b">", b" ", b"\t")
_BLANKS: Final = (b" ", b"\t")
_NAME: Final = b"X-Mailbox-Line: "


def is_odd(data: bytes) -> bool:
    """True when a message that begins so may need mending; quick, and sometimes true for nothing."""
    return data.startswith(_SUSPECTS)


def mend_opening(data: bytes) -> bytes:
    """Return the message with its mbox lines made headers, and the rest kept apart from what goes before it."""
    end = skip_mbox_lines(data)
    return _MBOX_LINE.sub(_make_header, data[:end]) + part_from_header(data[end:])


def _make_header(line: re.Match[bytes]) -> bytes:
    return _NAME + line[0]


def part_from_header(data: bytes) -> bytes:
    """Return the message so that its first line does not continue a header that is put before it."""
    return b"\n" + data if data.startswith(_BLANKS) else data


def skip_mbox_lines(data: bytes) -> int:
    """Return the offset behind the "From " lines at the beginning."""
    found = _MBOX_LINES.match(data)
    return found.end() if found else 0
