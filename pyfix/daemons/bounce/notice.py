"""Compose a notice: a multipart/report message, piece by piece. Pure.

The pieces come from a generator, so that a notice that returns a large message is never in memory as a whole. The
structure, down to blank lines and the order of headers, is Postfix's: mail programs and people recognise it.
See: RFC 6522 (multipart/report), RFC 3464, RFC 6533 (the message/global family), RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import sanitize
from pyfix.daemons.bounce.decide import Plan
from pyfix.daemons.bounce.original import Original
from pyfix.daemons.bounce.recipient_log import Entry
from pyfix.daemons.bounce.report import MessageFields, explain, message_fields, recipient_fields
from pyfix.mail.ipc.messages import RET_FULL, Envelope
from pyfix.mail.message.dates import format_date
from pyfix.mail.notices.template import Kind, Template

LOG_UNAVAILABLE: Final = b"\t--- Delivery report unavailable ---\n"
EIGHT_BIT: Final = "Content-Transfer-Encoding: 8bit\n"


@dataclass(frozen=True, slots=True)
class About:
    """The message that notices are about, and where they come from."""

    queue_id: str
    envelope: Envelope
    hostname: str
    mail_name: str
    original: Original
    entries: Iterable[Entry]
    """Can be gone through more than once."""
    retry_until: float
    size_limit: int
    """A larger message is not returned, only its headers."""
    eight_bit: bool = True
    """smtputf8_enable: names and addresses in UTF-8 can turn up anywhere."""

    threaded: bool = False
    """enable_threaded_bounces: refer to the Message-ID."""

    @property
    def part_encoding(self) -> str:
        """The header of a part that may hold what the message held."""
        return EIGHT_BIT if self.encoding == "8bit" else ""

    @property
    def shown_sender(self) -> str:
        """The sender, for eyes: the null sender by its role."""
        return self.envelope.sender or f"MAILER-DAEMON@{self.hostname}"

    @property
    def encoding(self) -> str:
        """ "8bit", "7bit" or "" when not known."""
        return "8bit" if self.eight_bit else self.envelope.encoding


def applicable(entries: Iterable[Entry], notify: int) -> Iterator[Entry]:
    """Yield the recipients that a notice is about: those who asked for nothing count as asking for failure and
    delay (RFC 3461 section 4.1)."""
    for entry in entries:
        if not notify or not entry.recipient.notify or entry.recipient.notify & notify:
            yield entry


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, ready to be written under a queue id of its own."""

    about: About
    plan: Plan
    template: Template
    """Its text with all names replaced."""
    now: float

    @property
    def boundary(self) -> str:
        """Unlikely to be in the message: the message is older than this moment."""
        return f"{self.about.queue_id}.{int(self.now)}/{self.about.hostname}"

    def pieces(self, notice_id: str) -> Iterator[bytes]:
        """Yield the content of the notice."""
        yield self._header(notice_id).encode()
        yield from self._explanation()
        yield from self._status()
        yield from self._returned()
        yield f"\n--{self.boundary}--\n".encode()

    def _header(self, notice_id: str) -> str:
        about, plan, template = self.about, self.plan, self.template
        date = format_date(self.now)
        encoding = f"Content-Transfer-Encoding: {about.encoding}\n" if about.encoding else ""
        return (
            f"Received: by {about.hostname} ({about.mail_name})\n\tid {notice_id}; {date}\n"
            f"Date: {date}\n"
            f"From: {template.sender}\n"
            f"Subject: {template.postmaster_subject if plan.is_postmaster_copy else template.subject}\n"
            f"To: {sanitize(plan.recipient)}\n{self._thread()}"
            f"Auto-Submitted: {'auto-generated' if plan.is_postmaster_copy else 'auto-replied'}\n"
            "MIME-Version: 1.0\n"
            f'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="{self.boundary}"\n{encoding}'
            "\nThis is a MIME-encapsulated message.\n"
        )

    def _thread(self) -> str:
        message_id = self.about.original.message_id() if self.about.threaded else ""
        return f"References: {message_id}\nIn-Reply-To: {message_id}\n" if message_id else ""

    def _explanation(self) -> Iterator[bytes]:
        about, charset = self.about, self.template.charset
        if about.encoding == "8bit" and charset.lower() == "us-ascii":
            charset = "utf-8"
        yield self._part("Notification", f"text/plain; charset={charset}", about.part_encoding)
        if not self.plan.is_postmaster_copy:
            yield self.template.text.encode("utf-8", "surrogateescape")
        told = False
        for entry in applicable(about.entries, self.plan.notify):
            told = True
            yield b"\n" + explain(entry).encode()
        if not told:
            yield b"\n" + LOG_UNAVAILABLE

    def _status(self) -> Iterator[bytes]:
        about, envelope = self.about, self.about.envelope
        if envelope.smtputf8:
            yield self._part("Delivery report", "message/global-delivery-status", EIGHT_BIT)
        else:
            yield self._part("Delivery report", "message/delivery-status", "")
        fields = MessageFields(
            about.hostname, about.mail_name, about.queue_id, envelope.envid, about.shown_sender, envelope.arrival
        )
        yield message_fields(fields).encode()
        for entry in applicable(about.entries, self.plan.notify):
            yield b"\n" + recipient_fields(entry, self.plan.kind, about.retry_until).encode()

    def _returned(self) -> Iterator[bytes]:
        about = self.about
        whole = self.plan.returned == RET_FULL and about.original.length <= about.size_limit
        name = "Undelivered Message" if self.plan.kind in (Kind.FAILURE, Kind.DELAY) else "Message"
        kind = _returned_type(about.envelope.smtputf8, whole)
        yield self._part(name if whole else f"{name} Headers", kind, about.part_encoding)
        yield f"Return-Path: <{sanitize(about.shown_sender)}>\n".encode()
        yield from about.original.whole() if whole else about.original.header()

    def _part(self, description: str, content_type: str, encoding: str) -> bytes:
        """Return the head of a part of the multipart, with the empty line that ends it."""
        return (
            f"\n--{self.boundary}\nContent-Description: {description}\nContent-Type: {content_type}\n{encoding}\n"
        ).encode()


def _returned_type(smtputf8: bool, whole: bool) -> str:
    if smtputf8:
        return "message/global" if whole else "message/global-headers"
    return "message/rfc822" if whole else "text/rfc822-headers"
