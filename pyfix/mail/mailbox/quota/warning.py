"""quota_warning(5): the message that tells the owner of a mailbox how full it is.

    virtual_quota_warning_percents = 80 95
    virtual_quota_warning_file = /etc/pyfix/quota_warning

When a delivery brings a mailbox to one of these percentages of its quota, of bytes or of messages, virtual(8) puts a
warning into it; the next one comes when it has been below meanwhile, or reaches a higher percentage. A warning counts
like other mail and has room in any case. It is written into the mailbox itself: no alias leads it to anybody else.

Format: header lines, an empty line, and the text, in UTF-8. Date:, Message-Id:, To:, and From: where it is missing, are
added. These names are replaced:

    $address       the recipient
    $percent       how full the mailbox is
    $used          what is in it, as people write sizes
    $limit         what may be in it
    $messages      how many messages are in it
    $myhostname    this mail system

Failures: a file that can't be read, or has no header lines, keeps virtual(8) from starting.

Example:

    Subject: Your mailbox is $percent % full

    Dear $address, of $limit you have used $used.
    Please delete some mail.

See: virtual(8)
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from email.header import Header
from typing import Final

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.config import Config
from pyfix.mail.mailbox.quota.decide import percent_used
from pyfix.mail.mailbox.quota.usage import Usage
from pyfix.mail.message.dates import format_date
from pyfix.mail.message.generated import NULL_SENDER_NAME, from_value, message_id

_PARAMETER: Final = "virtual_quota_warning_file"
_MOST_BYTES: Final = 256 * 1024
_HEADER: Final = re.compile(r"[!-9;-~]+:.*(?:\n[ \t].*)*")
BUILT_IN: Final = """\
Subject: Your mailbox is $percent % full

This is the mail system at host $myhostname.

The mailbox $address is $percent % full: it holds $messages messages,
$used of $limit.

When it is full, mail for you will be refused. Please delete mail that
you do not need any more, and empty the trash.

                   The mail system
"""


@dataclass(frozen=True, slots=True)
class State:
    """How a mailbox is."""

    address: str
    limit: Quota
    used: Usage


@dataclass(frozen=True, slots=True)
class WarningText:
    """The text before names are replaced, and who speaks."""

    text: str
    hostname: str

    @classmethod
    def open(cls, config: Config, path: str, hostname: str) -> WarningText:
        """Read the file, if there is one; raises ConfigError."""
        if not path:
            return cls(BUILT_IN, hostname)
        try:
            with open(path, "rb") as file:
                text = file.read(_MOST_BYTES + 1).decode()
        except OSError as error:
            raise config.refuse(_PARAMETER, f"open {path}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise config.refuse(_PARAMETER, f"{path}: not UTF-8 text") from None
        if len(text) > _MOST_BYTES:
            raise config.refuse(_PARAMETER, f"{path}: larger than {_MOST_BYTES} bytes")
        head, found, _ = text.partition("\n\n")
        if not found or any(_HEADER.fullmatch(line) is None for line in _unfolded(head)):
            raise config.refuse(_PARAMETER, f"{path}: specify header lines, an empty line, and the text")
        return cls(text, hostname)

    def compose(self, state: State, now: float, unique: str) -> bytes:
        """Return the message; `unique` makes its Message-Id."""
        text = string.Template(self.text).safe_substitute(
            address=state.address,
            percent=int(percent_used(state.limit, state.used)),
            used=human_size(state.used.size),
            limit=human_limit(state.limit),
            messages=state.used.messages,
            myhostname=self.hostname,
        )
        head, _, body = text.partition("\n\n")
        lines = [_encoded(line) for line in _unfolded(head)]
        names = {line.partition(":")[0].lower() for line in lines}
        added = {
            "Date": format_date(now),
            "From": from_value(f"{NULL_SENDER_NAME}@{self.hostname}", "Mail Delivery System"),
            "To": state.address,
            "Message-Id": f"<{message_id(unique, self.hostname, now)}>",
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Transfer-Encoding": "8bit",
            "Auto-Submitted": "auto-generated",
        }
        lines += [f"{name}: {value}" for name, value in added.items() if name.lower() not in names]
        return ("\n".join(lines) + "\n\n" + body).encode()


def _unfolded(head: str) -> list[str]:
    """Return the header lines, each with its continuation lines."""
    return re.split(r"\n(?![ \t])", head)


def _encoded(line: str) -> str:
    """Return a header line as RFC 2047 wants it where it is not ASCII."""
    if line.isascii():
        return line
    name, _, value = line.partition(":")
    return f"{name}: {Header(' '.join(value.split()), 'utf-8', header_name=name).encode()}"


def human_size(size: int) -> str:
    """Return a size for people: "1.5 GB", in powers of 1024."""
    value, unit = float(size), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"


def human_limit(limit: Quota) -> str:
    """Return a limit for people."""
    parts = [human_size(limit.size)] if limit.size else []
    parts += [f"{limit.messages} messages"] if limit.messages else []
    return ", ".join(parts) or "unlimited"
