"""unionmap_table(5), pipemap_table(5): tables made of tables.

    unionmap:{type:name, type:name ...}
    pipemap:{type:name, type:name ...}

unionmap: joins the results of all tables that have the key, with commas between them. pipemap: looks the key up in the
first table, the result in the second and so on; the last result counts, and none as soon as a table has none.

Failures: a table that can't be asked makes the whole a temporary failure.

Example: mail for the staff goes to everybody whom any of two tables names

    virtual_alias_maps = unionmap:{hash:/etc/pyfix/staff,
        hash:/etc/pyfix/guests}

See: lookup_tables(5)
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.inline import brace_words
from pyfix.mail.maps.table import Ask, Table

TYPES: Final = ("pipemap", "unionmap")


def parse(spec: str, name: str) -> list[str]:
    """Return the type:name of each part; raises ConfigError."""
    need = f'need "{spec.partition(":")[0]}:{{type:name...}}"'
    parts = brace_words(spec, name, need)
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
