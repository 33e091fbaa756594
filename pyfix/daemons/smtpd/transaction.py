"""One mail transaction: from MAIL to the answer of cleanup, and the queue file that goes with it.

The file is created at the first recipient that is accepted, so that the log has an id from there on. The content is
gathered in memory up to GATHER_LIMIT; what is larger goes to the file in pieces, written by a thread. Until cleanup
has said that the message is on stable storage, the file is this process's to remove: `abandon` does it, whatever
happened.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import (
    CLEANUP_BCC,
    CLEANUP_FILTER,
    CLEANUP_MAP,
    Client,
    Envelope,
    Recipient,
    Submit,
    Submitted,
)
from pyfix.mail.message.opening import is_odd, mend_opening
from pyfix.mail.queue import NewFile
from pyfix.mail.restrictions.questions import Fate
from pyfix.mail.smtp import replies
from pyfix.mail.smtp.commands import MailCommand

if TYPE_CHECKING:
    from pyfix.daemons.smtpd.server import Server

GATHER_LIMIT: Final = 256 * 1024
"""Content up to this size travels in the request to cleanup."""
PLACE_BYTES: Final = 16 * 1024
"""A message of more takes several of the places that a connection to cleanup has."""
PIECE: Final = 128 * 1024
"""Larger content is written in pieces of about this size."""
CROWDED_PIECE: Final = 4 * 1024
"""The same when all sessions together hold much: thousands of clients that stop in mid-message fill no memory."""


class Transaction:
    """What the client has said about the message in hand."""

    __slots__ = (
        "_gathered", "_pieces", "_server", "_spools", "arrival", "failure", "fate", "file", "has_lines", "mail",
        "over_limit", "queue_id", "recipients", "size",
    )  # fmt: skip

    def __init__(self, server: Server, mail: MailCommand, arrival: float) -> None:
        self._server = server
        self.mail = mail
        self.arrival = arrival
        self.recipients: list[Recipient] = []
        self.over_limit = 0
        """Recipients past smtpd_recipient_limit."""
        self.file: NewFile | None = None
        self.queue_id = ""
        self.fate = Fate()
        self.failure = ""
        """The reply that this message gets whatever else comes; "" while all is well."""
        self.has_lines = False
        """The content comes by DATA; that of BDAT is taken as it is, as Postfix does."""
        self.size = 0
        """Bytes of content as on the wire, line ends counted as two."""
        self._pieces: list[bytes] = []
        self._gathered = 0
        self._spools = False

    def create_file(self) -> bool:
        """Make the queue file; False, with `failure` set, when the disk does not let us."""
        try:
            self.file = self._server.queue.create()
        except OSError as error:
            self._server.log.warning(f"create queue file: {error.strerror}")
            self.failure = storage_reply(error)
            return False
        self.queue_id = self.file.id
        return True

    # --- content

    def append(self, content: bytes) -> None:
        """Take a piece of content; past the size limit the message fails, and what comes is dropped."""
        self.size += len(content) + content.count(b"\n")
        if self.failure:
            return
        limit = self._server.params.message_size_limit
        if limit and self.size > limit:
            self.fail(replies.MESSAGE_TOO_BIG, "queue file size limit exceeded")
            return
        if self.fate.is_discarded:
            return
        self._pieces.append(content)
        self._gathered += len(content)
        self._server.common.gathered += len(content)

    def fail(self, reply: str, problem: str = "") -> None:
        """Give the message up; the client learns it at its end."""
        if problem:
            self._server.log.warning(f"{self.queue_id}: {problem}")
        self.failure = reply
        self._drop_pieces()

    def _drop_pieces(self) -> None:
        self._server.common.gathered -= self._gathered
        self._pieces = []
        self._gathered = 0

    @property
    def must_spool(self) -> bool:
        """True when so much is gathered that it should go to the file."""
        if self._server.is_crowded:
            return self._gathered > CROWDED_PIECE
        return self._gathered > (PIECE if self._spools else GATHER_LIMIT)

    async def spool(self, head: bytes) -> None:
        """Write what is gathered to the file; `head` (the Received: header) goes before the first piece."""
        if self.file is None or self.failure:
            return
        content = b"".join(self._pieces) if self._spools else self._begin(head)
        self._spools = True
        self._drop_pieces()
        try:
            await self._server.loop.run_in_executor(self._server.disk, self.file.spool, content)
        except OSError as error:
            self.fail(storage_reply(error), f"write queue file: {error.strerror}")

    def _begin(self, head: bytes) -> bytes:
        """Return what is gathered, behind the head."""
        pieces = self._pieces
        if self.has_lines and pieces and is_odd(pieces[0]):
            return head + mend_opening(b"".join(pieces))
        return b"".join((head, *pieces))

    # --- the end

    async def submit(self, head: bytes, client: Client, rewrite_context: str) -> str:
        """Hand the message to cleanup; return "" when it is on stable storage, else the reply."""
        if self._spools:
            await self.spool(head)
        if self.failure or self.file is None:
            return self.failure or replies.WRITE_ERROR
        if self.fate.is_discarded:
            return ""
        body = None if self._spools else self._begin(head)
        envelope = self._envelope(client, rewrite_context)
        flags = CLEANUP_FILTER | CLEANUP_MAP | CLEANUP_BCC
        request = Submit(self.queue_id, envelope, self.recipients, body, flags, self.fate.hold)
        weight = 1 + self.size // PLACE_BYTES
        self._drop_pieces()
        try:
            answer = await self._server.cleanup.call(request, Submitted, weight)
        except IpcError as error:
            self._server.log.warning(f"{self.queue_id}: {error}")
            return replies.WRITE_ERROR
        if answer.reason:
            return f"{answer.code} {answer.status} {answer.reason}"
        self.file.close()
        self.file = None
        return ""

    def _envelope(self, client: Client, rewrite_context: str) -> Envelope:
        mail, fate = self.mail, self.fate
        return Envelope(
            mail.sender, self.arrival, 0, mail.encoding, mail.smtputf8, mail.ret, mail.envid, client, rewrite_context,
            filter=fate.filter, redirect=fate.redirect,
        )  # fmt: skip

    def abandon(self) -> None:
        """Remove the queue file of a message that was not accepted."""
        self._drop_pieces()
        if self.file is not None:
            try:
                self.file.abort()
            except OSError as error:
                self._server.log.warning(f"{self.queue_id}: remove queue file: {error.strerror}")
            self.file = None


def storage_reply(error: OSError) -> str:
    """Return the reply to a write that failed; a full disk has its own (RFC 5321 section 4.2.3)."""
    return replies.NO_STORAGE if error.errno in (errno.ENOSPC, errno.EDQUOT) else replies.WRITE_ERROR
