"""What is known of a token, and whether that makes it good. Pure but for Tokens.check, which asks its source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.mail.config.errors import one_line

Claims = Mapping[str, object]
_AUDIENCE: Final = ("aud", "azp", "client_id")
_LEEWAY_S: Final = 60
"""How far clocks may differ."""


class TokenRefused(Exception):
    """The token is no good; the text is for the log."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class TokenUnavailable(Exception):
    """Nobody can say whether it is; the text, for the log, names the address."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class TokenSource(ABC):
    """Where the claims of a token come from."""

    @abstractmethod
    def read(self, token: str) -> Claims:
        """Return what can be believed of a token; raises TokenRefused, TokenUnavailable."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which tokens are good."""

    username_attribute: str
    active_attribute: str = ""
    """Empty: there is none."""
    active_value: str = "true"
    issuers: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audience: str = ""
    """For whom a token must have been made (aud, azp or client_id); empty: for anybody."""


class Tokens:
    """Tokens of one issuer."""

    def __init__(self, source: TokenSource, rules: Rules, configuration_url: str = "") -> None:
        self._source = source
        self._rules = rules
        self.scope = " ".join(rules.scopes)
        self.configuration_url = configuration_url

    def check(self, token: str) -> str:
        """Return whose token it is; raises TokenRefused, TokenUnavailable."""
        return find_login(self._source.read(token), self._rules, clock.now())


def find_login(claims: Claims, rules: Rules, now: float) -> str:
    """Return the login that the claims name; raises TokenRefused."""
    if rules.active_attribute and _text(claims.get(rules.active_attribute)) != rules.active_value:
        raise TokenRefused(f"the token is not {rules.active_attribute}")
    _check_time(claims, now)
    if rules.issuers and _text(claims.get("iss")) not in rules.issuers:
        raise TokenRefused(f"a token of issuer {_text(claims.get('iss'))}, which is not in auth_oauth2_issuers")
    if rules.audience and not any(rules.audience in _words(claims.get(name)) for name in _AUDIENCE):
        raise TokenRefused("the token is meant for somebody else (aud)")
    missing = [scope for scope in rules.scopes if scope not in _words(claims.get("scope") or claims.get("scp"))]
    if missing:
        raise TokenRefused(f"the token is not good for {' '.join(missing)} (scope)")
    if rules.username_attribute == "email" and claims.get("email_verified", True) in (False, "false"):
        raise TokenRefused("the issuer has not verified the address (email_verified)")
    login = claims.get(rules.username_attribute)
    if not isinstance(login, str) or not login or not login.isprintable():
        raise TokenRefused(f"the token names nobody ({rules.username_attribute})")
    return login


def _check_time(claims: Claims, now: float) -> None:
    for name, is_end in (("exp", True), ("nbf", False)):
        value = claims.get(name)
        if value is None:
            continue
        try:
            moment = float(value) if isinstance(value, (int, float, str)) else float("nan")
        except (ValueError, OverflowError):
            moment = float("nan")
        if is_end and not moment > now - _LEEWAY_S:
            raise TokenRefused("the token has expired")
        if not is_end and not moment < now + _LEEWAY_S:
            raise TokenRefused("the token is not good yet")


def _text(value: object) -> str:
    """Return a value as text; true and false as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _words(value: object) -> list[str]:
    """Return the words of a list, or of a text with blanks."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return value.split() if isinstance(value, str) else []
