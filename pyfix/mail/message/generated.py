"""Headers that pyfix makes, in exactly Postfix's forms.

Received: marks what a local user submitted; of the network's, smtpd/received.py knows. Message-Id:, Date:, From: and a
destination are added when a message of ours lacks them (always_add_missing_headers, local_header_rewrite_clients).
Every function returns complete lines with their line end.
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.message.dates import format_date, format_utc_stamp

_SPECIAL: Final = re.compile(r'[()<>@,;:\\".\[\]!%\x00-\x1f\x7f]')
_QUOTED: Final = re.compile(r'[\\"\x00-\x1f\x7f]')
NULL_SENDER_NAME: Final = "MAILER-DAEMON"


def received_from_user(*, hostname: str, mail_name: str, uid: int, queue_id: str, arrival: float) -> str:
    """Return the Received: of a message that a local user submitted."""
    return f"Received: by {hostname} ({mail_name}, from userid {uid})\n\tid {queue_id}; {format_date(arrival)}\n"


def message_id(queue_id: str, hostname: str, arrival: float, *, long_id: bool = False) -> str:
    """Return a new message id without angle brackets; a long queue id is unique for ever without a time."""
    return f"{queue_id}@{hostname}" if long_id else f"{format_utc_stamp(arrival)}.{queue_id}@{hostname}"


def from_value(sender: str, full_name: str, form: str = "standard") -> str:
    """Return the value of a From: header (header_from_format: "standard" or "obsolete")."""
    if not sender or not full_name.strip():
        return sender or NULL_SENDER_NAME
    phrase = quote_phrase(full_name)
    return f"{sender} ({phrase})" if form == "obsolete" else f"{phrase} <{sender}>"


def quote_phrase(name: str) -> str:
    """Return a display name as RFC 5322 wants it: as it is when it is made of atoms, else as a quoted string."""
    if not _SPECIAL.search(name):
        return " ".join(name.split())
    return '"' + _QUOTED.sub(_escape, name) + '"'


def _escape(found: re.Match[str]) -> str:
    char = found.group()
    return "\\" + char if char in '\\"' else " "
