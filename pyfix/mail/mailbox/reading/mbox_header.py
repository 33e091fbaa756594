"""Write the fields of mail readers anew in the header of an mbox message. Pure.

Status as mail readers write it: R read, O not new. A field is replaced where it stands; a new Status comes last.
See: mbox_format.py.
"""

from __future__ import annotations

from pyfix.mail.mailbox.reading import mbox_format
from pyfix.mail.mailbox.reading.mbox_format import Field


def renewed(block: bytes, fields: list[Field], *, base: tuple[int, int] | None, is_seen: bool) -> bytes:
    """Return the header block with what is to be said: `base` for the first message, and Status."""
    line_end = b"\r\n" if b"\r\n" in block[:1000] else b"\n"
    wanted: dict[bytes, bytes] = {}
    if base is not None:
        wanted[b"X-IMAPbase"] = b"%d %010d%s" % (*base, _keywords(fields))
    if is_seen:
        wanted[b"Status"] = b"RO"
    for name, value in wanted.items():
        block = _with_field(block, name, b"%s: %s%s" % (name, value, line_end), line_end)
    return block


def _keywords(fields: list[Field]) -> bytes:
    """Return the names of keywords that stand behind the numbers of X-IMAPbase, as they are."""
    for field in fields:
        if field.name == b"x-imapbase":
            return b"".join(b" " + word for word in field.value.split()[2:])
    return b""


def _with_field(block: bytes, name: bytes, line: bytes, line_end: bytes) -> bytes:
    """Return the block with this field in the place of the first of its name, and no other of that name."""
    places = [field for field in mbox_format.private_fields(block) if field.name == name.lower()]
    for field in reversed(places[1:]):
        block = block[: field.start] + block[field.end :]
    if places:
        return block[: places[0].start] + line + block[places[0].end :]
    if name == b"X-IMAPbase":
        return line + block  # Dovecot believes no X-UID that comes before it
    if block and not block.endswith(b"\n"):
        block += line_end
    return block + line
