"""Bring an address into standard form: user@fully.qualified.domain.

    @route:user@domain  -> user@domain          site!user    -> user@site          user%domain -> user@domain
    user                -> user@$myorigin       user@host    -> user@host.$mydomain user@domain. -> user@domain

Pure: the rules are an argument. An address that is standard already comes back as it is, which is the case that
counts; everything else is done on tokens. Rewriting never fails, it leaves nonsense alone: the resolver refuses it
with a proper status.
See: trivial-rewrite(8) STANDARDS, ADDRESS_REWRITING_README.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.tokens import AT, DOT, Kind, Token, external, find, rfind, scan

_ATEXT: Final = r"[A-Za-z0-9#$&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
STANDARD: Final = re.compile(
    rf"({_ATEXT}(?:\.{_ATEXT})*)@([A-Za-z0-9_\-\u0080-\U0010ffff]+(?:\.[A-Za-z0-9_\-\u0080-\U0010ffff]+)+)\Z"
)
"""user@fully.qualified.domain without any operator: groups are local part and domain."""


@dataclass(frozen=True, slots=True)
class RewriteRules:
    """What incomplete addresses are completed with."""

    origin: str
    """For addresses without domain; "" leaves them."""
    domain: str
    """For domains without dot; "" leaves them."""
    swap_bangpath: bool = True
    percent_hack: bool = True


@dataclass(frozen=True, slots=True)
class RewriteContexts:
    """The rules for mail of this machine, and for mail of remote clients."""

    local: RewriteRules
    remote: RewriteRules

    @classmethod
    def make(
        cls,
        *,
        myorigin: str,
        mydomain: str,
        append_at_myorigin: bool = True,
        append_dot_mydomain: bool = True,
        remote_domain: str = "",
        swap_bangpath: bool = True,
        percent_hack: bool = True,
    ) -> RewriteContexts:
        """Return the rules that the parameters of these names say."""
        operators = (swap_bangpath, percent_hack)
        return cls(
            RewriteRules(myorigin if append_at_myorigin else "", mydomain if append_dot_mydomain else "", *operators),
            RewriteRules(
                remote_domain if append_at_myorigin else "", remote_domain if append_dot_mydomain else "", *operators
            ),
        )

    def of(self, context: str) -> RewriteRules:
        """Return the rules of "local" or "remote"."""
        return self.remote if context == "remote" else self.local


def rewrite(address: str, rules: RewriteRules) -> str:
    """Return the standard form of an address (both in external form); "" stays ""."""
    if STANDARD.match(address) or not address:
        return address
    tokens = scan(address)
    rewrite_tokens(tokens, rules)
    return external(tokens) or '""'


def rewrite_tokens(tokens: list[Token], rules: RewriteRules) -> None:
    """Rewrite in place."""
    if _is_empty(tokens):
        tokens.clear()
        return
    _strip_source_route(tokens)
    if rfind(tokens, "@") < 0:
        _add_domain(tokens, rules)
    _complete_domain(tokens, rules)
    strip_trailing_dot(tokens)


def _is_empty(tokens: list[Token]) -> bool:
    """True for nothing, a lone @, and an empty quoted string."""
    return not tokens or tokens == [AT] or (len(tokens) == 1 and tokens[0] == (Kind.QUOTED, ""))


def _strip_source_route(tokens: list[Token]) -> None:
    """@host1,@host2:user@domain becomes user@domain (RFC 5321 appendix C)."""
    if tokens[0] == AT:
        colon = find(tokens, ":")
        if 0 <= colon < len(tokens) - 1:
            del tokens[: colon + 1]


def _add_domain(tokens: list[Token], rules: RewriteRules) -> None:
    """Find the domain of an address without @: site!user, user%domain, or ours."""
    bang = find(tokens, "!") if rules.swap_bangpath else -1
    percent = rfind(tokens, "%") if rules.percent_hack else -1
    if bang >= 0:
        tokens[:] = [*tokens[bang + 1 :], AT, *tokens[:bang]]
    elif percent >= 0:
        tokens[percent] = AT
    elif rules.origin:
        tokens += [AT, *scan(rules.origin)]


def _complete_domain(tokens: list[Token], rules: RewriteRules) -> None:
    """user@host becomes user@host.domain."""
    at = rfind(tokens, "@")
    if not rules.domain or at < 0 or at + 1 == len(tokens) or tokens[at + 1].kind is Kind.LITERAL:
        return
    if DOT not in tokens[at + 1 :]:
        tokens += [DOT, *scan(rules.domain)]


def strip_trailing_dot(tokens: list[Token]) -> None:
    """user@domain. becomes user@domain; two dots, and a dot alone, stay for the resolver to refuse."""
    if len(tokens) > 1 and tokens[-1] == DOT and tokens[-2] not in (DOT, AT) and rfind(tokens, "@") >= 0:
        del tokens[-1]
