"""Decide what the restrictions say at a stage of the dialogue.

A list is read from left to right: the first restriction that permits or refuses decides for that list, a list that
ends undecided permits. With smtpd_delay_reject the lists of client, helo and sender are read at RCPT, so that a
refusal is logged with both addresses. Relay and recipient restrictions must both agree. A deferral that was only
noted (defer_if_permit) comes true when nobody refused.

Pure: tables and trivial-rewrite are asked by yielding questions; LookupFailed thrown in means "not now" and defers.
See: SMTPD_ACCESS_README, postconf(5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, assert_never

from pyfix.mail.address.quote import unquote_address
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.maps import Maps
from pyfix.mail.restrictions.access import Action, Verb, parse_action
from pyfix.mail.restrictions.fate import decide_fate, refuse_action
from pyfix.mail.restrictions.logins import check_owner, ignore_without_sasl
from pyfix.mail.restrictions.old_defaults import (
    is_relayed_by_default,
    note_fingerprints,
    note_networks,
    note_order,
    note_relay_domain,
    note_relaying,
)
from pyfix.mail.restrictions.parse import Kind, Restriction, Steps, parse_restrictions
from pyfix.mail.restrictions.progress import (
    CONFIGURATION_ERROR,
    Progress,
    Rules,
    Subject,
    Verdict,
    Watch,
    certificate_subject,
    client_subject,
    helo_subject,
    login_subject,
    note_deferral,
    recipient_subject,
    refuse,
    sender_subject,
    settle,
)
from pyfix.mail.restrictions.questions import (
    Context,
    Decision,
    Evaluation,
    InNetworks,
    Lookup,
    LookupFailed,
    Note,
    Rejection,
    Resolve,
    Search,
    Stage,
)
from pyfix.mail.restrictions.recipient import (
    find_aliases,
    find_overquota,
    find_unlisted,
    is_authorized,
    is_delivered_by_virtual,
    retry,
)

_NESTING_LIMIT: Final = 20
_COMPLETE: Final = re.compile(r"[A-Za-z0-9_.=+~&'*/?#$-]+@[A-Za-z0-9.-]*[A-Za-z0-9]")
"""An address that trivial-rewrite has nothing to do with: almost all."""


def evaluate(stage: Stage, rules: Rules, context: Context, watch: Watch | None = None) -> Evaluation[Decision]:
    """Return what the restrictions of a stage decide; `watch` is told what each of them says."""
    progress = Progress(context, rules, watch=watch)
    match stage:
        case Stage.CONNECT:
            yield from _lists(progress, [(rules.client, client_subject(context))])
        case Stage.HELO:
            yield from _lists(progress, [(rules.helo, helo_subject(context))])
        case Stage.MAIL:
            subject = sender_subject(context)
            yield from _lists(progress, [(rules.sender, subject), (rules.behind_sender, subject)])
        case Stage.RCPT:
            yield from _recipient_stage(progress)
        case Stage.DATA:
            yield from _lists(progress, [(rules.data, Subject("DATA", "Data command"))])
        case Stage.END_OF_MESSAGE:
            yield from _lists(progress, [(rules.end_of_data, Subject("END-OF-MESSAGE", "End-of-data"))])
        case _:
            assert_never(stage)
    return progress.decision


def knows_certificate(kind: Kind, rules: Rules, context: Context) -> Evaluation[bool]:
    """Return whether permit_tls_clientcerts, or the one for all, permits the client; no answer permits nobody."""
    try:
        return (yield from _clientcerts(Progress(context, rules), kind)) is Verdict.OK
    except LookupFailed:
        return False


def active_stages(rules: Rules) -> tuple[Stage, ...]:
    """Return the stages at which an evaluation can have another result than permission."""
    lists = {Stage.DATA: rules.data, Stage.END_OF_MESSAGE: rules.end_of_data}
    if not rules.delays_reject:
        lists |= {Stage.CONNECT: rules.client, Stage.HELO: rules.helo, Stage.MAIL: rules.sender or rules.behind_sender}
    return (Stage.RCPT, *(stage for stage, steps in lists.items() if steps))


def _recipient_stage(progress: Progress) -> Evaluation[None]:
    context, rules = progress.context, progress.rules
    if context.recipient is None or context.recipient.lower() == "postmaster":
        return  # RFC 5321 section 4.5.1: a server always takes mail for its postmaster
    subject = recipient_subject(context)
    lists = [(rules.relay, subject), (rules.recipient, subject)]
    if not rules.relay_first:
        lists.reverse()
    if rules.delays_reject:
        lists = [*_delayed_lists(progress), *lists]
    yield from _lists(progress, lists)
    if is_relayed_by_default(progress):
        yield from _relayed_by_default(progress, context.recipient)
    if rules.rejects_unlisted and progress.decision.rejection is None and not progress.is_discarded:
        yield from _unlisted(progress, context.recipient)
    if rules.rejects_overquota and progress.decision.rejection is None and not progress.is_discarded:
        yield from _overquota(progress, context.recipient)


def _delayed_lists(progress: Progress) -> list[tuple[Steps, Subject]]:
    """Return the lists of the earlier stages that smtpd_delay_reject has put off."""
    context, rules = progress.context, progress.rules
    lists = [(rules.client, client_subject(context))] if rules.client else []
    if rules.helo and context.helo:
        lists.append((rules.helo, helo_subject(context)))
    if context.sender is not None:
        lists += [(steps, sender_subject(context)) for steps in (rules.sender, rules.behind_sender) if steps]
    return lists


def _lists(progress: Progress, lists: Sequence[tuple[Steps, Subject]]) -> Evaluation[None]:
    """Read lists one after the other until one refuses or discards; then a noted deferral comes true."""
    for steps, subject in lists:
        progress.only_warns = False
        if steps and (yield from _list(progress, steps, subject, 0)) is Verdict.REJECT:
            note_order(progress, steps)
            return
        if progress.is_discarded:
            return
    if progress.if_permit is not None:
        settle(progress, progress.if_permit)


def _list(progress: Progress, steps: Steps, subject: Subject, depth: int) -> Evaluation[Verdict]:
    for step in steps:
        outer = progress.only_warns
        progress.only_warns = outer or step.only_warns
        try:
            verdict = yield from _step(progress, step, subject, depth)
        except LookupFailed:
            verdict = refuse(progress, retry(subject.value))
        progress.only_warns = outer
        if progress.watch is not None:
            progress.watch(progress, step, verdict, depth)
        if verdict is not Verdict.DUNNO:
            return verdict
    return Verdict.DUNNO


def _step(progress: Progress, step: Restriction, subject: Subject, depth: int) -> Evaluation[Verdict]:
    context, rules = progress.context, progress.rules
    match step.kind:
        case Kind.PERMIT_MYNETWORKS:
            if not (yield InNetworks(context.name, context.address)):
                return Verdict.DUNNO
            note_networks(progress)
            return Verdict.OK
        case Kind.PERMIT_SASL_AUTHENTICATED:
            return Verdict.OK if context.is_authenticated else Verdict.DUNNO
        case Kind.PERMIT_TLS_CLIENTCERTS | Kind.PERMIT_TLS_ALL_CLIENTCERTS:
            return (yield from _clientcerts(progress, step.kind))
        case Kind.REJECT_PLAINTEXT_SESSION:
            if context.tls is not None:
                return Verdict.DUNNO
            return refuse(progress, Rejection(rules.plaintext_code, "4.7.1", "Session encryption is required"))
        case Kind.PERMIT:
            return Verdict.OK
        case Kind.REJECT:
            text = f"<{subject.value}>: {subject.title} rejected: Access denied"
            return refuse(progress, Rejection(rules.reject_code, "5.7.1", text))
        case Kind.DEFER:
            text = f"<{subject.value}>: {subject.title} rejected: Try again later"
            return refuse(progress, Rejection(rules.defer_code, "4.3.2", text))
        case Kind.DEFER_IF_PERMIT | Kind.DEFER_IF_REJECT:
            text = f"<{subject.value}>: {subject.title} rejected: defer_if_permit requested"
            if step.kind is Kind.DEFER_IF_REJECT:
                text = f"<{subject.value}>: {subject.title} rejected: defer_if_reject requested"
            return note_deferral(progress, step.kind is Kind.DEFER_IF_PERMIT, Rejection(450, "4.7.0", text))
        case Kind.PERMIT_AUTH_DESTINATION | Kind.REJECT_UNAUTH_DESTINATION | Kind.DEFER_UNAUTH_DESTINATION:
            return (yield from _destination(progress, step.kind))
        case Kind.REJECT_UNLISTED_RECIPIENT:
            return (yield from _unlisted(progress, context.recipient))
        case Kind.REJECT_UNLISTED_SENDER:
            return (yield from _unlisted_sender(progress))
        case (
            Kind.REJECT_SENDER_LOGIN_MISMATCH
            | Kind.REJECT_AUTHENTICATED_SENDER_LOGIN_MISMATCH
            | Kind.REJECT_KNOWN_SENDER_LOGIN_MISMATCH
            | Kind.REJECT_UNAUTHENTICATED_SENDER_LOGIN_MISMATCH
        ):
            return (yield from check_owner(progress, step.kind))
        case Kind.CHECK_SASL_ACCESS if not rules.has_logins:
            return ignore_without_sasl(progress, step.kind)
        case Kind.CLASS:
            return (yield from _list(progress, step.steps, subject, depth + 1))
        case Kind.UNKNOWN:
            progress.decision.notes.append(Note("warning", f'unknown smtpd restriction: "{step.name}"'))
            return refuse(progress, CONFIGURATION_ERROR)
        case _:
            return (yield from _access(progress, step, depth))


def _clientcerts(progress: Progress, kind: Kind) -> Evaluation[Verdict]:
    """Permit a client by its certificate; where the fingerprint counts, nobody has to vouch for it."""
    tls, known = progress.context.tls, progress.rules.clientcerts
    if tls is None or tls.peer is None:
        return Verdict.DUNNO
    if kind is Kind.PERMIT_TLS_ALL_CLIENTCERTS and tls.peer.is_trusted:
        return Verdict.OK
    if known is None:
        return Verdict.DUNNO
    note_fingerprints(progress)
    found = yield Lookup(Search.CERTIFICATE, known, tls.peer.fingerprint, tls.peer.key_fingerprint)
    return Verdict.DUNNO if found is None else Verdict.OK


def _resolve(progress: Progress, recipient: str) -> Evaluation[Resolved]:
    """Ask once where mail for the recipient goes; raise LookupFailed when that can't be told now."""
    if progress.resolved is None:
        resolved: Resolved = yield Resolve(recipient)
        if resolved.problem:
            raise LookupFailed(resolved.problem)
        progress.resolved = resolved
    return progress.resolved


def _complete(progress: Progress, address: str, search: Search) -> Evaluation[str]:
    """Return an address with its domain, and without routes: what tables are asked for."""
    if not address or _COMPLETE.fullmatch(address):
        return address
    if search is Search.RECIPIENT:
        return (yield from _resolve(progress, address)).recipient
    resolved: Resolved = yield Resolve(address)
    if resolved.problem:
        raise LookupFailed(resolved.problem)
    return resolved.recipient


def _destination(progress: Progress, kind: Kind) -> Evaluation[Verdict]:
    recipient, rules = progress.context.recipient, progress.rules
    if recipient is None:
        return Verdict.DUNNO
    name = unquote_address(recipient)
    try:
        authorized = is_authorized((yield from _resolve(progress, recipient)))
    except LookupFailed:
        return refuse(progress, retry(name))
    note_relay_domain(progress, "domain")
    if kind is Kind.PERMIT_AUTH_DESTINATION:
        return Verdict.OK if authorized else Verdict.DUNNO
    if authorized:
        return Verdict.DUNNO
    text = f"<{name}>: Relay access denied"
    if kind is Kind.DEFER_UNAUTH_DESTINATION:
        return refuse(progress, Rejection(rules.relay_code - 100, "4.7.1", text))
    return refuse(progress, Rejection(rules.relay_code, "5.7.1", text))


def _relayed_by_default(progress: Progress, recipient: str) -> Evaluation[None]:
    """Tell when the default of today would have refused the recipient."""
    context = progress.context
    try:
        if (yield InNetworks(context.name, context.address)):
            note_networks(progress)
            return
        authorized = is_authorized((yield from _resolve(progress, recipient)))
    except LookupFailed:
        return
    if not authorized:
        note_relaying(progress)


def _unlisted(progress: Progress, recipient: str | None) -> Evaluation[Verdict]:
    if recipient is None or progress.knows_recipient:
        return Verdict.DUNNO
    progress.knows_recipient = True
    try:
        resolved = yield from _resolve(progress, recipient)
        note_relay_domain(progress, "address")
        tables = progress.rules.recipients
        progress.aliases = yield from find_aliases(resolved, tables)
        rejection = None
        if not progress.aliases:
            rejection = yield from find_unlisted(recipient, resolved, tables)
    except LookupFailed:
        rejection = retry(unquote_address(recipient))
    return refuse(progress, rejection)


def _overquota(progress: Progress, recipient: str) -> Evaluation[None]:
    """Refuse a recipient whose mailbox is full; what can't be told now is left to the delivery."""
    try:
        resolved = yield from _resolve(progress, recipient)
        if not is_delivered_by_virtual(resolved):
            return
        if progress.aliases is None:
            progress.aliases = yield from find_aliases(resolved, progress.rules.recipients)
        rejection = yield from find_overquota(recipient, resolved, progress.aliases, progress.context.size)
    except LookupFailed:
        return
    refuse(progress, rejection)


def _unlisted_sender(progress: Progress) -> Evaluation[Verdict]:
    sender = progress.context.sender
    if not sender or progress.knows_sender:
        return Verdict.DUNNO
    progress.knows_sender = True
    resolved: Resolved = yield Resolve(sender)
    if resolved.problem:
        return refuse(progress, retry(unquote_address(sender)))
    tables = progress.rules.recipients
    if (yield from find_aliases(resolved, tables)):
        return Verdict.DUNNO
    rejection = yield from find_unlisted(sender, resolved, tables, is_sender=True)
    return refuse(progress, rejection)


def _access(progress: Progress, step: Restriction, depth: int) -> Evaluation[Verdict]:
    """Look the subject of a check_*_access up and do what the table says."""
    target = _target(progress.context, step.kind)
    if target is None or step.maps is None:
        return Verdict.DUNNO
    search, key, subject = target
    if search is Search.CERTIFICATE:
        note_fingerprints(progress)
    address = _second_key(progress.context, search)
    try:
        if search in (Search.SENDER, Search.RECIPIENT):
            key = yield from _complete(progress, key, search)
        value: str | None = yield Lookup(search, step.maps, key, address)
    except LookupFailed:
        text = f"<{subject.value}>: {subject.title} rejected: Server configuration error"
        return refuse(progress, Rejection(451, "4.3.5", text))
    if value is None:
        return Verdict.DUNNO
    return (yield from _act(progress, parse_action(value), subject, step.maps, depth))


def _second_key(context: Context, search: Search) -> str:
    """Return what else of the client a table is asked for."""
    if search is Search.CERTIFICATE and context.tls is not None and context.tls.peer is not None:
        return context.tls.peer.key_fingerprint
    return context.address if search is Search.CLIENT else ""


def _target(context: Context, kind: Kind) -> tuple[Search, str, Subject] | None:
    """Return what a check looks up, and what its replies are about; None while it is not known."""
    match kind:
        case Kind.CHECK_CLIENT_ACCESS:
            return Search.CLIENT, context.name, client_subject(context)
        case Kind.CHECK_CCERT_ACCESS if context.tls is not None and context.tls.peer is not None:
            return Search.CERTIFICATE, context.tls.peer.fingerprint, certificate_subject(context)
        case Kind.CHECK_HELO_ACCESS if context.helo:
            return Search.DOMAIN, context.helo, helo_subject(context)
        case Kind.CHECK_SENDER_ACCESS if context.sender is not None:
            return Search.SENDER, context.sender, sender_subject(context)
        case Kind.CHECK_SASL_ACCESS if context.sasl_username:
            return Search.LOGIN, context.sasl_username, login_subject(context)
        case Kind.CHECK_RECIPIENT_ACCESS if context.recipient is not None:
            return Search.RECIPIENT, context.recipient, recipient_subject(context)
        case _:
            return None


def _act(progress: Progress, action: Action, subject: Subject, maps: Maps, depth: int) -> Evaluation[Verdict]:
    rules, decision = progress.rules, progress.decision
    head = f"<{subject.value}>: {subject.title}"
    match action.verb:
        case Verb.OK:
            return Verdict.OK
        case Verb.DUNNO:
            return Verdict.DUNNO
        case Verb.REJECT:
            text = f"{head} rejected: {action.text or 'Access denied'}"
            return refuse(progress, Rejection(rules.access_reject_code, action.status, text))
        case Verb.DEFER:
            text = f"{head} rejected: {action.text or 'Access denied'}"
            return refuse(progress, Rejection(rules.access_defer_code, action.status, text))
        case Verb.CODE:
            text = f"{head} rejected: {action.text or 'Access denied'}"
            return refuse(progress, Rejection(action.code, action.status, text))
        case Verb.DEFER_IF_PERMIT | Verb.DEFER_IF_REJECT:
            text = f"{head} rejected: {action.text or 'Service unavailable'}"
            rejection = Rejection(rules.access_defer_code, action.status, text)
            return note_deferral(progress, action.verb is Verb.DEFER_IF_PERMIT, rejection)
        case Verb.HOLD | Verb.DISCARD | Verb.FILTER | Verb.REDIRECT:
            return decide_fate(progress, action, subject, maps)
        case Verb.NOT_BUILT:
            return refuse_action(progress, action, subject, maps)
        case Verb.WARN:
            decision.notes.append(Note("warn", action.text))
            return Verdict.DUNNO
        case Verb.INFO:
            decision.notes.append(Note("info", action.text))
            return Verdict.DUNNO
        case Verb.RESTRICTIONS:
            return (yield from _nested(progress, action.text, subject, maps, depth))
        case _:
            assert_never(action.verb)


def _nested(progress: Progress, value: str, subject: Subject, maps: Maps, depth: int) -> Evaluation[Verdict]:
    """Evaluate restrictions that stand in an access table."""
    if depth >= _NESTING_LIMIT:
        progress.decision.notes.append(Note("warning", f"{maps.name}: restrictions are nested too deeply"))
        return refuse(progress, CONFIGURATION_ERROR)
    steps = parse_restrictions(value.replace(",", " ").split(), None, find_class=progress.rules.find_class)
    return (yield from _list(progress, steps, subject, depth + 1))
