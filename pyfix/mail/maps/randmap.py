"""randmap_table(5): one of several values by chance, whatever the key.

    randmap:{value, value ...}

Values cannot hold blanks or commas; one that stands there twice comes twice as often.

Example: mail leaves through either of two relays

    transport_maps = randmap:{smtp:[relay1.example.com],
        smtp:[relay2.example.com]}

See: lookup_tables(5), transport(5)
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
