"""Values that are the content of files: postmap -F.

Where a table is made of text (static, texthash, patterns) a value names files, separated by commas and white space,
and stands for what is in them, with a line break between two. An index holds the BASE64 of that instead, as do all
other tables.

Content is bytes of any kind; as text, those that are no UTF-8 are surrogates.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from pyfix.mail.maps.table import Table, TableError

_NAMING: Final = frozenset({"static", "inline", "texthash", "regexp", "pcre", "cidr", "randmap"})
"""Types whose values name files."""


def read_files(value: str) -> str:
    """Return the content of the files that a value names; raises OSError."""
    content = []
    for name in value.replace(",", " ").split():
        with open(name, "rb") as file:
            content.append(file.read())
    return b"\n".join(content).decode("utf-8", "surrogateescape")


def encode_content(content: str) -> str:
    """Return what an index holds for the content."""
    return base64.b64encode(content.encode("utf-8", "surrogateescape")).decode("ascii")


class FileValues(Table):
    """Gives the content that another table's values stand for."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.name)
        self._table = table
        self._names_files = table.name.partition(":")[0] in _NAMING

    def lookup(self, key: str) -> str | None:
        value = self._table.lookup(key)
        return None if value is None else self._content(key, value)

    def entries(self) -> Iterator[tuple[str, str]]:
        for key, value in self._table.entries():
            yield key, self._content(key, value)

    def _content(self, key: str, value: str) -> str:
        if not self._names_files:
            return self._decode(key, value)
        try:
            return read_files(value)
        except OSError as error:
            raise TableError(f"open {error.filename}: {error.strerror}") from error

    def _decode(self, key: str, value: str) -> str:
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
        except (binascii.Error, ValueError) as error:
            raise TableError(f"table {self.name}: key {key[:100]}: malformed BASE64 value: {value[:100]}") from error
