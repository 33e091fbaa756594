"""Which part of an environment is left: a name keeps its variable, name=value sets one.

A group in braces, `{ name=value }`, is one word whatever blanks and commas are in it.
See: import_environment and export_environment in postconf(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def choose(words: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the words of such a list name; one that `own` lacks is left out."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = _without_braces(word).partition("=")
        if equals:
            found[name] = value
        elif name in own:
            found[name] = own[name]
    return found


def _without_braces(word: str) -> str:
    return word[1:-1].strip() if word.startswith("{") and word.endswith("}") else word
