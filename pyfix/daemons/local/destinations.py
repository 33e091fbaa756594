r"""Read the right side of an alias, a line of a .forward or of an :include: file.

    joe, "|/usr/bin/vacation joe", /var/log/mail.archive, :include:/etc/lists/friends, Joe Doe <joe@example.com>

Items are separated by commas outside quotes, comments and < >. The text of an item without its quotes decides what it
is: "/..." and "~/..." a file, "|..." a command, ":include:..." a file of further items, anything else an address. A
line that begins with "#" is a comment. Total: any text gives a list, nothing is raised.
See: aliases(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_INCLUDE: Final = ":include:"
_SPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class ToFile:
    """A file name; "~/..." stands for the home directory."""

    path: str


@dataclass(frozen=True, slots=True)
class ToCommand:
    """A command line."""

    command: str


@dataclass(frozen=True, slots=True)
class ToInclude:
    """A file of destinations."""

    path: str


@dataclass(frozen=True, slots=True)
class ToAddress:
    """An address in external form, not rewritten."""

    address: str


Destination = ToFile | ToCommand | ToInclude | ToAddress


def parse_destinations(text: str) -> list[Destination]:
    """Return the destinations in one logical line."""
    return [classify(raw, plain) for raw, plain in _items(text) if plain]


def parse_lines(text: str, line_limit: int) -> list[Destination]:
    """Return the destinations in a file's lines; longer lines are cut into pieces of `line_limit`."""
    found: list[Destination] = []
    for line in text.split("\n"):
        for start in range(0, len(line), line_limit):
            piece = line[start : start + line_limit]
            if not piece.startswith("#"):
                found += parse_destinations(piece)
    return found


def classify(raw: str, plain: str) -> Destination:
    """Return the destination; `plain` is without quotes, `raw` as it was written."""
    if plain.startswith(("/", "~")):
        return ToFile(plain)
    if plain.startswith("|"):
        return ToCommand(plain[1:].strip(_SPACE))
    if plain[: len(_INCLUDE)].lower() == _INCLUDE:
        return ToInclude(plain[len(_INCLUDE) :].strip(_SPACE))
    return ToAddress(raw)


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Yield (raw, plain) of each item, comments taken out; of "phrase <address>" the address only."""
    scanner = _Scanner(text)
    while scanner.index < len(text):
        yield scanner.item()


class _Scanner:
    """One walk over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.index = 0

    def item(self) -> tuple[str, str]:
        """Return the item that starts here, and step behind the comma that ends it."""
        raw: list[str] = []
        plain: list[str] = []
        bracket: tuple[str, str] | None = None
        while self.index < len(self.text):
            char = self.text[self.index]
            if char == ",":
                self.index += 1
                break
            if char == "(" and not _is_command(plain):
                self._skip_comment()
            elif char == "<" and not _is_command(plain):
                self.index += 1
                bracket = self._until(">")
            else:
                for part, target in zip(self._word(char), (raw, plain), strict=True):
                    target.append(part)
        return bracket or ("".join(raw).strip(_SPACE), "".join(plain).strip(_SPACE))

    def _word(self, char: str) -> tuple[str, str]:
        """Return one character, or one quoted string or escaped character, as written and as meant."""
        if char == '"':
            return self._quoted()
        if char == "\\" and self.index + 1 < len(self.text):
            self.index += 2
            escaped = self.text[self.index - 1]
            return "\\" + escaped, escaped
        self.index += 1
        return char, char

    def _quoted(self) -> tuple[str, str]:
        """Return a quoted string with its quotes, and its content."""
        start = self.index
        content: list[str] = []
        self.index += 1
        while self.index < len(self.text) and self.text[self.index] != '"':
            if self.text[self.index] == "\\" and self.index + 1 < len(self.text):
                self.index += 1
            content.append(self.text[self.index])
            self.index += 1
        self.index += 1
        return self.text[start : self.index], "".join(content)

    def _until(self, closing: str) -> tuple[str, str]:
        """Return what comes before the closing character."""
        raw: list[str] = []
        plain: list[str] = []
        while self.index < len(self.text) and self.text[self.index] != closing:
            written, meant = self._word(self.text[self.index])
            raw.append(written)
            plain.append(meant)
        self.index += 1
        return "".join(raw).strip(_SPACE), "".join(plain).strip(_SPACE)

    def _skip_comment(self) -> None:
        """Step behind a comment; comments nest."""
        depth = 0
        while self.index < len(self.text):
            char = self.text[self.index]
            self.index += 2 if char == "\\" else 1
            depth += {"(": 1, ")": -1}.get(char, 0)
            if depth == 0:
                return


def _is_command(plain: list[str]) -> bool:
    """True when the item so far is a command: parentheses and < > belong to it then."""
    return "".join(plain).lstrip(_SPACE).startswith("|")
