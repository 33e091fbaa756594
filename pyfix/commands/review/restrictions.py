"""Restrictions of Postfix's that pyfix lacks, and where they stand in the lists.

smtpd answers 451 4.3.5 when it reaches one, so that nothing gets through: mail waits. Taken out of a list, one that
refuses lets mail in, and one that permits keeps mail out.
See: restrictions(5), SMTPD_ACCESS_README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.commands.review.omission import Loss
from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps import Maps
from pyfix.mail.restrictions.parse import Kind, parse_restrictions

LISTS: Final = tuple(
    f"smtpd_{stage}_restrictions" for stage in ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")
)

_BLOCKLISTS: Final = "DNS blocklists are not in this release"
_DNS: Final = "restrictions that ask the DNS are not in this release"
_FORMS: Final = "restrictions on the form of names are not in this release"
_VERIFICATION: Final = "address verification is not in this release"
_OTHERS: Final = "this restriction is not in this release"
_FEATURES: Final = (
    (r"(reject_rbl|reject_rhsbl|permit_dnswl|permit_rhswl)_\w+|reject_maps_rbl", _BLOCKLISTS),
    (r"check_(reverse_)?(client|helo|sender|recipient)(_hostname)?_(a|mx|ns)_access", _DNS),
    (r"check_reverse_client_hostname_access|reject_unknown_\w+|permit_mx_backup", _DNS),
    (r"reject_(invalid|non_fqdn)_\w+", _FORMS),
    (r"reject_unverified_(sender|recipient)", _VERIFICATION),
    (r"check_policy_service", "policy services are not in this release"),
    (r"permit_inet_interfaces|reject_multi_recipient_bounce|reject_unauth_pipelining", _OTHERS),
    (r"check_etrn_access|check_relay_domains|permit_naked_ip_address|sleep", _OTHERS),
)
_WITH_ARGUMENT: Final = re.compile(
    r"check_\w+_access|check_policy_service|sleep|(reject_rbl|reject_rhsbl|permit_dnswl|permit_rhswl)_\w+"
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A restriction that smtpd does not know."""

    words: tuple[str, ...]
    """With its argument, as they stand there."""
    loss_when_taken_out: Loss
    reason: str

    @property
    def effect_when_taken_out(self) -> str:
        """What becomes of mail then."""
        if self.loss_when_taken_out is Loss.DIFFERENT:
            return "whom it permits is left to the rest of the list"
        return "what it refuses is left to the rest of the list"

    @property
    def name(self) -> str:
        """The restriction's own word, in lower case."""
        return self.words[0].lower()


def find_lacking(text: str, parameter: str) -> Iterator[Lacking]:
    """Yield the restrictions of a list that pyfix lacks."""
    try:
        rest = iter(words(text, parameter))
    except ValueRefused:
        return  # which is reported as what it is
    for word in rest:
        name = word.lower()
        if name == "warn_if_reject" or "$" in word or ":" in word:
            continue
        argument = (next(rest, ""),) if takes_argument(name) else ()
        if _is_built(name):
            continue
        feature = next((reason for names, reason in _FEATURES if re.fullmatch(names, name)), "")
        if feature:
            loss = Loss.DIFFERENT if name.startswith("permit") else Loss.GUARD
            yield Lacking((word, *filter(None, argument)), loss, feature)


def takes_argument(name: str) -> bool:
    """Return whether the word behind a restriction belongs to it."""
    return _WITH_ARGUMENT.fullmatch(name) is not None


def _is_built(name: str) -> bool:
    probe = parse_restrictions([name, "static:x"] if takes_argument(name) else [name], lambda spec: Maps(spec, []))
    return probe[0].kind is not Kind.UNKNOWN
