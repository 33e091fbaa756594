"""Cut what a server sent into replies.

A reply is one or more lines "250-text", the last one "250 text" or "250" (RFC 5321 section 4.2). Lines may end in CRLF
or LF. Text beyond the limits is dropped, not an error: a chatty server is still a server. A line that is no reply at
all is taken like a continuation line, as Postfix does, so that a stray banner does no harm; more lines than
`count_limit` in one reply are an error, because a server could go on for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyfix.proto.enhanced_status import split_status

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete reply."""

    code: int
    text: str
    """All lines with their codes, joined by newline, unprintable characters replaced by "?"."""
    complaint: str = ""
    """A warning for the log, wanting the server's name in front; "" for none."""
    has_garbage: bool = False
    """Some of its lines are none of a reply."""

    @property
    def kind(self) -> int:
        """Return the first digit: 2 done, 3 go on, 4 temporary, 5 permanent."""
        return self.code // 100

    @property
    def line(self) -> str:
        """Return the text on one line, as the log wants it."""
        return self.text.replace("\n", " ")

    @property
    def status(self) -> str:
        """Return the RFC 3463 code of the last line, or one made of the reply code; "" for 1xx and 3xx."""
        last = self.text[self.text.rfind("\n") + 1 :]
        if last[:1] not in ("2", "4", "5"):
            return ""
        status, _ = split_status(last[4:].lstrip(" "))
        return status if status[:1] == last[0] else last[0] + ".0.0"


class ReplyParser:
    """Collects bytes and yields replies."""

    __slots__ = (
        "_buffer",
        "_complaint",
        "_count",
        "_count_limit",
        "_has_garbage",
        "_kept",
        "_length",
        "_line_limit",
        "error",
    )

    def __init__(self, line_limit: int = 2048, count_limit: int = 1000) -> None:
        self._line_limit = line_limit
        self._count_limit = count_limit
        self._buffer = b""
        self._kept: list[str] = []
        self._length = 0
        self._count = 0
        self._complaint = ""
        self._has_garbage = False
        self.error = ""
        """Set once a reply had no end; nothing is read after it."""

    @property
    def has_pending(self) -> bool:
        """True when part of a reply has come."""
        return bool(self._buffer or self._count)

    @property
    def unfinished(self) -> Reply | None:
        """The lines of a reply that has no end yet; code 0. None when there are none."""
        return Reply(0, "\n".join(self._kept), has_garbage=self._has_garbage) if self._kept else None

    def receive(self, data: bytes) -> list[Reply]:
        """Return the replies that are complete now, oldest first; look at `error` after them."""
        if self.is_broken():
            return []
        if self._buffer:
            data = self._buffer + data
        replies: list[Reply] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            reply = self._take_line(data[start:end])
            start = end + 1
            if reply is not None:
                replies.append(reply)
            elif self.is_broken():
                return replies
        self._buffer = self._bounded(data[start:])
        return replies

    def is_broken(self) -> bool:
        """True once `error` says why nothing more will be read."""
        return bool(self.error)

    def _bounded(self, rest: bytes) -> bytes:
        """Keep no more of an unfinished line than will be used; one byte over the limit remembers the overflow."""
        keep = self._line_limit + 1
        return rest[:keep] if len(rest) > keep else rest

    def _take_line(self, raw: bytes) -> Reply | None:
        text = self._printable(raw)
        code = text[:3]
        is_reply = len(code) == 3 and code.isascii() and code.isdigit()
        if is_reply and not self._count and (len(text) == 3 or text[3] == " "):
            return self._finished(code, text)
        self._count += 1
        if self._count > self._count_limit:
            self.error = f"more than {self._count_limit} lines in one reply"
            return None
        if self._length < self._line_limit:
            self._kept.append(text)
            self._length += len(text) + 1
        self._has_garbage = self._has_garbage or not is_reply or text[3:4] not in ("", " ", "-")
        if not is_reply or (len(text) > 3 and text[3] != " "):
            return None
        whole = "\n".join(self._kept)
        has_garbage = self._has_garbage
        self._kept, self._length, self._count, self._has_garbage = [], 0, 0, False
        return self._finished(code, whole, has_garbage)

    def _finished(self, code: str, text: str, has_garbage: bool = False) -> Reply:
        if not self._complaint and not has_garbage:
            return Reply(int(code), text)
        complaint, self._complaint = self._complaint, ""
        return Reply(int(code), text, complaint, has_garbage)

    def _printable(self, raw: bytes) -> str:
        """Return the line as text within the limit, without what could confuse a log reader."""
        if len(raw) > self._line_limit:
            raw = raw[: self._line_limit]
            beginning = raw[:30].decode("ascii", "replace").replace("\ufffd", "?")
            self._complaint = f"response longer than {self._line_limit}: {_UNPRINTABLE.sub('?', beginning)}..."
        elif raw.endswith(b"\r"):
            raw = raw[:-1]
        if raw.isascii():
            text = raw.decode("ascii")
            return text if text.isprintable() else _UNPRINTABLE.sub("?", text)
        return _UNPRINTABLE.sub("?", raw.decode("utf-8", "surrogateescape"))
