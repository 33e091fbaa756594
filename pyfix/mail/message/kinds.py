"""Headers that mean something to the mail system: which have addresses, and whose."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class Role(enum.Enum):
    """What a header is to those who handle messages."""

    PLAIN = enum.auto()
    """It is there: nothing to add."""
    ADDRESSES = enum.auto()
    """Addresses of senders."""
    DESTINATIONS = enum.auto()
    """Addresses of recipients."""
    RECIPIENTS = enum.auto()
    """The same, and sendmail -t delivers to them."""
    RECEIVED = enum.auto()
    MESSAGE_ID = enum.auto()


class Kind(NamedTuple):
    """One row of the table of known headers."""

    role: Role
    is_resent: bool = False

    @property
    def has_addresses(self) -> bool:
        return self.role in _WITH_ADDRESSES


_WITH_ADDRESSES: Final = (Role.ADDRESSES, Role.DESTINATIONS, Role.RECIPIENTS)
_ROLES: Final = {
    Role.PLAIN: "content-length date resent-date",
    Role.ADDRESSES: "disposition-notification-to errors-to from mail-followup-to reply-to resent-from "
    "resent-sender return-path return-receipt-to sender",
    Role.DESTINATIONS: "resent-reply-to",
    Role.RECIPIENTS: "apparently-to bcc cc resent-bcc resent-cc resent-to to",
    Role.RECEIVED: "received",
    Role.MESSAGE_ID: "message-id resent-message-id",
}
KINDS: Final = {
    name.encode(): Kind(role, name.startswith("resent-")) for role, names in _ROLES.items() for name in names.split()
}
"""By the name of the header in small letters."""
