"""$name in forward_path, luser_relay and command_execution_directory.

The names are about the recipient: user, home, shell, recipient, extension, domain, local, recipient_delimiter. What a
value brings in is filtered, since it comes from an address that a stranger wrote; the text of the administrator is
not. Pure.
See: local(8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pyfix.mail.config.expand import ExpandError, closing, expand

_PLAIN = re.compile(r"\$(?:\{\s*([A-Za-z0-9_]+)\s*\}|\(\s*([A-Za-z0-9_]+)\s*\)|([A-Za-z0-9_]+))")


@dataclass(frozen=True, slots=True)
class Expanded:
    """The result for one text."""

    text: str
    undefined: bool
    """A name that is unset was used unconditionally."""
    used_extension: bool


def expand_names(text: str, values: Mapping[str, str | None], allowed: str = "") -> Expanded:
    """Replace $name; characters of values that are not `allowed` become "_" (empty: all are). Raises ExpandError."""
    asked: set[str] = set()

    def lookup(name: str) -> str | None:
        asked.add(name)
        value = values.get(name)
        return None if value is None else censor(value, allowed).replace("$", "$$")

    result = expand(text, lookup)
    undefined = any(values.get(name) is None for name in _unconditional(text))
    return Expanded(result, undefined, "extension" in asked and bool(values.get("extension")))


def censor(value: str, allowed: str) -> str:
    """Return value with every character that is not allowed replaced by "_"; all are when `allowed` is empty."""
    if not allowed:
        return value
    return "".join(char if char in allowed else "_" for char in value)


def _unconditional(text: str) -> list[str]:
    """Return the names that the text uses outside ${name?...} and ${name:...}."""
    found: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        match = _PLAIN.match(text, dollar)
        if match is not None:
            found.append(match.group(1) or match.group(2) or match.group(3))
            position = match.end()
        elif text[dollar + 1 : dollar + 2] in ("{", "("):
            end = closing(text, dollar + 1)
            position = len(text) if end < 0 else end + 1
        else:
            position = dollar + 2
    return found


__all__ = ["ExpandError", "Expanded", "censor", "expand_names"]
