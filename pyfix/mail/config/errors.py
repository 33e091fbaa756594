"""The one error of the configuration: a line for the log that says where, what and how to put it right.

`str(error)` never has a line break and needs no further words: it goes behind "fatal: " as it is.
"""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, line, value and remedy."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


def printable(text: str) -> str:
    """Return text with "?" for line ends and other control characters."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def one_line(text: str, limit: int = 200) -> str:
    """Return text fit for quoting in a message: no control characters, no more than limit characters."""
    clean = printable(text[: limit + 1])
    return clean if len(clean) <= limit else clean[:limit] + "..."
