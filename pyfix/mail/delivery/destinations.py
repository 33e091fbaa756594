"""aliases(5): the aliases of local delivery.

    name: value, value, ...

alias_maps redirects mail for local names: to other addresses, to commands, to files. local(8) asks the tables; who
sends to a name that is in them need not be an account. newaliases(1) builds the tables of alias_database after their
text has changed.

Format: a line without white space before it begins an entry, one with white space continues it; empty lines and lines
that begin with # do not count. A name is a local part, without a domain, in quotes if it has special characters; case
does not count. The lines of a .forward and of an :include: file are like the right side of an alias. Values:

    address               mail goes there; one without a domain is local
    /file/name            the message is appended; a name that ends in "/" is a Maildir
    ~/file/name           the same, in a .forward: in the home directory
    |command              the message is its standard input; in quotes, "|command argument", when it has arguments
    :include:/file/name   all values that the file holds

Names with a meaning of their own:

    owner-list   who is told of what fails in the alias `list`, and the envelope sender of what it forwards
    postmaster   every domain needs one: RFC 5321

Search: user+ext, then user, where recipient_delimiter is "+"; never a domain.

Rights: a command or a file of an alias has the rights of the owner of the table, those of default_privs if that is
root; of an :include: file those of its owner. allow_mail_to_commands and allow_mail_to_files say where they may stand.

Failures: a table that can't be asked defers the mail, and so does an entry without any value. A loop of aliases
bounces.

Example: a person, a list with its owner, a program

    postmaster:     root
    root:           jane
    staff:          jane, joe, jim@example.com
    owner-staff:    jane
    requests:       "|/usr/local/bin/tickets --queue mail"
    newsletter:     :include:/etc/mail/lists/newsletter

See: local(8), newaliases(1), postalias(1), virtual(5)

Inside: this module reads the right side. Items are separated by commas and white space outside quotes, comments and
< >; the text of an item without its quotes decides what it is. Total: any text gives a list, nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_INCLUDE: Final = ":include:"
_SPACE: Final = " \t\r\n"
_ENDS_WORD: Final = _SPACE + ",(<"
_JOINING: Final = "@.:"


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
    """Yield (raw, plain) of each item; of "phrase <address>" the address only."""
    scanner = _Scanner(text)
    while scanner.index < len(text):
        yield from scanner.items()


class _Scanner:
    """One walk over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.index = 0

    def items(self) -> list[tuple[str, str]]:
        """Return the items up to the next comma, and step behind it.

        Words that stand side by side are items of their own, unless an address in < > follows: a name then.
        """
        words: list[tuple[str, str]] = []
        bracket: tuple[str, str] | None = None
        while self.index < len(self.text):
            char = self.text[self.index]
            if char == ",":
                self.index += 1
                break
            if char == "(":
                self._skip_comment()
            elif char == "<":
                self.index += 1
                bracket = self._until(">")
            elif char in _SPACE:
                self.index += 1
            else:
                self._add(words, self._word())
        return words if bracket is None else [bracket]

    def _add(self, words: list[tuple[str, str]], word: tuple[str, str]) -> None:
        """Add a word; around "@", "." and ":" white space separates nothing."""
        if words and (words[-1][0][-1] in _JOINING or word[0][0] in _JOINING):
            raw, plain = words.pop()
            word = (raw + word[0], plain + word[1])
        words.append(word)

    def _word(self) -> tuple[str, str]:
        """Return the text up to white space, comma, comment or bracket, as written and as meant."""
        raw: list[str] = []
        plain: list[str] = []
        while self.index < len(self.text) and (not raw or self.text[self.index] not in _ENDS_WORD):
            written, meant = self._piece()
            raw.append(written)
            plain.append(meant)
        return "".join(raw), "".join(plain)

    def _piece(self) -> tuple[str, str]:
        """Return one character, one escaped character or one quoted string."""
        char = self.text[self.index]
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
            written, meant = self._piece()
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
