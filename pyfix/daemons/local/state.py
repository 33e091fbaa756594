"""Where an expansion stands: the address it has come to, and what it inherited on the way.

One immutable value for each step, so that one branch of an alias never changes what another sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from pyfix.mail.ipc.messages import NOTIFY_NEVER, NOTIFY_SUCCESS, Recipient


class Source(Enum):
    """What kind of list named a destination; the words of allow_mail_to_commands."""

    NONE = "none"
    ALIAS = "alias"
    FORWARD = "forward"
    INCLUDE = "include"


@dataclass(frozen=True, slots=True)
class State:
    """One step of an expansion."""

    address: str
    """The recipient at this step, in external form."""
    sender: str
    original: str = ""
    orcpt: str = ""
    notify: int = 0
    position: int = -1
    envid: str = ""
    ret: int = 0
    delivered: str = ""
    """What Delivered-To: will say; "" until the first recipient is known."""
    local: str = ""
    """The local part, folded, in internal form."""
    domain: str = ""
    user: str = ""
    extension: str | None = None
    unmatched: str | None = None
    """The extension that no table has used, to be added to the addresses of the expansion."""
    owner: str | None = None
    """Who takes care of the list that is expanded: addresses are forwarded, not delivered, then."""
    source: Source = Source.NONE
    expanded_from: str | None = None
    level: int = 0

    @classmethod
    def begin(cls, rcpt: Recipient, sender: str, envid: str, ret: int) -> State:
        """Return the state of a recipient as qmgr gave it."""
        return cls(rcpt.address, sender, rcpt.original, rcpt.orcpt, rcpt.notify, rcpt.position, envid=envid, ret=ret)

    def deeper(self) -> State:
        """Return this state one level of nesting down."""
        return replace(self, level=self.level + 1)

    @property
    def recipient(self) -> Recipient:
        """The recipient of this step, for the log and qmgr."""
        return Recipient(self.address, self.original, self.orcpt, self.notify, self.position)

    def without_success(self) -> State:
        """Return the state of a recipient whose success is not to be reported again."""
        return replace(self, notify=self.notify_after_expansion)

    @property
    def notify_after_expansion(self) -> int:
        """NOTIFY of the addresses behind: the sender is told of the expansion, not of their success."""
        if self.notify == NOTIFY_SUCCESS:
            return NOTIFY_NEVER
        return self.notify & ~NOTIFY_SUCCESS
