r"""Translate a POSIX extended regular expression into Python's.

What differs and is translated: bracket expressions (`[[:alpha:]]`, a backslash and a leading `]` stand for themselves),
`\<` `\>`, a backslash before a letter that means nothing in POSIX, doubled quantifiers, `$` that matches only the
very end, `.` that matches a line break. What stays different: of several matches at one place POSIX takes the
longest, Python the first alternative that fits. It shows only in what `$1` holds after `(a|ab)`, never in whether a
key matches.
See: regex(7), regexp_table(5).
"""

from __future__ import annotations

import re
from typing import Final

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_GNU_ESCAPES: Final = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}
_SAME_IN_BOTH: Final = "wWsSbB123456789"
_INTERVAL = re.compile(r"\{(\d*)(,?)(\d*)\}")


class BadExpression(ValueError):
    """The text is no regular expression; str() says why."""


class _Translator:
    """One walk over the pattern; `out` is the translation so far."""

    def __init__(self, pattern: str, multiline: bool) -> None:
        self.pattern = pattern
        self.multiline = multiline
        self.index = 0
        self.out: list[str] = []
        self.has_atom = False
        self.has_quantifier = False

    def translate(self) -> str:
        while self.index < len(self.pattern):
            self._step(self.pattern[self.index])
        return "".join(self.out)

    def _step(self, char: str) -> None:
        match char:
            case "\\":
                self._escape()
            case "[":
                self._bracket()
            case "*" | "+" | "?":
                self._quantifier(char)
            case "{":
                self._interval()
            case "(" | "|":
                self._put(char, atom=False)
            case "^":
                self._put("^", atom=False)
            case "$":
                self._put("$" if self.multiline else r"\Z", atom=False)
            case ")" | ".":
                self._put(char)
            case _:
                self._put(re.escape(char))

    def _put(self, text: str, atom: bool = True, length: int = 1) -> None:
        self.out.append(text)
        self.has_atom = atom
        self.has_quantifier = False
        self.index += length

    def _escape(self) -> None:
        if self.index + 1 >= len(self.pattern):
            raise BadExpression("Trailing backslash")
        char = self.pattern[self.index + 1]
        if char in _GNU_ESCAPES:
            self._put(_GNU_ESCAPES[char], atom=False, length=2)
        elif char in _SAME_IN_BOTH:
            self._put("\\" + char, length=2)
        else:
            self._put(re.escape(char), length=2)

    def _quantifier(self, char: str) -> None:
        if not self.has_atom:
            self._put(re.escape(char))
        elif self.has_quantifier:
            self._merge(char)
        else:
            self.out.append(char)
            self.has_quantifier = True
            self.index += 1

    def _merge(self, char: str) -> None:
        """Put a second quantifier behind the first: `a+*` is `(a+)*`, where Python would see another operator."""
        last = self.out[-1]
        if last not in ("*", "+", "?"):
            raise BadExpression("Invalid preceding regular expression")
        self.out[-1] = last if last == char else "*"
        self.index += 1

    def _interval(self) -> None:
        found = _INTERVAL.match(self.pattern, self.index)
        if not found or not self.has_atom or not (found[1] or found[3]):
            self._put(re.escape("{"))
            return
        low, comma, high = found.groups()
        if self.has_quantifier or (comma and high and int(low or 0) > int(high)):
            raise BadExpression("Invalid content of \\{\\}")
        self.out.append(f"{{{low or 0}{comma}{high}}}")
        self.has_quantifier = True
        self.index = found.end()

    def _bracket(self) -> None:
        start = self.index + 1
        negated = self.pattern[start : start + 1] == "^"
        index = start + negated
        items: list[str] = []
        while not (self.pattern[index : index + 1] == "]" and items):
            if index >= len(self.pattern):
                raise BadExpression("Unmatched [, [^, [:, [., or [=")
            text, index = self._bracket_item(index)
            items.append(text)
        extra = r"\n" if negated and self.multiline else ""
        self._put(f"[{'^' if negated else ''}{''.join(items)}{extra}]", length=index + 1 - self.index)

    def _bracket_item(self, index: int) -> tuple[str, int]:
        kind = self.pattern[index : index + 2]
        if kind in ("[:", "[.", "[="):
            end = self.pattern.find(kind[1] + "]", index + 2)
            if end < 0:
                raise BadExpression("Unmatched [, [^, [:, [., or [=")
            name = self.pattern[index + 2 : end]
            return _bracket_name(kind, name), end + 2
        char = self.pattern[index]
        if char == "-" and self._is_range_dash(index):
            return "-", index + 1
        return re.escape(char), index + 1

    def _is_range_dash(self, index: int) -> bool:
        """True for a dash between two ends; first or last in the brackets it stands for itself."""
        before = self.pattern[index - 1]
        first = before == "[" or (before == "^" and self.pattern[index - 2] == "[")
        return not first and self.pattern[index + 1 : index + 2] not in ("]", "")


def _bracket_name(kind: str, name: str) -> str:
    if kind == "[:":
        if name not in _CLASSES:
            raise BadExpression("Invalid character class name")
        return _CLASSES[name]
    if len(name) != 1:
        raise BadExpression("Invalid collation character")
    return re.escape(name)


def translate(pattern: str, *, multiline: bool = False) -> str:
    """Return the Python pattern; raises BadExpression. multiline is REG_NEWLINE."""
    return _Translator(pattern, multiline).translate()
