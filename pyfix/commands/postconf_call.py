"""What a postconf command line asks for, checked before anything is read.

Pure but for MAIL_CONFIG. Requests that exclude each other, and those that pyfix does not have, are a ConfigError.
See: postconf(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.config.config import find_directory
from pyfix.mail.config.edit import parse_assignment
from pyfix.mail.config.listing import ALL_CLASSES, ParameterClass
from pyfix.mail.config.show import Style

MODES: Final = ("M", "F", "P")
EDITS: Final = ("e", "#", "X")
LISTS: Final = ("m", "l", "a", "A")
_REFUSED: Final = {"b": "bounce templates", "t": "bounce templates", "T": "TLS reports"}
_EXCLUSIVE: Final = (
    (*MODES, "d"),
    (*MODES, "n"),
    (*MODES, "C"),
    ("d", "n"),
    ("d", "o"),
    ("d", "e", "#", "X"),
    ("n", "e", "#", "X"),
    ("h", "H"),
    *(("e", "#", "X", other) for other in ("f", "h", "H", "o", "x", "C")),
    ("M", "h"),
    ("M", "H"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """The command line: flags by letter, and what goes with them."""

    flags: frozenset[str]
    directory: str
    overrides: tuple[tuple[str, str], ...]
    classes: frozenset[ParameterClass]
    words: tuple[str, ...]

    @property
    def style(self) -> Style:
        """How to print."""
        return Style(fold="f" in self.flags, names="h" not in self.flags, values="H" not in self.flags)


def read_call(
    flags: Sequence[str], directory: str | None, classes: str | None, overrides: Sequence[str], words: tuple[str, ...]
) -> Call:
    """Return the checked command line; raises ConfigError."""
    given = set(flags) | ({"o"} if overrides else set()) | ({"C"} if classes is not None else set())
    if any("=" in word for word in words):
        given.add("e")
    if given & {"e", "#", "X"} and given & set(MODES):
        raise ConfigError("changing master.cf is not supported; edit the file and run pyfix reload")
    for letter in sorted(given & set(_REFUSED)):
        raise ConfigError(f"-{letter} ({_REFUSED[letter]}) is not supported")
    for group in (MODES, *_EXCLUSIVE):
        clash = [letter for letter in group if letter in given]
        if len(clash) > 1:
            raise ConfigError(f"specify one of -{' -'.join(clash)}")
    return Call(frozenset(given), find_directory(directory), tuple(map(_override, overrides)), _classes(classes), words)


def _override(text: str) -> tuple[str, str]:
    """Return name and value of an -o option."""
    try:
        return parse_assignment(text)
    except ConfigError as error:
        raise ConfigError(f"invalid parameter override: {error}") from None


def _classes(text: str | None) -> frozenset[ParameterClass]:
    """Return the classes that -C names."""
    if text is None or "all" in text.split(","):
        return ALL_CLASSES
    try:
        return frozenset(map(ParameterClass, text.split(",")))
    except ValueError:
        raise ConfigError(f'unknown -C option value in "{text}"; specify builtin, service, user or all') from None
