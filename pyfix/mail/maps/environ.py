"""environ_table(5): the environment of the process, a value for each name.

    environ:

What processes have there is decided by import_environment. Like all keys the name folds to lower case, so that only
names in lower case can be asked for, except with `postmap -f`.

See: lookup_tables(5), postmap(1)
"""

from __future__ import annotations

import os

from pyfix.mail.maps.table import Table


class EnvironTable(Table):
    """Looks names up in the environment; the part behind the colon is of no importance."""

    def __init__(self, name: str, *, fold: bool = True) -> None:
        super().__init__(name)
        self._fold = fold

    def lookup(self, key: str) -> str | None:
        return os.environ.get(key.casefold() if self._fold else key)
