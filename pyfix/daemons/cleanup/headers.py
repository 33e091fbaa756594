"""One pass over the header block of a message: count, remember, drop, rewrite, add. Pure.

Headers that stay as they are cost a table lookup; the block is copied in slices between the ones that change. What the
pass learns (hops, message id, recipients of sendmail -t) is in its result; whether to refuse is the caller's to decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.message.header import Header, HeaderBlock, header_value, parse_header_block
from pyfix.mail.message.kinds import KINDS, Kind, Role
from pyfix.mail.rewrite.mapping import Use


@dataclass(frozen=True, slots=True)
class AddressHeaderResult:
    """What the rewriting stage made of one address header."""

    value: bytes | None
    """The new text behind "Name: "; None when nothing changed."""
    addresses: list[str]


_RESENT_RECIPIENTS: Final = {name for name, kind in KINDS.items() if kind == (Role.RECIPIENTS, True)}
_FROM_NUL: Final = re.compile(rb"\0[^\n]*")
"""What Postfix cuts off a header line: there it ends a text."""
RewriteHeader = Callable[[bytes, bytes, Use], AddressHeaderResult]
"""Takes name and value of a header, and whose addresses it has."""


@dataclass(slots=True)
class Findings:
    """What one pass found."""

    segments: list[bytes] = field(default_factory=list)
    """The new header block."""
    seen: set[bytes] = field(default_factory=set)
    """Names of the headers in KINDS that occurred, dropped ones included."""
    message_ids: list[tuple[bool, bytes]] = field(default_factory=list)
    """(is Resent-, value) of each Message-Id, in order."""
    hops: int = 0
    is_resent: bool = False
    recipients: list[str] = field(default_factory=list)
    resent_recipients: list[str] = field(default_factory=list)

    def add_recipients(self, is_resent: bool, addresses: list[str]) -> None:
        """Note the recipients that one header names."""
        (self.resent_recipients if is_resent else self.recipients).extend(addresses)

    def extracted(self) -> list[str]:
        """Return the recipients for sendmail -t: of the Resent- headers if there are any that name some."""
        return self.resent_recipients if self.seen & _RESENT_RECIPIENTS else self.recipients


class HeaderPass:
    """The pass with its settings; reusable."""

    def __init__(self, *, dropped: frozenset[bytes], size_limit: int) -> None:
        self._dropped = dropped
        self._size_limit = size_limit

    def run(self, data: bytes, block: HeaderBlock, rewrite: RewriteHeader | None, extract: bool) -> Findings:
        """Return the findings; `rewrite` is None when header addresses stay as they are and are not extracted."""
        if data.find(b"\0", 0, block.end) >= 0:
            data = _FROM_NUL.sub(b"", data[: block.end])
            block = parse_header_block(data)
        findings = Findings()
        kept_from = block.headers[0].start if block.headers else block.end
        for header in block.headers:
            replacement = self._examine(data, header, findings, rewrite, extract)
            if replacement is not None:
                findings.segments.append(data[kept_from : header.start])
                findings.segments.append(replacement)
                kept_from = header.end
        findings.segments.append(data[kept_from : block.end])
        return findings

    def _examine(
        self, data: bytes, header: Header, findings: Findings, rewrite: RewriteHeader | None, extract: bool
    ) -> bytes | None:
        """Note one header; return what to put in its place, or None to keep it."""
        name, start, end, value_start = header
        replacement = None
        if end - start - 1 > self._size_limit:
            data = replacement = self._truncate(data, header)
            header = Header(name, 0, len(data), value_start - start)
            start, end, value_start = header.start, header.end, header.value_start
        kind = KINDS.get(name)
        if kind is not None:
            findings.seen.add(name)
            changed = self._act(kind, data, header, findings, rewrite, extract)
            if changed is not None:
                replacement = changed
        if name in self._dropped:
            return b""
        if replacement is None and value_start - start > len(name) + 1:
            replacement = data[start : start + len(name)] + data[value_start - 1 : end]
        return replacement

    def _act(
        self, kind: Kind, data: bytes, header: Header, findings: Findings, rewrite: RewriteHeader | None, extract: bool
    ) -> bytes | None:
        findings.is_resent |= kind.is_resent
        match kind.role:
            case Role.RECEIVED:
                findings.hops += 1
            case Role.MESSAGE_ID:
                findings.message_ids.append((kind.is_resent, header_value(data, header).lstrip()))
            case Role.ADDRESSES | Role.DESTINATIONS | Role.RECIPIENTS if rewrite is not None:
                use = Use.HEADER_SENDER if kind.role is Role.ADDRESSES else Use.HEADER_RECIPIENT
                result = rewrite(header.name, header_value(data, header), use)
                if extract and kind.role is Role.RECIPIENTS:
                    findings.add_recipients(kind.is_resent, result.addresses)
                if result.value is not None:
                    return b"%b: %b\n" % (data[header.start : header.start + len(header.name)], result.value)
            case _:
                pass
        return None

    def _truncate(self, data: bytes, header: Header) -> bytes:
        """Return as much of a header as the limit allows, whole lines if one ends near it."""
        limit = header.start + self._size_limit
        cut = data.rfind(b"\n", limit - self._size_limit // 10, limit + 1)
        return data[header.start : cut if cut >= 0 else limit] + b"\n"
