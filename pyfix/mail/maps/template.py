"""Query and result templates: `%` and a letter stand for parts of the key that is looked up, or of what was found.

    %s whole   %u local part   %d domain   %1 ... %9 label of the key's domain, from the right   %% percent sign

In a query all of them mean the key, and %S %U %D are the same as the small letters. In a result %s %u %d mean the value
found, the others the key. What cannot be filled in is not asked for: a key without a domain is never in a table whose
templates have %d, and a value without one is left out of the result.
Pure: no server is asked here.
See: mysql_table(5), ldap_table(5), memcache_table(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Quote = Callable[[str], str]
_CODE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIGITS: Final = "123456789"


class BadTemplate(ValueError):
    """The text is no template; str() is the message."""


@dataclass(frozen=True, slots=True)
class Template:
    """One parsed text."""

    text: str
    pieces: tuple[str, ...]
    """Literal texts and, at odd places, code letters."""

    @classmethod
    def parse(cls, text: str) -> Template:
        """Return the template; raises BadTemplate."""
        pieces = tuple(_CODE.split(text))
        for code in pieces[1::2]:
            if not code or code not in f"%sudSUD{_DIGITS}":
                raise BadTemplate(f'invalid template "{text}": "%{code}" is none of %% %s %u %d %S %U %D %1 ... %9')
        return cls(text, pieces)

    @property
    def codes(self) -> frozenset[str]:
        """The letters that stand for something."""
        return frozenset(self.pieces[1::2]) - {"%"}

    def fill(self, values: dict[str, str], quote: Quote | None = None) -> str:
        """Return the text with all codes replaced."""
        parts = list(self.pieces)
        for index in range(1, len(parts), 2):
            code = parts[index]
            parts[index] = "%" if code == "%" else quote(values[code]) if quote else values[code]
        return "".join(parts)


class Templates:
    """The templates of one table: what one of them needs, the key of every lookup must have."""

    def __init__(self, queries: list[Template], result: Template | None = None) -> None:
        asked = frozenset().union(*(query.codes for query in queries))
        given = result.codes if result else frozenset()
        digits = (asked | given) & set(_DIGITS)
        self._labels = max(map(int, digits), default=0)
        self._key_user = bool(asked & set("uU") or "U" in given)
        self._key_domain = bool(asked & set("dD") or "D" in given or digits)
        self._value_user = "u" in given
        self._value_domain = "d" in given
        self._result = result

    def of_key(self, key: str) -> dict[str, str] | None:
        """Return what each code of a query stands for; None for a key that has not all that is needed."""
        if not key:
            return None
        user, domain = _split(key)
        if (self._key_domain and not domain) or (self._key_user and not user):
            return None
        values = {"s": key, "S": key, "u": user, "d": domain}
        values |= {"U": values["u"], "D": domain}
        if self._labels:
            labels = [label for label in domain.split(".") if label]
            if len(labels) < self._labels:
                return None
            values |= {str(number): labels[-number] for number in range(1, self._labels + 1)}
        return values

    def result(self, value: str, key_values: dict[str, str]) -> str | None:
        """Return a value found as the result template makes it; None for one that has not all that is needed."""
        if self._result is None:
            return value
        user, domain = _split(value)
        if (self._value_domain and not domain) or (self._value_user and not user):
            return None
        return self._result.fill(key_values | {"s": value, "u": user, "d": domain})


def _split(address: str) -> tuple[str, str]:
    """Return local part and domain; what has no "@" is all local part."""
    user, at, domain = address.rpartition("@")
    return (user, domain) if at else (address, "")
