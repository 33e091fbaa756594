"""Every message that one pyfix process sends to another.

A message is a tagged `msgspec.Struct`; on the wire it is a length-prefixed msgpack array (`frame.py`). Both ends come
from one installation, so a change here raises PROTOCOL_VERSION and needs no compatibility code: a peer of another
version is refused at its greeting, which is an ordinary temporary error for the caller.

Addresses are `str` in external form without angle brackets ("user@example.com", "" for the null sender), valid UTF-8.
Times are seconds since the epoch. Content is `bytes` with LF line ends, without dot-stuffing.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

PROTOCOL_VERSION: Final = 4


class Message(msgspec.Struct, array_like=True, tag_field="t"):
    """Base of all; subclasses give an integer tag."""


# --- values that several messages share -------------------------------------------------------------------------


class Dsn(msgspec.Struct, array_like=True, frozen=True):
    """One delivery status: RFC 3463 code plus what a notice says about it (RFC 3464)."""

    status: str
    """RFC 3463 enhanced status code, such as "5.1.1"."""
    reason: str
    """Full text for the log and the notice, without line breaks."""
    diagnostic_type: str = ""
    """"smtp" or "x-unix" when diagnostic is set (RFC 3464 section 2.3.6)."""
    diagnostic: str = ""
    mta: str = ""
    """The remote MTA that said it: the Remote-MTA field."""


class Recipient(msgspec.Struct, array_like=True):
    """One recipient of a queued message."""

    address: str
    original: str = ""
    """The address before aliasing, as the sender gave it; "" when equal to address is not known."""
    orcpt: str = ""
    """RFC 3461 ORCPT value, type included and still xtext-decoded: "rfc822;user@example.com"; "" when none."""
    notify: int = 0
    """RFC 3461 NOTIFY flags, see NOTIFY_*; 0 when the sender said nothing."""
    position: int = -1
    """Index of its status byte in the queue file; -1 before it is queued."""


NOTIFY_NEVER: Final = 1
NOTIFY_SUCCESS: Final = 2
NOTIFY_FAILURE: Final = 4
NOTIFY_DELAY: Final = 8

RET_FULL: Final = 1
RET_HDRS: Final = 2


class Client(msgspec.Struct, array_like=True, frozen=True):
    """Where a message came from, as the log and later filters want to know it."""

    name: str = ""
    """Verified host name, "unknown" when there is none, "" for mail that did not come over the network."""
    address: str = ""
    port: str = ""
    helo: str = ""
    protocol: str = ""
    """"SMTP", "ESMTP", or "" for local submission."""
    reverse_name: str = ""
    sasl_method: str = ""
    sasl_username: str = ""
    sasl_sender: str = ""


class Envelope(msgspec.Struct, array_like=True):
    """What a queue file knows about its message besides content and recipients."""

    sender: str
    arrival: float
    size: int
    """Bytes of content as it lies in the queue file: the size= of the log."""
    encoding: str = ""
    """"7bit", "8bit" or "" when not known (RFC 6152 BODY)."""
    smtputf8: bool = False
    ret: int = 0
    """RET_FULL, RET_HDRS or 0 (RFC 3461 RET)."""
    envid: str = ""
    """RFC 3461 ENVID, xtext-decoded."""
    client: Client = Client()
    rewrite_context: str = "local"
    """"local" or "remote" (local_header_rewrite_clients)."""
    trace: int = 0
    """TRACE_* flags: sendmail -bv and -v."""
    filter: str = ""
    """transport:nexthop that replaces routing (content_filter, FILTER action)."""
    redirect: str = ""
    recipient_count: int = 0
    delay_warned: bool = False


TRACE_VERIFY: Final = 1
"""sendmail -bv: deliver nothing, mail a report of what would be done."""
TRACE_RECORD: Final = 2
"""sendmail -v: deliver, and mail a report of what was done."""


# --- all servers: the greeting ----------------------------------------------------------------------------------


class Hello(Message, tag=1):
    """First frame from every server, as soon as it has accepted."""

    service: str
    version: int = PROTOCOL_VERSION
    depth: int = 1
    """How many requests this server likes to have in flight on this connection; a delivery agent with an event
    loop says hundreds, local says 1."""
    concurrent: bool = False
    """Replies may come out of order (delivery agents with an event loop)."""


class Goodbye(Message, tag=2):
    """The server wants to go (max_use, reload): it still answers what is in flight; send nothing new and close."""


class Refused(Message, tag=3):
    """Answer to a request that could not be served; a temporary error for the caller unless said otherwise."""

    reason: str


# --- cleanup ----------------------------------------------------------------------------------------------------


class Submit(Message, tag=10):
    """Make a queued message of this. The queue file `queue_id` was created in incoming/ by the sender of this."""

    queue_id: str
    envelope: Envelope
    """size and recipient_count are set by cleanup."""
    recipients: list[Recipient]
    body: bytes | None
    """The whole content, Received: header first; None when it was spooled into the queue file."""
    flags: int = 0
    """CLEANUP_* flags."""
    hold: str = ""
    """Reason to place the message in the hold queue; "" for none."""


CLEANUP_FILTER: Final = 1
"""Content inspection applies (header_checks and milters, later issues)."""
CLEANUP_MAP: Final = 2
"""Canonical and virtual alias mapping apply: mail from outside, not mail that pyfix makes itself."""
CLEANUP_EXTRACT: Final = 4
"""Take recipients from To/Cc/Bcc (or Resent-*) headers: sendmail -t."""
CLEANUP_BOUNCE: Final = 8
"""On a content problem, queue the message and bounce it instead of refusing (pickup: nobody waits to be told)."""
CLEANUP_LOCAL: Final = 16
"""Not from the network: delivery agent or local submission."""
CLEANUP_SMTPUTF8_AUTODETECT: Final = 64
CLEANUP_BCC: Final = 128
"""always_bcc applies: to mail that comes in, not to what is forwarded or made here: that could go round for ever."""
CLEANUP_NOTICE: Final = 256
"""A notice of the mail system's own. message_size_limit is not for it: it is as large as what it has to tell, and
nobody could make it smaller and try again."""


class Submitted(Message, tag=11):
    """cleanup's answer. With an empty reason the message is on stable storage and the queue owns it."""

    queue_id: str
    status: str = ""
    """RFC 3463 code of the failure; "" for success. Initial digit tells temporary from permanent."""
    code: int = 250
    """SMTP reply code that fits."""
    reason: str = ""


# --- qmgr -------------------------------------------------------------------------------------------------------


class Arrived(Message, tag=20):
    """Hint from cleanup: this message lies complete in incoming/. May be lost; the scan finds the file."""

    queue_id: str
    envelope: Envelope
    recipients: list[Recipient] | None
    """None when there are too many to send along: read them from the file."""
    content_offset: int
    content_length: int


class Trigger(Message, tag=21):
    """Ask a service to look at its queue. No answer."""

    what: str = "scan"
    """qmgr: "scan" (incoming), "deferred" (due ones), "flush" (all deferred now), "release ID"; pickup: "scan"."""


# --- trivial-rewrite --------------------------------------------------------------------------------------------


class Rewrite(Message, tag=30):
    context: str
    """"local" or "remote"."""
    addresses: list[str]


class Rewritten(Message, tag=31):
    addresses: list[str]


class Resolve(Message, tag=32):
    """Find transport, nexthop and address class of each address (already in canonical form)."""

    sender: str
    addresses: list[str]


class Resolved(msgspec.Struct, array_like=True, frozen=True):
    transport: str
    nexthop: str
    recipient: str
    address_class: str
    """"local", "alias", "virtual", "relay", "default", or "error" when the address itself is bad."""
    status: str = ""
    """With a failure: RFC 3463 code; transport is "error" or "retry" then, nexthop "5.1.1 text"."""
    problem: str = ""
    """A table could not be asked: temporary failure text for the log; recipient stays undecided."""


class ResolvedList(Message, tag=33):
    results: list[Resolved]


# --- delivery agents --------------------------------------------------------------------------------------------


class Deliver(Message, tag=40):
    """qmgr to a delivery agent: deliver this file to these recipients, which share transport and nexthop."""

    seq: int
    queue_id: str
    """The file is active/<queue_id>."""
    nexthop: str
    envelope: Envelope
    recipients: list[Recipient]
    content_offset: int
    content_length: int
    active_since: float
    """When qmgr took it into the active queue: second of the four delays= figures counts from here."""
    last: bool
    """These are all recipients that remain: no need to make marks stable before answering."""


class Outcome(msgspec.Struct, array_like=True):
    """What became of one recipient, where qmgr has something to do about it."""

    position: int
    verb: str
    """"bounced", "deferred", or with NOTIFY=SUCCESS or tracing "delivered", "relayed", "expanded", "deliverable",
    "undeliverable"."""
    dsn: Dsn
    address: str
    """The recipient as the agent saw it at the end (Final-Recipient)."""
    sender: str | None = None
    """Who is told of a bounce in place of the message's sender: a list's owner- alias. None: the sender."""


class Delivered(Message, tag=41):
    """The agent's answer. Recipients without an outcome, and those delivered/relayed/expanded, are marked done in
    the queue file already; bounced and deferred ones are qmgr's to record."""

    seq: int
    outcomes: list[Outcome]
    dead: Dsn | None = None
    """The destination as a whole is out of order (no connection, refused greeting): qmgr throttles it."""


# --- bounce, defer, trace ---------------------------------------------------------------------------------------


class LogRecipient(Message, tag=50):
    """Append one recipient to the message's bounce, defer or trace log (by the service that is asked)."""

    queue_id: str
    recipient: Recipient
    outcome: Outcome


class SendNotice(Message, tag=51):
    """Turn the message's log into a notice and remove the log. Bounce: non-delivery; defer: delay warning (the log
    stays); trace: success or verification report."""

    queue_id: str
    queue_name: str
    envelope: Envelope
    content_offset: int
    content_length: int


class DropLog(Message, tag=52):
    """Remove the message's log without a notice."""

    queue_id: str


class Done(Message, tag=53):
    """The request has been carried out, durably."""


# --- showq ------------------------------------------------------------------------------------------------------


class ListQueue(Message, tag=60):
    """Ask showq for the listing; it answers QueueEntry ... QueueEnd."""


class QueueEntry(Message, tag=61):
    queue_name: str
    queue_id: str
    arrival: float
    size: int
    sender: str
    recipients: list[tuple[str, str]]
    """(address, delay reason or "")."""


class QueueEnd(Message, tag=62):
    pass


# --- sendmail to pickup -----------------------------------------------------------------------------------------


class RecipientOptions(msgspec.Struct, array_like=True):
    """What a local user's SMTP client says about one recipient, as in Recipient."""

    notify: int = 0
    orcpt: str = ""


class LocalSubmit(Message, tag=70):
    """sendmail to public/pickup. Content follows as ContentChunk frames, then ContentEnd; the answer is Submitted."""

    sender: str | None
    """None: the login name of the calling uid."""
    full_name: str
    recipients: list[str]
    extract: bool
    """-t: recipients from the headers as well."""
    encoding: str = ""
    notify: int = 0
    ret: int = 0
    envid: str = ""
    trace: int = 0
    smtputf8: bool = False
    rewrite_context: str = "local"
    """"remote" with -G: addresses in headers are a stranger's, and no header is missing."""
    options: list[RecipientOptions] = []
    """For each recipient, in order; empty: `notify` goes for all."""


class ContentChunk(Message, tag=71):
    data: bytes


class ContentEnd(Message, tag=72):
    pass


# --- proxymap ---------------------------------------------------------------------------------------------------


class ProxyFlags(msgspec.Struct, array_like=True, frozen=True):
    """How proxymap is to open a table; each combination is a table of its own there."""

    fold: bool = True
    """Keys are looked up in lower case."""
    substitution: bool = True
    """Results of pattern tables may hold $1."""


class ProxyOpen(Message, tag=80):
    """Open the table type:name, so that it is there when it is asked."""

    table: str
    flags: ProxyFlags = ProxyFlags()


class ProxyLookup(Message, tag=81):
    """Look keys up, until the first that is found. The table need not have been opened before; answers come in the
    order of the requests."""

    table: str
    keys: list[str]
    flags: ProxyFlags = ProxyFlags()


class ProxyUpdate(Message, tag=82):
    """Store a value, in the place of one that is there (proxywrite)."""

    table: str
    key: str
    value: str
    flags: ProxyFlags = ProxyFlags()


class ProxyDelete(Message, tag=83):
    """Take a key out (proxywrite)."""

    table: str
    key: str
    flags: ProxyFlags = ProxyFlags()


class ProxySequence(Message, tag=84):
    """Give the first entry, or the one after that which this connection got last."""

    table: str
    first: bool
    flags: ProxyFlags = ProxyFlags()


class ProxyStatus(enum.Enum):
    """What became of a request to proxymap."""

    OK = "ok"
    NO_KEY = "nokey"
    """There is no such key, or no entry any more."""
    RETRY = "retry"
    """The table can't be asked now."""
    BAD = "bad"
    """The request makes no sense."""
    DENIED = "denied"
    """The table is not in proxy_read_maps, or proxy_write_maps."""


class ProxyAnswer(Message, tag=85):
    """The answer to each of these."""

    status: ProxyStatus
    value: str = ""
    key: str = ""
    """The key that was found, or where the search failed; of ProxySequence the next one."""
    reason: str = ""
    """Why the table can't be asked, for the log."""


# --- pop3-login and pop3d ----------------------------------------------------------------------------------------


class HandOver(Message, tag=90):
    """Go on with a session whose client has logged in. The connection to the client goes along (SCM_RIGHTS)."""

    ticket: str
    """For auth: tells whose mailbox it is."""
    user: str
    """As logged by who took the login."""
    session: str
    """What names the session in the log."""
    remote: str
    """Address of the client."""
    rest: bytes = b""
    """What the client has sent behind its login."""


class HandedOver(Message, tag=91):
    """The session goes on in this process; or it does not, and the client is to be told."""

    pid: int
    problem: str = ""
    code: str = ""
    """With a problem: of RFC 3206."""


# --- quota-status ------------------------------------------------------------------------------------------------


class HasRoom(Message, tag=95):
    """smtpd asks whether a mailbox of virtual's has room."""

    address: str
    size: int = 0
    """As the client has announced it; 0 when it has not."""


class Room(Message, tag=96):
    """The answer; with a status there is none."""

    status: str = ""
    """RFC 3463 code: 4.2.2 or 5.2.2."""
    text: str = ""
    """What the client is told."""


class ClientStarted(Message, tag=97):
    """smtpd has a new client; anvil answers with Rates."""

    ident: str
    """service:address."""


class ClientEnded(Message, tag=98):
    """It has gone; anvil answers with empty Rates."""

    ident: str


class CountEvent(Message, tag=99):
    """A client, or a login, did something; anvil answers with Rates."""

    ident: str
    """service:address, or login:name."""
    event: str
    """message, recipient, auth, newtls; of logins "login message" and "login recipient"."""
    amount: int = 1
    unit_s: float = 0.0
    """Within which time it is counted; 0: anvil_rate_time_unit."""


class Rates(Message, tag=100):
    """How often that was, within the time."""

    rate: int = 0
    count: int = 0
    """Connections of the client, those of other processes included."""


AnyMessage = (
    Hello
    | Goodbye
    | Refused
    | Submit
    | Submitted
    | Arrived
    | Trigger
    | Rewrite
    | Rewritten
    | Resolve
    | ResolvedList
    | Deliver
    | Delivered
    | LogRecipient
    | SendNotice
    | DropLog
    | Done
    | ListQueue
    | QueueEntry
    | QueueEnd
    | LocalSubmit
    | ContentChunk
    | ContentEnd
    | ProxyOpen
    | ProxyLookup
    | ProxyUpdate
    | ProxyDelete
    | ProxySequence
    | ProxyAnswer
    | HandOver
    | HandedOver
    | HasRoom
    | Room
    | ClientStarted
    | ClientEnded
    | CountEvent
    | Rates
)
