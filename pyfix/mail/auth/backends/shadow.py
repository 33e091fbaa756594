"""The back end `shadow`: Unix users, by the hashes of shadow(5).

As `saslauthd -a shadow` checks them: an account or a password that has expired is of no use. The name of a login is
that of the user, alone or with a domain that is delivered to Unix users.
"""

from __future__ import annotations

import pwd
from typing import Final

from pyfix.base import clock
from pyfix.base.shadow import ShadowEntry, find_shadow
from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place, Secret
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.places import find_unix_user

_DAY_S: Final = 86400
_ELSEWHERE: Final = "x"
"""What passwd(5) has where the password is in shadow(5)."""


class ShadowBackend(LookupBackend):
    """Asks the name service."""

    name = "shadow"

    def __init__(self, context: Context) -> None:
        self._places = context.places

    def find(self, attempt: Attempt) -> Account | None:
        """Return the user with the stored hash."""
        user = self._user(attempt.login)
        if user is None:
            return None
        if user.pw_passwd != _ELSEWHERE:
            return _account(user.pw_name, user.pw_passwd, "")
        try:
            entry = find_shadow(user.pw_name)
        except OSError as error:
            raise BackendUnavailable(
                f"shadow: {error.strerror}; auth must begin as root: write n for unpriv in its line of master.cf"
            ) from error
        if entry is None:
            return None
        return _account(user.pw_name, entry.password, shadow_obstacle(entry, int(clock.now() // _DAY_S)))

    def locate(self, user: str, service: str) -> Place | None:
        """Return where local(8) delivers."""
        found = self._user(user)
        return None if found is None else self._places.of_unix_user(found)

    def _user(self, login: str) -> pwd.struct_passwd | None:
        name = self._places.unix_name(login) if is_askable(login) else None
        return None if name is None else find_unix_user(name)


def shadow_obstacle(entry: ShadowEntry, today: int) -> str:
    """Return why a user may not log in, empty if nothing is in the way; today: days since 1970-01-01."""
    if 0 <= entry.expires < today:
        return "the account has expired"
    if entry.last_change == 0:
        return "the password has to be changed first"
    if entry.last_change > 0 and entry.maximum >= 0 and entry.inactive >= 0:
        if today - entry.last_change > entry.maximum + entry.inactive:
            return "the password has expired"
    elif entry.last_change > 0 and 0 <= entry.maximum < today - entry.last_change:
        return "the password has expired"
    return ""


def _account(user: str, stored: str, obstacle: str) -> Account:
    """Return the account; a text that no password gives (*, !) is no secret, and ! before one has locked it."""
    if stored.startswith("!"):
        return Account(user, (), obstacle or "the password is locked")
    if not stored or stored.startswith("*"):
        return Account(user, (), obstacle or "there is no password")
    return Account(user, (Secret(stored, "CRYPT"),), obstacle)


def open_shadow(name: str, context: Context) -> ShadowBackend:
    """Return the back end; raises ConfigError."""
    if name:
        raise context.refuse("shadow takes no file; specify shadow alone")
    return ShadowBackend(context)
