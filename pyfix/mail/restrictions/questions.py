"""What an evaluation asks of the world, and the values that go in and out of it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from pyfix.mail.ipc.messages import Resolved, Room
from pyfix.mail.maps import Maps
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.tls.session import TlsSession

T = TypeVar("T")


class LookupFailed(Exception):
    """Thrown into an evaluation: the question has no answer now. The reason has been logged."""


class Search(Enum):
    """How an access table is searched: see access(5)."""

    CLIENT = "client"
    """Host name with parents, then address with its networks; the key is the name, `address` the address."""
    DOMAIN = "domain"
    """A name with its parents."""
    SENDER = "sender"
    """An address, its domain with parents, user@; "" by smtpd_null_access_lookup_key."""
    RECIPIENT = "recipient"
    """The same for a recipient."""
    ALIAS = "alias"
    """An address in a table of aliases or users: also by the bare local part when the domain is ours, and @domain."""
    LOGIN = "login"
    """A name as it is."""
    CERTIFICATE = "certificate"
    """The fingerprint of a certificate as it is, then that of its key (`address`)."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Search tables; the answer is the value or None."""

    search: Search
    maps: Maps
    key: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class InNetworks:
    """Is the client in mynetworks? The answer is a bool."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """Where would mail for this address go, and what is it when it is complete? The answer is a Resolved."""

    recipient: str


@dataclass(frozen=True, slots=True)
class HasRoom:
    """Has the mailbox of this address room for a message of this size (0: not known)? The answer is a Room."""

    address: str
    size: int


Question = Lookup | InNetworks | Resolve | HasRoom
Answer = str | bool | Resolved | Room | None
Evaluation = Generator[Question, Any, T]


class Stage(Enum):
    """The point of the dialogue at which restrictions apply: its name in the log, and its list's."""

    CONNECT = "CONNECT"
    HELO = "HELO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END_OF_MESSAGE = "END-OF-MESSAGE"


@dataclass(slots=True)
class Fate:
    """What is to become of a message that is accepted."""

    hold: str = ""
    """Reason to place it on hold."""
    is_discarded: bool = False
    filter: str = ""
    """transport:destination that replaces the routing."""
    redirect: str = ""
    """The one address that gets it instead of its recipients."""

    def add(self, later: Fate) -> None:
        """Take what was said later; the last word counts."""
        self.hold = later.hold or self.hold
        self.is_discarded = later.is_discarded or self.is_discarded
        self.filter = later.filter or self.filter
        self.redirect = later.redirect or self.redirect


@dataclass(slots=True)
class Context:
    """The facts of the session so far. Addresses in external form; None: not given yet."""

    name: str
    address: str
    helo: str = ""
    sender: str | None = None
    recipient: str | None = None
    sasl_username: str | None = None
    """Who the client has logged in as; None: nobody."""
    size: int = 0
    """Of the message, as announced with MAIL; 0: not."""
    sasl_method: str = ""
    """How; ANONYMOUS is nobody in particular."""

    @property
    def is_authenticated(self) -> bool:
        """True when it is known who the client is."""
        return self.sasl_username is not None and self.sasl_method.lower() != "anonymous"

    tls: TlsSession | None = None
    """How the session is encrypted; None: not at all."""

    @property
    def client(self) -> str:
        """The client as log and replies write it."""
        return f"{self.name}[{self.address}]"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refusal before it is a reply: code, RFC 3463 status, text, and its class for the postmaster."""

    code: int
    status: str
    text: str
    trouble: Trouble = Trouble.POLICY

    @property
    def reply(self) -> str:
        """The reply line; the first digit of the status follows the code."""
        return f"{self.code} {str(self.code)[0]}{self.status[1:]} {self.text}"


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log: `verb: STAGE from client: text; from=...`; with verb "warning" or "default" the text alone.

    "default" is about a default of an old compatibility_level that has made a difference.
    """

    verb: str
    text: str


@dataclass(slots=True)
class Decision:
    """What came of an evaluation."""

    rejection: Rejection | None = None
    notes: list[Note] = field(default_factory=list)
    fate: Fate | None = None
    """What was said about the message, None for nothing."""
    trouble: Trouble = Trouble.NONE
    """The classes of all refusals that were met, even if they came to nothing, as in Postfix."""
