"""Peel local domains off an address until its real destination shows.

    user%other@here -> user@other      other!user@here -> user@other      user@other@here -> user@other
    "user@other"@here likewise

Whoever is here relays for us, so an address that only looks local must not be taken as such. The loop ends: each
round takes tokens away or turns an operator into `@`, and a limit guards against what nobody thought of.
See: trivial-rewrite(8), resolve_dequoted_address, allow_percent_hack, swap_bangpath.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyfix.mail.address.quote import is_dot_string, quote_local, unquote_address
from pyfix.mail.address.rewrite import RewriteRules, rewrite_tokens, strip_trailing_dot
from pyfix.mail.address.tokens import AT, Kind, Token, external, internal, rfind, scan


@dataclass(frozen=True, slots=True)
class PeelRules:
    """What counts as routing."""

    rewriting: RewriteRules
    myhostname: str
    null_recipient: str
    dequote: bool = True
    null_domain: bool = False


def peel(address: str, rules: PeelRules, is_local: Callable[[str], bool]) -> tuple[str, bool]:
    """Return (recipient in external form, True when its domain is local); raises TableError from is_local."""
    tokens = _scan_exposed(unquote_address(address)) if rules.dequote else scan(address)
    saved: list[Token] = []
    for _ in range(len(address) + 100):
        strip_trailing_dot(tokens)
        if rules.null_domain and tokens and tokens[-1] == AT:
            del tokens[-1]
        at = rfind(tokens, "@")
        if at >= 0:
            domain = tokens[at + 1 :]
            if domain and not is_local(internal(domain)):
                return external(tokens), False
            saved = tokens[at:]
            del tokens[at:]
        if tokens == [AT]:
            continue
        if _is_routed(tokens, rules):
            rewrite_tokens(tokens, rules.rewriting)
        elif _is_hiding(tokens, rules):
            tokens = _crack(tokens[0].text)
            rewrite_tokens(tokens, rules.rewriting)
        elif not tokens or tokens == [Token(Kind.QUOTED, "")]:
            tokens = scan(rules.null_recipient)
        else:
            break
    if saved:
        return external(tokens + saved), True
    return external([*tokens, AT, *scan(rules.myhostname)]), is_local(rules.myhostname)


def _scan_exposed(address: str) -> list[Token]:
    """Return the tokens of an internal address, with the routing operators in its local part not hidden by quotes."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if not is_dot_string(local.replace("@", "a")):
        local = quote_local(local)
    return scan(f"{local}{at}{domain}") if local != '""' else scan(f"{at}{domain}")


def _is_routed(tokens: list[Token], rules: PeelRules) -> bool:
    if rfind(tokens, "@") >= 0:
        return True
    if rules.rewriting.swap_bangpath and rfind(tokens, "!") >= 0:
        return True
    return rules.rewriting.percent_hack and rfind(tokens, "%") >= 0


def _is_hiding(tokens: list[Token], rules: PeelRules) -> bool:
    """True for a lone quoted string with a routing operator inside."""
    if not rules.dequote or len(tokens) != 1 or tokens[0].kind is not Kind.QUOTED:
        return False
    text = tokens[0].text
    return (
        "@" in text or (rules.rewriting.percent_hack and "%" in text) or (rules.rewriting.swap_bangpath and "!" in text)
    )


def _crack(text: str) -> list[Token]:
    """Return the tokens of what a quoted local part says when its quotes are taken away."""
    operator = next(char for char in "@%!" if char in text)
    if operator == "!":
        site, _, user = text.partition("!")
        return [*scan(quote_local(user)), AT, *scan(site)]
    local, _, domain = text.rpartition(operator)
    return [*(scan(quote_local(local)) if local else ()), AT, *scan(domain)]
