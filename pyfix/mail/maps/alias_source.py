"""The entries of an alias file: `name: value, value ...`; see aliases(5).

Name and value are words as in an address header: the name loses its quotes, comments stay. The value is written anew
with no more white space than it needs, so that what was folded over lines is one; quotes stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyfix.mail.address.tokens import Token, find, internal, scan
from pyfix.mail.maps.source import Entry, LogicalLine
from pyfix.mail.maps.table import Warn
from pyfix.mail.message.address_list import write


def alias_entries(lines: Iterable[LogicalLine], path: str, warn: Warn) -> Iterator[Entry]:
    """Yield the entries; a line that is none, or whose name has a domain, is left out with a warning."""
    for line in lines:
        name, value = split_alias_line(line.text)
        if not name or not value or find(name, ",") >= 0:
            warn(f"{path}, line {line.number}: need name:value pair")
        elif find(name, "@") >= 0:
            warn(f"{path}, line {line.number}: name must be local")
        else:
            yield Entry(internal(name), internal(Token(token.kind, write(token)) for token in value), line.number)


def split_alias_line(text: str) -> tuple[list[Token], list[Token]]:
    """Return name and value; the first is empty when there is no colon."""
    tokens = scan(text)
    colon = find(tokens, ":")
    return (tokens[:colon], tokens[colon + 1 :]) if colon >= 0 else ([], tokens)
