"""Ask the auth service for a password, for protocols that know nothing but names and passwords."""

from __future__ import annotations

import pwd
import re
from collections.abc import Iterable
from typing import Final

from pyfix.mail.config import Config
from pyfix.mail.sasl.answers import Accepted, Answer, Rejected, Request
from pyfix.mail.sasl.client import AuthClient

AUTH_SOCKET: Final = "private/auth"
_SERVICE: Final = re.compile(r"[a-z0-9_-]{1,20}")
_SERVICES: Final = {"pop": "pop3", "login": "smtp", "esmtp": "smtp", "submission": "smtp"}
"""What others call the services of auth."""


def service_name(text: str) -> str:
    """Return auth's name for a service of another mail system; smtp for what is none."""
    name = text.lower()
    return _SERVICES.get(name, name) if _SERVICE.fullmatch(name) else "smtp"


async def ask_password(
    client: AuthClient, login: bytes, password: bytes, service: str, *, wants_ticket: bool = False
) -> Answer:
    """Return what auth says: Accepted or Rejected. A name or a password with NUL in it is nobody's."""
    if not login or not password or b"\0" in login + password:
        return Rejected()
    request = Request(
        "PLAIN", service, is_secured=True, response=b"\0%s\0%s" % (login, password), wants_ticket=wants_ticket
    )
    exchange = client.exchange(request)
    answer = await exchange.begin()
    if isinstance(answer, Accepted | Rejected):
        return answer
    exchange.cancel()
    return Rejected(is_temporary=True)


def user_ids(names: Iterable[str], optional: str, parameter: str, config: Config) -> frozenset[int]:
    """Return the ids of Unix users that a parameter lists; raises ConfigError.

    optional: one more, which an ordinary user's system need not have.
    """
    found: set[int] = set()
    for name in (optional, *names):
        try:
            found.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            if name != optional:
                raise config.refuse(parameter, f"{parameter}: unknown user: {name}; correct it") from None
    return frozenset(found)
