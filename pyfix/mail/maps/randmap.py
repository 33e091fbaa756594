"""The `randmap:{value, value ...}` table: one of the values by chance, whatever the key.

Values cannot hold blanks or commas; one that stands there twice comes twice as often.
See: DATABASE_README.
"""

from __future__ import annotations

import random

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.inline import brace_words
from pyfix.mail.maps.table import Table


class RandomTable(Table):
    """Has every key, with another value each time."""

    def __init__(self, name: str, values: list[str]) -> None:
        super().__init__(name)
        self._values = values

    def lookup(self, key: str) -> str | None:
        return random.choice(self._values)


def open_random(spec: str, name: str) -> Table:
    """Return the table; raises ConfigError."""
    need = 'need "randmap:{value...}"'
    values = brace_words(spec, name, need)
    if not values:
        raise ConfigError(f'empty table: "{spec}"; {need}')
    return RandomTable(spec, values)
