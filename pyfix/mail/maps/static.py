"""static_table(5), fail_table(5): one value for every key, and failure for every key.

    static:value
    static:{a value with blanks}
    fail:name

static: is for parameters that want a table where one value is meant. fail: is for tests of what happens when a table is
out of order: each lookup is a temporary failure.

Example: all mailboxes belong to one user

    virtual_uid_maps = static:5000

See: lookup_tables(5)
"""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.inline import UnbalancedBraces, unbrace
from pyfix.mail.maps.table import Table, TableError


class StaticTable(Table):
    """The same value always."""

    def __init__(self, spec: str, value: str) -> None:
        super().__init__(spec)
        try:
            self._value = unbrace(value)
        except UnbalancedBraces as problem:
            raise ConfigError(f"bad static:name syntax: {problem}") from None

    def lookup(self, key: str) -> str | None:
        return self._value


class FailTable(Table):
    """No value ever."""

    def lookup(self, key: str) -> str | None:
        raise TableError(f'table {self.name}: query error for "{key[:100]}"')

    def entries(self) -> Iterator[tuple[str, str]]:
        raise TableError(f"table {self.name}: sequence error: Application error")
