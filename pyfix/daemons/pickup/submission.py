"""One message on its way from a local user into the queue.

The content is gathered in memory while it is small and spooled into the queue file when it is not, so that memory does
not grow with the message. The same object serves the socket and the files in maildrop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.base.accounts import find_login_name
from pyfix.base.log import Log
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.mail.ipc.messages import (
    CLEANUP_BCC,
    CLEANUP_EXTRACT,
    CLEANUP_FILTER,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_SMTPUTF8_AUTODETECT,
    Envelope,
    LocalSubmit,
    Recipient,
    RecipientOptions,
    Submit,
)
from pyfix.mail.message.flaws import find_flaw_in_request
from pyfix.mail.message.generated import from_value, received_from_user
from pyfix.mail.message.header import parse_header_block
from pyfix.mail.message.opening import part_from_header, skip_mbox_lines
from pyfix.mail.queue import MEMORY_LIMIT, Queue

_FROM: Final = frozenset((b"from", b"resent-from"))
"""Either will do: cleanup adds the other without a full name."""


class Rejected(Exception):
    """The message can't be taken: SMTP code, RFC 3463 status, text."""

    def __init__(self, code: int, status: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Submitter:
    """The local user behind a message."""

    uid: int
    login: str
    """ "" when the uid has no login name."""

    @classmethod
    def of(cls, uid: int, log: Log) -> Submitter:
        """Look the login name up; raise Rejected, for a while, when nobody can tell whether there is one."""
        try:
            return cls(uid, find_login_name(uid) or "")
        except OSError as error:
            log.warning(f"look up user ID {uid}: {error.strerror}")
            raise Rejected(451, "4.3.0", "user lookup problem") from error


class Submission:
    """Collects one message and turns it into a request to cleanup. `abort` it or hand it over."""

    def __init__(
        self, queue: Queue, params: PickupParameters, log: Log, submitter: Submitter, request: LocalSubmit
    ) -> None:
        """Create the queue file; raise OSError, or Rejected: a user without a name who gives none, a bad envelope."""
        if request.sender is None and not submitter.login:
            raise Rejected(550, "5.7.1", f"no login name found for user ID {submitter.uid}")
        if (flaw := find_flaw_in_request(request)) is not None:
            raise Rejected(501, flaw.status, flaw.reason)
        self._params = params
        self._request = request
        self.sender = submitter.login if request.sender is None else request.sender
        self._arrival = clock.now()
        self._file = queue.create()
        self.id = self._file.id
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._size = 0
        log.info(f"{self.id}: uid={submitter.uid} from=<{self.sender}>")
        self._received = received_from_user(
            hostname=params.myhostname,
            mail_name=params.mail_name,
            uid=submitter.uid,
            queue_id=self.id,
            arrival=self._arrival,
        ).encode()

    def add(self, data: bytes) -> None:
        """Take a piece of content; raise OSError, or Rejected beyond message_size_limit."""
        self._size += len(data)
        limit = self._params.message_size_limit
        if limit and self._size > limit:
            raise Rejected(552, "5.3.4", "Error: message file too big")
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered > MEMORY_LIMIT:
            self._spool()

    def _spool(self) -> None:
        data = b"".join(self._buffer)
        if not self._file.spooled:
            data = self._begin(data)
        self._file.spool(data)
        self._buffer.clear()
        self._buffered = 0

    def _begin(self, data: bytes) -> bytes:
        """Return the first bytes of the message with Received: and, if it is missing, From: with the full name."""
        data = part_from_header(data[skip_mbox_lines(data) :])
        end, line = self._make_from(data)
        return b"".join((self._received, data[:end], line, data[end:]))

    def _make_from(self, data: bytes) -> tuple[int, bytes]:
        """Return a From: header and where it goes; cleanup would not know the full name."""
        block = parse_header_block(data)
        if not self._request.full_name or any(header.name in _FROM for header in block.headers):
            return 0, b""
        prefix = "Resent-" if any(header.name.startswith(b"resent-") for header in block.headers) else ""
        value = from_value(self.sender, self._request.full_name, self._params.header_from_format)
        return block.end, f"{prefix}From: {value}\n".encode("utf-8", "surrogateescape")

    def finish(self) -> Submit:
        """Return the request to cleanup; the queue file is closed, and belongs to cleanup once that is asked."""
        body = None
        if self._file.spooled:
            if self._buffered:
                self._spool()
        else:
            body = self._begin(b"".join(self._buffer))
        self._file.close()
        return Submit(self.id, self._make_envelope(), self._make_recipients(), body, self._flags())

    def _make_envelope(self) -> Envelope:
        request = self._request
        return Envelope(
            sender=self.sender,
            arrival=self._arrival,
            size=0,
            encoding=request.encoding,
            smtputf8=request.smtputf8,
            ret=request.ret,
            envid=request.envid,
            trace=request.trace,
            rewrite_context=request.rewrite_context,
        )

    def _make_recipients(self) -> list[Recipient]:
        request = self._request
        options = request.options or [RecipientOptions(request.notify)] * len(request.recipients)
        return [
            Recipient(address, address, option.orcpt, option.notify)
            for address, option in zip(request.recipients, options, strict=True)
        ]

    def _flags(self) -> int:
        flags = CLEANUP_FILTER | CLEANUP_MAP | CLEANUP_BCC | CLEANUP_LOCAL
        if self._request.extract:
            flags |= CLEANUP_EXTRACT
        if {"sendmail", "all"} & set(self._params.smtputf8_autodetect_classes):
            flags |= CLEANUP_SMTPUTF8_AUTODETECT
        return flags

    def abort(self) -> None:
        """Remove the queue file."""
        self._file.abort()
