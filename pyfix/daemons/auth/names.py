"""The name that a login has for back ends and log.

auth_username_format = %Lu      %u user@domain, %n the part before the @, %d the one behind it; L: in lower case
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FORMAT: Final = re.compile(r"%(L?)([und])|([^%]+)|(.)", re.DOTALL)
_UNSHOWN: Final = re.compile(r"[^\w.@+=~&/-]")
"""What a name in the log must not have: it would pretend to be the rest of the line."""


class BadFormat(Exception):
    """auth_username_format is none; the text says why."""


@dataclass(frozen=True, slots=True)
class NameRules:
    """How names are made the same."""

    realm: str
    """Added behind an @ to a login without one; empty: nothing is."""
    format: str = "%Lu"

    def __post_init__(self) -> None:
        """Raises BadFormat."""
        self._apply("user@domain")

    def normalise(self, login: str) -> str:
        """Return the name that a login has."""
        if self.realm and "@" not in login:
            login = f"{login}@{self.realm}"
        return self._apply(login)

    def _apply(self, login: str) -> str:
        local, _, domain = login.rpartition("@") if "@" in login else (login, "", "")
        values = {"u": login, "n": local, "d": domain}
        made = []
        for lower, letter, plain, stray in _FORMAT.findall(self.format):
            if stray:
                raise BadFormat("specify text with %u, %n, %d, or %Lu, %Ln, %Ld for lower case")
            made.append(plain or (values[letter].lower() if lower else values[letter]))
        return "".join(made)


def show(login: str) -> str:
    """Return a login as the log has it."""
    return _UNSHOWN.sub("?", login[:120])
