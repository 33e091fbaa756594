"""What is found out about an address. `dataclasses.asdict` of an Explanation is what --json prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyfix.mail.maps.traced import Lookup


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter, and where it is set."""

    name: str
    value: str
    """As it stands there; a default that depends on others, as that makes it."""
    place: str
    """File and line; "" for a default."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of rewriting that changed the address."""

    by: str
    """A parameter, or "completion"."""
    results: list[str]


@dataclass(slots=True)
class LocalName:
    """What local does with a name."""

    name: str
    address: str = ""
    alias: str = ""
    """The key in alias_maps, "" for no alias."""
    destinations: list[str] = field(default_factory=list)
    """What the alias stands for, as it is written."""
    members: list[LocalName] = field(default_factory=list)
    """Those of the destinations that are local."""
    home: str = ""
    forward: str = ""
    """The .forward file that is there and is followed first."""
    by: str = ""
    """The parameter that decides about the mailbox."""
    command: str = ""
    transport: str = ""
    path: str = ""
    quota: int = 0
    """In bytes, of the mailbox file or of each message in a Maildir; 0: no limit."""
    quota_by: Setting | None = None
    """None without a mailbox."""
    problem: str = ""


@dataclass(slots=True)
class VirtualMailbox:
    """The mailbox that virtual delivers to."""

    path: str = ""
    uid: int = -1
    """-1: the user that runs the mail system."""
    gid: int = -1
    quota: int = 0
    """As that of a local mailbox; where quotas are in force, of all mail in a Maildir."""
    quota_by: Setting | None = None
    quota_messages: int = 0
    """How many messages there may be; 0: any number."""
    when_full: str = ""
    """What becomes of mail that has no room; "" without quotas."""
    quota_note: str = ""
    """Why the limit that was found does not hold."""
    problem: str = ""


@dataclass(slots=True)
class Route:
    """Where mail for one final recipient goes."""

    address: str
    address_class: str = ""
    class_by: list[Setting] = field(default_factory=list)
    """The list that has the domain, or those that do not have it."""
    transport: str = ""
    transport_by: Setting | None = None
    nexthop: str = ""
    nexthop_by: Setting | None = None
    """None: it is the domain of the recipient."""
    program: str = ""
    place: str = ""
    """Of the service, in master.cf."""
    local: LocalName | None = None
    virtual: VirtualMailbox | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One restriction that was read."""

    restriction: str
    """As written, with its table."""
    verdict: str
    because: list[Setting]
    """What else the verdict depends on."""
    depth: int = 0
    """How deep it stands in access tables."""


@dataclass(slots=True)
class RestrictionList:
    """One list, as far as it was read."""

    setting: Setting
    stage: str
    """Of the dialogue: CONNECT, HELO, MAIL or RCPT."""
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """What smtpd answers to this client."""

    client: str
    """name[address]."""
    helo: str
    sender: str
    service: str
    place: str
    """Of the service, in master.cf."""
    stage: str = "RCPT"
    """Where the answer below is given."""
    reply: str = ""
    restriction: str = ""
    """What decides; "" for none."""
    decided_by: Setting | None = None
    """The list that has it."""
    because: list[Setting] = field(default_factory=list)
    lists: list[RestrictionList] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is logged besides."""
    problem: str = ""
    """Why there is no answer."""
    login: str = ""
    """The user that the client is said to have logged in as."""
    login_problem: str = ""
    """Why no client can do that here."""


@dataclass(slots=True)
class Explanation:
    """Everything about one address."""

    address: str
    verdict: Verdict | None = None
    """None without a client."""
    changes: list[Change] = field(default_factory=list)
    recipients: list[Route] = field(default_factory=list)
    problem: str = ""
    """Why there are no recipients."""
    warnings: list[str] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)
    """Every question that was asked of a table, in its order."""
