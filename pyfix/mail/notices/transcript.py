"""The text of a notice about a session: what was said, and how it ended. Pure.

Words, blank lines and folding are Postfix's. Text of strangers never begins a line, and what can't be printed becomes
"?", so nothing that they say can be taken for a header or for a word of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import sanitize
from pyfix.mail.message.dates import format_date
from pyfix.mail.message.generated import NULL_SENDER_NAME, from_value
from pyfix.mail.message.wrap import fold
from pyfix.proto.dialogue import Dialogue

HEARD: Final = "In:  "
SAID: Final = "Out: "
_WIDTH: Final = 78
_ASCII: Final = bytes(range(128)) + b"?" * 128
_INTRODUCTION: Final = "Transcript of session follows.\n\n"
_CLOSING: Final = "\nFor other details, see the local mail logfile\n"


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a notice says, but for its header."""

    subject: str
    """Behind the name of the mail system."""
    body: str


@dataclass(frozen=True, slots=True)
class Sender:
    """The mail system, as the header of a notice names it."""

    hostname: str
    mail_name: str
    from_format: str = "standard"
    eight_bit: bool = True
    """smtputf8_enable: UTF-8 may stay in what was said."""


def server_transcript(peer: str, dialogue: Dialogue, reason: str = "", edit: Callable[[str], str] = str) -> Transcript:
    """Return what smtpd says about a client; `reason` tells why the session ended before its time, "" if it did not;
    `edit` is applied to the replies."""
    ending = f"\nSession aborted, reason: {reason}\n" if reason else "\n"
    said = _print(dialogue.lines(HEARD, SAID, edit))
    return Transcript(f"SMTP server: errors from {sanitize(peer)}", f"{_INTRODUCTION}{said}{ending}{_CLOSING}")


def client_transcript(protocol: str, peer: str, dialogue: Dialogue) -> Transcript:
    """Return what a client says about a server; `protocol` is SMTP or LMTP."""
    peer = sanitize(peer)
    said = _print(dialogue.lines(HEARD, SAID))
    return Transcript(
        f"{protocol} client: errors from {peer}",
        f"Unexpected response from {peer}.\n\n{_INTRODUCTION}{said}{_CLOSING}",
    )


def _print(lines: Iterable[str]) -> str:
    """Return the lines folded, each behind a space."""
    return "".join(" " + fold(sanitize(line), _WIDTH).replace("\n", "\n ") + "\n" for line in lines)


def compose_notice(transcript: Transcript, sender: Sender, recipient: str, queue_id: str, now: float) -> bytes:
    """Return the message; cleanup completes its addresses and adds a Message-Id."""
    date = format_date(now)
    daemon = from_value(f"{NULL_SENDER_NAME}@{sender.hostname}", "Mail Delivery System", sender.from_format)
    text = (
        f"Received: by {sender.hostname} ({sender.mail_name})\n\tid {queue_id}; {date}\n"
        f"Date: {date}\n"
        f"From: {daemon}\n"
        f"To: {from_value(sanitize(recipient), 'Postmaster', sender.from_format)}\n"
        f"Subject: {sender.mail_name} {transcript.subject}\n"
        f"\n{transcript.body}"
    )
    return text.encode() if sender.eight_bit else text.encode().translate(_ASCII)
