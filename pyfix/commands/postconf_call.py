"""What a postconf command line asks for, checked before anything is read.

Pure but for MAIL_CONFIG. Requests that exclude each other, and those that pyfix does not have, are a ConfigError.
See: postconf(1).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.config.config import find_directory
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.listing import ALL_CLASSES, ParameterClass
from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.show import Style
from pyfix.mail.config.values import ValueRefused

MODES: Final = ("M", "F", "P")
EDITS: Final = ("e", "#", "X")
LISTS: Final = ("m", "l", "a", "A")
TEMPLATES: Final = ("b", "t")
TLS: Final = "T"
_TLS_MODES: Final = ("compile-version", "run-version", "public-key-algorithms")
_SUBJECTS: Final = "aAbFlmMpPtT"
"""What a request is about, in the order of messages."""
_MODIFIERS: Final = "defhHjnoxX#"
_EXCLUSIVE: Final = ("denX#", "efX#", "exX#", "deoX#", "ehHX#", "ejX#", "fj", "hj", "Hj")
"""What excludes each other, in the order in which it is looked for."""
_FITTING: Final = {"M": "xfeoj#X", "F": "xfeohHj", "P": "xfeohHjX", "p": _MODIFIERS}
"""The modifiers that go with a subject, where it has any."""


@dataclass(frozen=True, slots=True)
class Call:
    """The command line: flags by letter, and what goes with them."""

    flags: frozenset[str]
    directory: str
    overrides: tuple[tuple[str, str], ...]
    classes: frozenset[ParameterClass]
    tls: str | None
    words: tuple[str, ...]

    @property
    def style(self) -> Style:
        """How to print."""
        return Style(
            fold="f" in self.flags,
            names="h" not in self.flags,
            values="H" not in self.flags,
            json="j" in self.flags,
        )


def read_call(
    flags: Sequence[str],
    directory: str | None,
    classes: str | None,
    overrides: Sequence[str],
    tls: str | None,
    words: tuple[str, ...],
) -> Call:
    """Return the checked command line; raises ConfigError."""
    operands = {"o": overrides or None, "C": classes, TLS: tls}
    given = {*flags, *(letter for letter, operand in operands.items() if operand is not None)}
    if sum(flag in TEMPLATES for flag in flags) > 1:
        raise ConfigError("specify one of -b and -t")
    if words and "=" in words[0] and not given & {*LISTS, *TEMPLATES, TLS}:
        given.add("e")
    _check_flags(given)
    if given & set(TEMPLATES) and len(words) > 1:
        raise ConfigError("options -b and -t require at most one template file")
    if tls is not None and tls not in _TLS_MODES:
        raise ConfigError(f"unknown 'postconf -T' mode: {tls}; specify one of: {', '.join(_TLS_MODES)}")
    return Call(
        frozenset(given),
        find_directory(directory),
        tuple(map(_override, overrides)),
        _classes(classes),
        tls,
        words,
    )


def _check_flags(given: Collection[str]) -> None:
    """Refuse flags that do not go together."""
    for group in (_SUBJECTS, *_EXCLUSIVE):
        clash = [letter for letter in group if letter in given]
        if len(clash) > 1:
            raise ConfigError(f"specify one of -{' -'.join(clash)}")
    subject = next((letter for letter in _SUBJECTS if letter in given), "p")
    unfit = [letter for letter in _MODIFIERS if letter in given and letter not in _FITTING.get(subject, "")]
    if unfit:
        raise ConfigError(f"with option -{subject}, do not specify -{' -'.join(unfit)}")


def _override(text: str) -> tuple[str, str]:
    """Return name and value of an -o option."""
    try:
        return split_assignment(text)
    except ValueRefused as refused:
        raise ConfigError(f"invalid parameter override: {text}: {str(refused).partition(':')[0]}") from None


def _classes(text: str | None) -> frozenset[ParameterClass]:
    """Return the classes that -C names, in whatever case, with commas or white space between them."""
    if text is None:
        return ALL_CLASSES
    found: set[ParameterClass] = set()
    for word in text.replace(",", " ").split():
        try:
            found |= ALL_CLASSES if word.lower() == "all" else {ParameterClass(word.lower())}
        except ValueError:
            quoted = f'"{one_line(word)}" in "{one_line(text)}"'
            raise ConfigError(f"unknown -C option value {quoted}; specify builtin, service, user or all") from None
    return frozenset(found)
