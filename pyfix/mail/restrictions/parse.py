"""Turn the words of a restriction list into values.

Tables are opened by the caller. A word that is no restriction stays in the list as UNKNOWN, because Postfix reports
it when it is reached: mail waits (451) until the administrator has corrected it, and no mail is refused for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyfix.mail.maps import Maps

OpenMaps = Callable[[str], Maps]
FindClass = Callable[[str], "Steps | None"]
"""Returns the steps of a restriction class, None for what is no class."""


class Kind(Enum):
    """The restrictions that are built, by their names in main.cf."""

    PERMIT = "permit"
    REJECT = "reject"
    DEFER = "defer"
    DEFER_IF_PERMIT = "defer_if_permit"
    DEFER_IF_REJECT = "defer_if_reject"
    PERMIT_MYNETWORKS = "permit_mynetworks"
    PERMIT_SASL_AUTHENTICATED = "permit_sasl_authenticated"
    PERMIT_AUTH_DESTINATION = "permit_auth_destination"
    REJECT_UNAUTH_DESTINATION = "reject_unauth_destination"
    DEFER_UNAUTH_DESTINATION = "defer_unauth_destination"
    REJECT_UNLISTED_RECIPIENT = "reject_unlisted_recipient"
    REJECT_UNLISTED_SENDER = "reject_unlisted_sender"
    REJECT_SENDER_LOGIN_MISMATCH = "reject_sender_login_mismatch"
    REJECT_AUTHENTICATED_SENDER_LOGIN_MISMATCH = "reject_authenticated_sender_login_mismatch"
    REJECT_KNOWN_SENDER_LOGIN_MISMATCH = "reject_known_sender_login_mismatch"
    REJECT_UNAUTHENTICATED_SENDER_LOGIN_MISMATCH = "reject_unauthenticated_sender_login_mismatch"
    CHECK_CLIENT_ACCESS = "check_client_access"
    CHECK_HELO_ACCESS = "check_helo_access"
    CHECK_SENDER_ACCESS = "check_sender_access"
    CHECK_RECIPIENT_ACCESS = "check_recipient_access"
    CHECK_SASL_ACCESS = "check_sasl_access"
    CHECK_CCERT_ACCESS = "check_ccert_access"
    PERMIT_TLS_CLIENTCERTS = "permit_tls_clientcerts"
    PERMIT_TLS_ALL_CLIENTCERTS = "permit_tls_all_clientcerts"
    REJECT_PLAINTEXT_SESSION = "reject_plaintext_session"
    CLASS = "(class)"
    """A name of smtpd_restriction_classes."""
    UNKNOWN = ""


_NAMES: Final = {kind.value: kind for kind in Kind if kind.value.isidentifier()} | {
    "check_recipient_maps": Kind.REJECT_UNLISTED_RECIPIENT,
}
_WITH_TABLE: Final = (
    Kind.CHECK_CLIENT_ACCESS,
    Kind.CHECK_HELO_ACCESS,
    Kind.CHECK_SENDER_ACCESS,
    Kind.CHECK_RECIPIENT_ACCESS,
    Kind.CHECK_SASL_ACCESS,
    Kind.CHECK_CCERT_ACCESS,
)
_GUARDS: Final = (
    Kind.REJECT_UNAUTH_DESTINATION,
    Kind.DEFER_UNAUTH_DESTINATION,
    Kind.REJECT,
    Kind.DEFER,
    Kind.DEFER_IF_PERMIT,
)


@dataclass(frozen=True, slots=True)
class Restriction:
    """One step of a list."""

    kind: Kind
    name: str
    """As written."""
    maps: Maps | None = None
    only_warns: bool = False
    """warn_if_reject stands before it."""
    steps: Steps = ()
    """Of a class."""


Steps = tuple[Restriction, ...]


def parse_restrictions(
    words: Iterable[str],
    open_maps: OpenMaps | None,
    default_check: Kind = Kind.UNKNOWN,
    find_class: FindClass | None = None,
) -> Steps:
    """Return the steps of a list; `default_check` is what a bare type:table means in it.

    Without `open_maps` (the right-hand side of an access table) a table is unknown.
    """
    steps: list[Restriction] = []
    only_warns = False
    rest = iter(words)
    for word in rest:
        name = word.lower()
        if name == "warn_if_reject":
            only_warns = True
            continue
        step = _step(word, name, rest, open_maps, default_check, only_warns)
        if step.kind is Kind.UNKNOWN and find_class is not None and (inner := find_class(word)) is not None:
            step = Restriction(Kind.CLASS, word, None, only_warns, inner)
        steps.append(step)
        only_warns = False
    return tuple(steps)


def _step(
    word: str, name: str, rest: Iterable[str], open_maps: OpenMaps | None, default_check: Kind, only_warns: bool
) -> Restriction:
    kind = _NAMES.get(name, Kind.UNKNOWN)
    table = ""
    if kind in _WITH_TABLE:
        table = next(iter(rest), "")
    elif kind is Kind.UNKNOWN and ":" in word:
        kind, table = default_check, word
    if kind not in _WITH_TABLE:
        return Restriction(kind, word, None, only_warns)
    if not table or open_maps is None:
        return Restriction(Kind.UNKNOWN, word, None, only_warns)
    return Restriction(kind, word, open_maps(table), only_warns)


def guards_against_relaying(lists: Iterable[Sequence[Restriction]]) -> bool:
    """True when some list has a restriction that keeps strangers from relaying: without one, smtpd must not start."""
    return any(
        not step.only_warns and (step.kind in _GUARDS or guards_against_relaying([step.steps]))
        for steps in lists
        for step in steps
    )


def class_finder(
    classes: Mapping[str, Sequence[str]], open_maps: OpenMaps, default_check: Kind = Kind.UNKNOWN
) -> FindClass:
    """Return what finds the steps of classes, in lists where a bare type:table means `default_check`.

    A class in itself is no class: to be reached there is the mistake that it is in Postfix.
    """

    def find(name: str) -> Steps | None:
        if name not in classes:
            return None
        others = {other: words for other, words in classes.items() if other != name}
        return parse_restrictions(
            classes[name], open_maps, default_check, class_finder(others, open_maps, default_check)
        )

    return find
