"""Does the sender address belong to who has logged in?

    reject_sender_login_mismatch                    both of the next two
    reject_authenticated_sender_login_mismatch      who has logged in must own the sender address
    reject_unauthenticated_sender_login_mismatch    an address with an owner is only for who has logged in
    reject_known_sender_login_mismatch              as the first, but who has logged in may use addresses without owner

smtpd_sender_login_maps says who owns an address: one login, or several. The null sender is everybody's. Without logins
(smtpd_sasl_auth_enable = no) they say nothing, which the log has for each of them, as in Postfix.
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.address.quote import unquote_address
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.restrictions.parse import Kind
from pyfix.mail.restrictions.progress import Progress, Verdict, refuse
from pyfix.mail.restrictions.questions import Evaluation, Lookup, LookupFailed, Note, Rejection, Resolve, Search
from pyfix.mail.restrictions.recipient import retry

_AUTHENTICATED: Final = Kind.REJECT_AUTHENTICATED_SENDER_LOGIN_MISMATCH
_UNAUTHENTICATED: Final = Kind.REJECT_UNAUTHENTICATED_SENDER_LOGIN_MISMATCH


def ignore_without_sasl(progress: Progress, kind: Kind) -> Verdict:
    """Tell that a restriction says nothing because nobody can log in."""
    kinds = (_AUTHENTICATED, _UNAUTHENTICATED) if kind is Kind.REJECT_SENDER_LOGIN_MISMATCH else (kind,)
    for each in kinds:
        progress.decision.notes.append(Note("warning", f"restriction `{each.value}' ignored: no SASL support"))
    return Verdict.DUNNO


def check_owner(progress: Progress, kind: Kind) -> Evaluation[Verdict]:
    """Apply one of the four."""
    context, rules = progress.context, progress.rules
    sender, login = context.sender, context.sasl_username
    if not rules.has_logins:
        return ignore_without_sasl(progress, kind)
    if not sender or rules.login_maps is None or rules.login_maps.is_empty:
        return Verdict.DUNNO
    if kind is (_AUTHENTICATED if login is None else _UNAUTHENTICATED):
        return Verdict.DUNNO
    shown = unquote_address(sender)
    try:
        owners = yield from _owners(progress, sender)
    except LookupFailed:
        return refuse(progress, retry(shown))
    problem = _mismatch(owners, login, allows_unknown=kind is Kind.REJECT_KNOWN_SENDER_LOGIN_MISMATCH)
    if not problem:
        return Verdict.DUNNO
    return refuse(progress, Rejection(553, "5.7.1", f"<{shown}>: Sender address rejected: {problem}"))


def _owners(progress: Progress, sender: str) -> Evaluation[list[str] | None]:
    """Return the logins that own an address, None for one that the table does not have."""
    assert progress.rules.login_maps is not None
    resolved: Resolved = yield Resolve(sender)
    if resolved.problem:
        raise LookupFailed(resolved.problem)
    value: str | None = yield Lookup(Search.ALIAS, progress.rules.login_maps, resolved.recipient)
    return None if value is None else value.replace(",", " ").split()


def _mismatch(owners: list[str] | None, login: str | None, *, allows_unknown: bool) -> str:
    """Return what is wrong, "" for nothing."""
    if login is None:
        return "" if owners is None else "not logged in"
    if owners is None and allows_unknown:
        return ""
    if owners is not None and login.casefold() in (owner.casefold() for owner in owners):
        return ""
    return f"not owned by user {login}"
