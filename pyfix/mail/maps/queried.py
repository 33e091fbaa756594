"""What tables have in common that put the key into a query for a server, and what it finds into a result template.

`domain` limits which keys are asked for, `expansion_limit` how many values may come back. A key that the templates
cannot use, or that is no text, is not found, and nobody is asked. A lookup may take its time, in any thread.
See: template.py, settings.py; sql.py, ldap.py, memcache.py and redis.py build on this.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Final

from pyfix.mail.maps.match_list import STRING, MatchList
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.table import Ask, Table, TableError, encode_key
from pyfix.mail.maps.template import BadTemplate, Template, Templates

KeyValues = dict[str, str]
"""What each code of a query template stands for."""
_SHOWN: Final = 100


class KeyedTable(Table):
    """A table that somebody else keeps, asked for what templates make of a key."""

    blocking = True

    def __init__(self, name: str, settings: Settings, opening: Opening, templates: Templates) -> None:
        """Read what all have; raises ConfigError."""
        super().__init__(name)
        self._settings = settings
        self._templates = templates
        self._fold = opening.fold
        self._complain = opening.complain
        self._domains = MatchList(settings.string("domain"), "domain", settings.config, STRING)
        self.owner = settings.stamp.owner if settings.stamp else None

    def values_of(self, key: str) -> KeyValues | None:
        """Return what the codes stand for; None for a key that can't be in the table. Raises TableError."""
        if self._fold:
            key = key.casefold()
        if encode_key(key) is None or not self._may_have(key):
            return None
        return self._templates.of_key(key)

    def _may_have(self, key: str) -> bool:
        """True for an address in `domain`, or any key where there is no such list."""
        if self._domains.is_empty:
            return True
        user, _, domain = key.rpartition("@")
        try:
            return bool(user and domain) and self._domains.matches(domain)
        except TableError as error:
            raise TableError(f"{self.name}: {error}") from error

    def warn(self, text: str) -> None:
        """Log a warning."""
        self.say(self._complain, text)

    def lend(self, ask: Ask) -> None:
        super().lend(ask)
        self._domains.lend(ask)

    def has_changed(self) -> bool:
        return self._settings.has_changed() or self._domains.has_changed()


class QueriedTable(KeyedTable):
    """One in which a key may have several values, each of which goes into a template."""

    def __init__(self, name: str, settings: Settings, opening: Opening, templates: Templates, limit: int = 0) -> None:
        """limit: how many values a result may have, 0 for any number; raises ConfigError."""
        super().__init__(name, settings, opening, templates)
        self._limit = limit

    @abstractmethod
    def find(self, key: KeyValues) -> Iterable[str | None]:
        """Return the values that the server has; raises TableError."""

    def lookup(self, key: str) -> str | None:
        values = self.values_of(key)
        return None if values is None else self._join(values, self.find(values))

    def _join(self, key: KeyValues, found: Iterable[str | None]) -> str | None:
        result = ""
        count = 0
        for value in found:
            if value is None:
                continue
            if not value:
                self.warn(f'table "{self.name}": empty lookup result for: "{key["s"][:_SHOWN]}" -- ignored')
                continue
            text = self._templates.result(value, key)
            if text is None:
                continue
            count += 1
            if 0 < self._limit < count:
                raise TableError(f"{self.name}: Expansion limit exceeded for key: '{key['s'][:_SHOWN]}'")
            result += f",{text}" if result else text
        return result or None


def read_template(settings: Settings, name: str, default: str) -> Template:
    """Return the template that a setting holds; raises ConfigError."""
    return parse_template(settings, name, settings.string(name, default, low=1))


def parse_template(settings: Settings, name: str, text: str) -> Template:
    """Return a template; its text stands in a setting, which errors name; raises ConfigError."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        raise settings.refuse(name, f"{name}: the quotes around the text are a part of it; remove them")
    try:
        return Template.parse(text)
    except BadTemplate as problem:
        raise settings.refuse(name, f"{name}: {problem}") from None
