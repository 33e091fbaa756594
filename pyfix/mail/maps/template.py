"""table_queries(5): the settings, queries and results of tables in databases.

    sqlite:/etc/pyfix/aliases.cf

Tables that somebody else keeps are described by settings of their own. A name that begins with / or . is a file of
lines name = value, in which $ is an ordinary character. Another is a prefix: the settings are those of main.cf whose
names begin with it and an underscore, and $name is replaced.

These settings all such tables have:

    domain             the domains whose addresses are asked for: a list as in match_list(5); all keys otherwise
    result_format      what becomes of a value that was found; %s otherwise
    expansion_limit    how many values a result may have; any number with 0, and otherwise

And those with SQL:

    query                   the query
    table, select_field     in the place of query, as before Postfix 2.2: the table and the column of the value,
    where_field             the column of the key,
    additional_conditions   and what is to follow

In a query these stand for parts of the key, in a result for parts of the value that was found:

    %s           the whole
    %u           the local part; the whole where there is no domain
    %d           the domain
    %S, %U, %D   always the key's
    %1 ... %9    a label of the key's domain, counted from the right: com, example in example.com
    %%           a percent sign

What cannot be filled in is not asked for: a key without a domain is never in a table whose templates have %d, and a
value without one is left out of the result. What a key puts into a query is quoted as the database needs it. Several
values are joined with commas.

Failures: a setting that nothing asks for is warned about; one that is wrong is refused with file and line. A result
beyond expansion_limit is a temporary failure.

Example: mailboxes that are in use

    dbpath = /var/lib/mail/accounts.db
    query = SELECT dir FROM mailbox WHERE name = '%s' AND active = 1
    result_format = %s/Maildir/

See: lookup_tables(5), ldap_table(5), memcache_table(5), mysql_table(5), pgsql_table(5), redis_table(5),
sqlite_table(5), match_list(5)

Inside: this module is about the templates, and pure: no server is asked here. settings.py reads the settings,
queried.py and sql.py are what the types build on.
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
