"""Unix users: who a local part is, and whose rights a delivery has.

Rights travel with an expansion: nobody's at first (root's aliases), then those of a user whose .forward, alias table or
:include: file is followed. `privileged` stands for root: commands and files use default_privs in its place.
"""

from __future__ import annotations

import pwd
from dataclasses import dataclass

from pyfix.base import accounts
from pyfix.mail.config import ConfigError


@dataclass(frozen=True, slots=True)
class User:
    """Rights and surroundings of a delivery."""

    uid: int = 0
    gid: int = 0
    name: str = ""
    home: str | None = None
    shell: str | None = None

    @property
    def is_privileged(self) -> bool:
        """True for root and for nobody in particular."""
        return self.uid == 0


NOBODY_YET = User()


class UserLookupError(Exception):
    """The user database could not be asked: temporary."""


def find_user(name: str) -> User | None:
    """Return the user of this name, or None; raises UserLookupError."""
    try:
        entry = accounts.find_user(name)
    except OSError as error:
        raise UserLookupError(f"error looking up passwd info for {name}: {error.strerror}") from error
    return None if entry is None else _user(entry)


def user_of_uid(uid: int) -> User | None:
    """Return the user with this number, or None."""
    try:
        return _user(pwd.getpwuid(uid))
    except KeyError:
        return None


def default_user(name: str, can_switch: bool) -> User:
    """Return the user of default_privs; raises ConfigError for one that is as mighty as root."""
    try:
        user = find_user(name)
    except UserLookupError as error:
        raise ConfigError(f"parameter default_privs: {error}") from error
    if user is None:
        if not can_switch:
            return NOBODY_YET
        raise ConfigError(f"parameter default_privs: unknown user name value: {name}")
    if user.uid == 0:
        raise ConfigError(f"parameter default_privs: user {name} has privileged user ID")
    if user.gid == 0:
        raise ConfigError(f"parameter default_privs: user {name} has privileged group ID")
    return User(user.uid, user.gid)


def _user(entry: pwd.struct_passwd) -> User:
    return User(entry.pw_uid, entry.pw_gid, entry.pw_name, entry.pw_dir or None, entry.pw_shell or None)
