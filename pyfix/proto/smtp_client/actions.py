"""What a session asks its owner to do or to know.

`Stage` names where a session stands; its texts are the words of Postfix's log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pyfix.proto.smtp_client.features import Features
from pyfix.proto.smtp_client.reply import Reply


class Stage(Enum):
    """What the session waits for. `doing` completes "lost connection with X while ..."."""

    GREETING = ("receiving the initial server greeting", "")
    EHLO = ("performing the EHLO handshake", "EHLO command")
    HELO = ("performing the HELO handshake", "HELO command")
    LHLO = ("performing the LHLO handshake", "LHLO command")
    READY = ("starting a message", "")
    IDLE = ("being idle", "")
    MAIL = ("sending MAIL FROM", "MAIL FROM command")
    RCPT = ("sending RCPT TO", "RCPT TO command")
    DATA = ("sending DATA command", "DATA command")
    CONTENT = ("sending message body", "")
    DOT = ("sending end of data -- message may be sent more than once", "end of DATA command")
    RSET = ("sending final RSET", "final RSET command")
    QUIT = ("sending QUIT", "QUIT command")
    CLOSED = ("being closed", "")

    def __init__(self, doing: str, request: str) -> None:
        self.doing = doing
        self.request = request


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """The handshake is over; begin() may follow."""

    features: Features
    greeting_name: str
    """First word of the server's greeting."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """The server waits for the message: write it, then call terminate()."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is delivered: for one recipient (LMTP), or for all that were not refused (None)."""

    index: int | None
    reply: Reply


@dataclass(frozen=True, slots=True)
class RecipientRefused:
    """The server does not take this recipient."""

    index: int
    reply: Reply
    stage: Stage


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The server takes this message for none of the recipients that are not refused yet."""

    reply: Reply
    stage: Stage


@dataclass(frozen=True, slots=True)
class Unsendable:
    """No command can be made of this recipient; of the sender, and so the message goes to nobody (None)."""

    index: int | None


@dataclass(frozen=True, slots=True)
class SiteRefused:
    """The server does not want to talk to us at all; the session is at its end."""

    reply: Reply
    stage: Stage


@dataclass(frozen=True, slots=True)
class Finished:
    """Every recipient has been reported; say finish() to go on."""


@dataclass(frozen=True, slots=True)
class Idle:
    """The session can take another message."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone before the outcome was known."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class Violated:
    """The server does not speak the protocol; close the connection."""

    reason: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Garbled:
    """Among the lines of a reply was one that is none."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something for the log about a reply, wanting the server's name in front."""

    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Close the connection; nothing more will come."""


Action = (
    Send
    | Ready
    | SendContent
    | Accepted
    | RecipientRefused
    | MessageRefused
    | Unsendable
    | SiteRefused
    | Finished
    | Idle
    | Lost
    | Violated
    | Garbled
    | Complaint
    | Closed
)
