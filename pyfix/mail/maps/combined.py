"""Tables made of tables.

`unionmap:{a:x, b:y}` joins all results with commas, `pipemap:{a:x, b:y}` looks each result up in the next table.
See: DATABASE_README.
"""

from __future__ import annotations

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.inline import brace_words, unbrace
from pyfix.mail.maps.table import Ask, Table


def parse(spec: str, name: str) -> list[str]:
    """Return the type:name of each part; raises ConfigError."""
    need = f'need "{spec.partition(":")[0]}:{{type:name...}}"'
    parts = [unbrace(word) for word in brace_words(spec, name, need)]
    if not parts:
        raise ConfigError(f'empty table: "{spec}"; {need}')
    return parts


class _Combined(Table):
    def __init__(self, name: str, parts: list[Table]) -> None:
        super().__init__(name)
        self._parts = parts
        self.is_pattern = any(part.is_pattern for part in parts)
        self.blocking = any(part.blocking for part in parts)

    def lend(self, ask: Ask) -> None:
        for part in self._parts:
            part.lend(ask)

    def has_changed(self) -> bool:
        return any(part.has_changed() for part in self._parts)


class UnionTable(_Combined):
    """All results, in the order of the tables."""

    def lookup(self, key: str) -> str | None:
        found = [value for part in self._parts if (value := part.lookup(key)) is not None]
        return ",".join(found) if found else None


class PipeTable(_Combined):
    """The result of the last table; None as soon as one has none."""

    def lookup(self, key: str) -> str | None:
        for part in self._parts:
            value = part.lookup(key)
            if value is None:
                return None
            key = value
        return key
