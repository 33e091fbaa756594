"""Tickets: what a login has earned, for the process that opens the mailbox.

Who lets users in (pop3-login) has no rights, and who opens mailboxes believes only auth: the one carries a ticket to
the other. A ticket is good once, for a minute.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pyfix.mail.auth.backend import Place

LIFETIME_S: Final = 60.0
_SIZE: Final = 10_000
_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Earned:
    """Who has logged in."""

    user: str
    place: Place | None
    """Where the mail is; None: nobody knows."""


class Tickets:
    """Those that are out."""

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._out: OrderedDict[str, tuple[float, Earned]] = OrderedDict()

    def issue(self, earned: Earned, now: float) -> str:
        """Return a new ticket. now: seconds on a clock that never goes back."""
        self._drop_old(now)
        ticket = secrets.token_hex(_BYTES)
        self._out[ticket] = (now + LIFETIME_S, earned)
        if len(self._out) > self._size:
            self._out.popitem(last=False)
        return ticket

    def redeem(self, ticket: str, now: float) -> Earned | None:
        """Return whose ticket it is, which ends it; None for one that is not valid (any more)."""
        end, earned = self._out.pop(ticket, (now, None))
        return earned if now < end else None

    def _drop_old(self, now: float) -> None:
        while self._out and next(iter(self._out.values()))[0] <= now:
            self._out.popitem(last=False)
