"""One message on its way to one server: what is sent, and who is told what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.mail.address.quote import unquote_address
from pyfix.mail.delivery import Content
from pyfix.mail.delivery.content import HeadedContent
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    NOTIFY_SUCCESS,
    RET_FULL,
    RET_HDRS,
    Dsn,
    Envelope,
    Recipient,
)
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.reply import Reply

_RET: Final = {RET_FULL: "FULL", RET_HDRS: "HDRS"}
_NOTIFY: Final = (
    (NOTIFY_NEVER, "NEVER"),
    (NOTIFY_SUCCESS, "SUCCESS"),
    (NOTIFY_FAILURE, "FAILURE"),
    (NOTIFY_DELAY, "DELAY"),
)


class Listener(Protocol):
    """Who wants to know what becomes of a message."""

    def accepted(self, index: int | None, reply: Reply) -> None: ...

    def recipient_refused(self, index: int, dsn: Dsn) -> None: ...

    def message_refused(self, dsn: Dsn) -> None: ...

    def connection_failed(self, dsn: Dsn) -> None: ...

    def line_broken(self, limit: int) -> None: ...

    def connection_stale(self) -> None:
        """A kept connection had ended before the message began: nothing happened yet."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server as the log names it."""

    host: str
    address: str
    port: int

    @property
    def peer(self) -> str:
        """Return host[address]."""
        return f"{self.host}[{self.address}]"

    @property
    def relay(self) -> str:
        """Return host[address]:port."""
        return f"{self.host}[{self.address}]:{self.port}" if self.port else self.peer


@dataclass(frozen=True, slots=True)
class Message:
    """What one transaction sends."""

    mail: Mail
    recipients: list[Rcpt]
    content: Content | HeadedContent
    probe: bool = False
    """Ask for the recipients only."""
    to_7bit: bool = False
    """Convert 8-bit parts, because the server does not take them."""


def make_mail(envelope: Envelope, sender: str) -> Mail:
    """Return the command for a sender that the server knows by this address."""
    return Mail(sender, envelope.size, envelope.encoding, envelope.smtputf8, _RET.get(envelope.ret, ""), envelope.envid)


def make_rcpts(
    envelope: Envelope,
    recipients: Sequence[Recipient],
    address: Callable[[str], str],
    originals: Mapping[str, str],
    *,
    dsn: bool,
) -> list[Rcpt]:
    """Return the commands; `address` tells how the server knows a recipient, `dsn` whether it speaks RFC 3461.

    `originals` has the complete forms of what local users wrote; what an SMTP client wrote goes on as it is.
    """
    if not dsn:
        return [Rcpt(address(rcpt.address)) for rcpt in recipients]
    return [Rcpt(address(rcpt.address), _original(rcpt, envelope, originals), _notify(rcpt)) for rcpt in recipients]


def _notify(rcpt: Recipient) -> str:
    return ",".join(word for flag, word in _NOTIFY if rcpt.notify & flag)


def _original(rcpt: Recipient, envelope: Envelope, originals: Mapping[str, str]) -> str:
    if rcpt.orcpt or not rcpt.original:
        return rcpt.orcpt
    original = rcpt.original
    if not envelope.client.protocol:
        original = unquote_address(originals.get(original, original))
    kind = "utf-8" if envelope.smtputf8 and not original.isascii() else "rfc822"
    return f"{kind};{original}"
