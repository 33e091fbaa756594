"""What all steps of one recipient's delivery share.

`Tools` belong to the process: parameters, tables, neighbours. `Context` belongs to one recipient of one request: it
collects the notes of every single delivery (log lines are written at once), remembers what has been visited, and
gathers what is to be forwarded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyfix.base.log import Log
from pyfix.daemons.local.biff import Biff
from pyfix.daemons.local.neighbours import Resolver, Transports
from pyfix.daemons.local.params import LocalParameters
from pyfix.daemons.local.resubmit import Resubmission
from pyfix.daemons.local.state import State
from pyfix.daemons.local.users import User, UserLookupError
from pyfix.mail.delivery import Job
from pyfix.mail.delivery.macros import Expanded, expand_names
from pyfix.mail.ipc.messages import NOTIFY_SUCCESS, Dsn, Outcome
from pyfix.mail.mailbox import LockPolicy
from pyfix.mail.maps import Maps
from pyfix.service.rights import Rights

LEVEL_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of local."""

    aliases: Maps
    mailbox_commands: Maps
    mailbox_transports: Maps
    fallback_transports: Maps


@dataclass(frozen=True, slots=True)
class Tools:
    """What the process has."""

    params: LocalParameters
    log: Log
    service: str
    rights: Rights
    tables: Tables
    lock: LockPolicy
    default_user: User
    environment: dict[str, str]
    resolver: Resolver
    transports: Transports
    biff: Biff | None


@dataclass(slots=True)
class Context:
    """One recipient of one request."""

    tools: Tools
    job: Job
    loop_addresses: frozenset[str]
    notes: list[Outcome | None] = field(default_factory=list)
    forwards: dict[tuple[str, str], Resubmission] = field(default_factory=dict)
    _visited: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def has_deferred(self) -> bool:
        """True once some part has to be tried again."""
        return any(note is not None and note.verb == "deferred" for note in self.notes)

    def first_visit(self, *key: str) -> bool:
        """True the first time a destination is met in this delivery, as far as duplicate_filter_limit remembers."""
        if key in self._visited:
            return False
        limit = self.tools.params.duplicate_filter_limit
        if not limit or len(self._visited) < limit:
            self._visited.add(key)
        return True

    def has_visited(self, *key: str) -> bool:
        """True when a destination has been met."""
        return key in self._visited

    def owner(self, state: State) -> str | None:
        """Return who is told of failures in place of the message's sender: the owner of the list, if it has one."""
        return None if state.sender == self.job.envelope.sender else state.sender

    # --- verdicts about one destination

    def sent(self, state: State, text: str, action: str = "delivered") -> None:
        """Note one success."""
        self.notes.append(self.job.note_sent(state.recipient, Dsn("2.0.0", text), action=action))

    def deferred(self, state: State, status: str, text: str) -> None:
        """Note one temporary failure."""
        self.notes.append(self.job.note_deferred(state.recipient, Dsn(status, text)))

    def bounced(self, state: State, status: str, text: str) -> None:
        """Note one permanent failure."""
        self.failed(state, Dsn(status, text))

    def failed(self, state: State, dsn: Dsn) -> None:
        """Note a failure, permanent or not as its status says."""
        if dsn.status.startswith("5"):
            self.notes.append(self.job.note_bounced(state.recipient, dsn, sender=self.owner(state)))
        else:
            self.notes.append(self.job.note_deferred(state.recipient, dsn))

    def misconfigured(self, state: State, warning: str, status: str = "5.3.5") -> None:
        """Tell the log what is wrong, and the sender only that something is."""
        self.tools.log.warning(warning)
        self.failed(state, Dsn(status, "mail system configuration error"))

    def user_unclear(self, state: State, error: UserLookupError) -> None:
        """Nobody could tell whether there is such a user: the mail waits."""
        self.tools.log.warning(str(error))
        self.deferred(state, "4.0.0", "user lookup error")

    def expanded(self, state: State, action: str) -> None:
        """Report an expansion to a sender who asked for it (RFC 3461 section 5.2.7); not logged."""
        if state.notify & NOTIFY_SUCCESS:
            self.notes.append(Outcome(state.position, action, Dsn("2.0.0", "alias expanded"), state.address))

    # --- names

    def expand(self, text: str, state: State, user: User, allowed: str = "") -> Expanded:
        """Replace $user and the like in a parameter's value; raises ExpandError."""
        delimiter = state.local[len(state.user) : len(state.user) + 1] or self.tools.params.recipient_delimiter[:1]
        values = {
            "user": state.user,
            "home": user.home,
            "shell": user.shell,
            "recipient": state.address,
            "extension": state.extension or None,
            "domain": state.domain or None,
            "local": state.local,
            "mailbox": state.local,
            "recipient_delimiter": delimiter or None,
        }
        return expand_names(text, values, allowed)
