"""Say when a default of an old compatibility_level has made a difference: one more line in the log, in Postfix's words.

See: mail/config/compatibility.py.
"""

from __future__ import annotations

from pyfix.mail.address.split import split_address
from pyfix.mail.config.compatibility import kept
from pyfix.mail.restrictions.parse import Steps
from pyfix.mail.restrictions.progress import Progress
from pyfix.mail.restrictions.questions import Note


def _note(progress: Progress, setting: str, purpose: str) -> None:
    progress.decision.notes.append(Note("default", kept(setting, purpose)))


def note_networks(progress: Progress) -> None:
    """A client is trusted that mynetworks_style = host would not trust."""
    rules, context = progress.rules, progress.context
    if "mynetworks_style" in rules.old and context.address not in rules.own_addresses:
        setting = f"mynetworks_style={rules.networks_style}"
        _note(progress, setting, f'permit request from client "{context.client}"')


def note_fingerprints(progress: Progress) -> None:
    """A table is asked about the fingerprint of a client's certificate."""
    if "smtpd_tls_fingerprint_digest" in progress.rules.old:
        _note(progress, "smtpd_tls_fingerprint_digest=md5", "compute certificate fingerprints")


def note_relay_domain(progress: Progress, what: str) -> None:
    """Mail is taken for a domain, or an address, that relay_domains covers only because mydestination does."""
    resolved = progress.resolved
    if resolved is not None and resolved.address_class == "relay" and "relay_domains" in progress.rules.old:
        name = split_address(resolved.recipient)[1] if what == "domain" else resolved.recipient
        _note(progress, "relay_domains=$mydestination", f'accept mail for {what} "{name}"')


def note_order(progress: Progress, steps: Steps) -> None:
    """The recipient restrictions have refused a recipient before the relay restrictions were read."""
    rules, context = progress.rules, progress.context
    if steps is rules.recipient and "smtpd_relay_before_recipient_restrictions" in rules.old:
        purpose = f'reject recipient "{context.recipient}" from client "{context.client}"'
        _note(progress, "smtpd_relay_before_recipient_restrictions=no", purpose)


def is_relayed_by_default(progress: Progress) -> bool:
    """True when a recipient was accepted with smtpd_relay_restrictions empty by default."""
    accepted = progress.decision.rejection is None and not progress.is_discarded
    return accepted and "smtpd_relay_restrictions" in progress.rules.old


def note_relaying(progress: Progress) -> None:
    """A recipient was accepted that the relay restrictions of today would have refused."""
    context = progress.context
    purpose = f'avoid "Relay access denied" error for recipient "{context.recipient}" from client "{context.client}"'
    _note(progress, '"smtpd_relay_restrictions = (empty)"', purpose)
