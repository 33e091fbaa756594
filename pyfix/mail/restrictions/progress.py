"""The rules of a process, and how far one evaluation of them has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pyfix.mail.address.quote import unquote_address
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.maps import Maps
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.parse import FindClass, Restriction, Steps
from pyfix.mail.restrictions.questions import Context, Decision, Note, Rejection
from pyfix.mail.restrictions.recipient import RecipientTables

CONFIGURATION_ERROR: Final = Rejection(451, "4.3.5", "Server configuration error", Trouble.SOFTWARE)


@dataclass(frozen=True, slots=True)
class Rules:
    """The restriction lists and what they need to know; made once a process."""

    recipients: RecipientTables
    client: Steps = ()
    helo: Steps = ()
    sender: Steps = ()
    behind_sender: Steps = ()
    """Read behind the list of the sender, whatever that permits: smtpd_reject_unlisted_sender."""
    relay: Steps = ()
    recipient: Steps = ()
    data: Steps = ()
    end_of_data: Steps = ()
    delays_reject: bool = True
    relay_first: bool = True
    rejects_unlisted: bool = True
    rejects_overquota: bool = False
    """Whether quotas are in force, and smtpd_reject_overquota_recipient is on."""
    reject_code: int = 554
    defer_code: int = 450
    relay_code: int = 554
    access_reject_code: int = 554
    access_defer_code: int = 450
    find_class: FindClass | None = None
    """smtpd_restriction_classes, for access tables."""
    has_logins: bool = False
    """smtpd_sasl_auth_enable."""
    plaintext_code: int = 450
    clientcerts: Maps | None = None
    """relay_clientcerts."""
    login_maps: Maps | None = None
    """smtpd_sender_login_maps."""
    old: frozenset[str] = frozenset()
    """The parameters that have a default of an old compatibility_level."""
    own_addresses: frozenset[str] = frozenset()
    """What mynetworks_style = host would trust."""
    networks_style: str = "host"


class Verdict(Enum):
    """What one restriction, or a list, says."""

    OK = "ok"
    DUNNO = "dunno"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a refusal names: `<value>: title rejected: ...`."""

    value: str
    title: str


@dataclass(slots=True)
class Progress:
    """What an evaluation has found out so far."""

    context: Context
    rules: Rules
    decision: Decision = field(default_factory=Decision)
    if_permit: Rejection | None = None
    if_reject: Rejection | None = None
    resolved: Resolved | None = None
    """What trivial-rewrite says of the recipient, once it was asked."""
    knows_recipient: bool = False
    aliases: list[str] | None = None
    """What tables that change addresses say of the recipient, once they were asked."""
    knows_sender: bool = False
    only_warns: bool = False
    watch: Watch | None = None

    @property
    def is_discarded(self) -> bool:
        """True when the message will vanish, so that nothing needs to be said against it."""
        return self.decision.fate is not None and self.decision.fate.is_discarded


Watch = Callable[[Progress, Restriction, Verdict, int], object]
"""Told of each restriction that was read: its verdict, and how deep it stands in access tables."""


def client_subject(context: Context) -> Subject:
    """Name the client as the log does: name[address]."""
    return Subject(context.client, "Client host")


def helo_subject(context: Context) -> Subject:
    """Name what the client calls itself in HELO or EHLO."""
    return Subject(context.helo, "Helo command")


def sender_subject(context: Context) -> Subject:
    """Name the sender without quotes that mean nothing; the null sender is "", which shows as <>."""
    return Subject(unquote_address(context.sender or ""), "Sender address")


def recipient_subject(context: Context) -> Subject:
    """Name the recipient that was given last, without quotes that mean nothing."""
    return Subject(unquote_address(context.recipient or ""), "Recipient address")


def login_subject(context: Context) -> Subject:
    """Name who has logged in."""
    return Subject(context.sasl_username or "", "SASL login name")


def certificate_subject(context: Context) -> Subject:
    """Name the owner of the certificate that the client has shown."""
    subject = context.tls.peer.subject if context.tls is not None and context.tls.peer is not None else ""
    return Subject(subject, "Client certificate")


def note_deferral(progress: Progress, if_permit: bool, rejection: Rejection) -> Verdict:
    """Remember the first deferral that depends on what others say."""
    if if_permit:
        progress.if_permit = progress.if_permit or rejection
    else:
        progress.if_reject = progress.if_reject or rejection
    return Verdict.DUNNO


def refuse(progress: Progress, rejection: Rejection | None) -> Verdict:
    """Take a refusal as the decision, unless warn_if_reject makes it a line in the log."""
    if rejection is None:
        return Verdict.DUNNO
    progress.decision.trouble |= rejection.trouble
    if progress.only_warns:
        progress.decision.notes.append(Note("reject_warning", rejection.reply))
        return Verdict.DUNNO
    if progress.if_reject is not None and rejection.code // 100 == 5:
        rejection = progress.if_reject
    settle(progress, rejection)
    return Verdict.REJECT


def settle(progress: Progress, rejection: Rejection) -> None:
    """Make this the decision."""
    progress.decision.rejection = rejection
    progress.decision.trouble |= rejection.trouble
