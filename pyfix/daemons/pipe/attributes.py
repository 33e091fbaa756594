"""The arguments of a pipe service in master.cf.

    flags=DRX user=vmail:mail size=10000000 argv=/usr/bin/deliver -d ${recipient}

Pure but for the names of users and groups, which the caller resolves. A mistake raises AttributeProblem.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pyfix.daemons.pipe.macros import NAMES, macro_names

FLAGS: Final = "BDFORXhqu.>"
_ESCAPE = re.compile(r"\\([abfnrtv\\]|[0-7]{1,3})")
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


class AttributeProblem(Exception):
    """The service is described wrongly; the text says how."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """One pipe service."""

    user: str = ""
    group: str = ""
    """"" for the group of the user."""
    flags: str = ""
    eol: bytes = b"\n"
    null_sender: str = "MAILER-DAEMON"
    size_limit: int = 0
    directory: str = ""
    chroot: str = ""
    argv: tuple[str, ...] = ()

    def has(self, flag: str) -> bool:
        """True when this flag is set."""
        return flag in self.flags

    @property
    def is_single(self) -> bool:
        """True when each recipient needs a copy of its own: a header names it."""
        return self.has("D") or self.has("O")


def parse(words: Sequence[str]) -> Attributes:
    """Return what the words after the program name say."""
    found = Attributes()
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if not equals:
            raise AttributeProblem(f"unknown attribute name: {word}")
        if name == "argv":
            found = replace(found, argv=_command((value, *words[index + 1 :])))
            break
        found = _with(found, name, value)
    if not found.user:
        raise AttributeProblem("missing user= command-line attribute")
    if not found.argv:
        raise AttributeProblem("missing argv= command-line attribute")
    return found


def _with(found: Attributes, name: str, value: str) -> Attributes:
    """Return the attributes with one more."""
    match name:
        case "flags":
            return replace(found, flags=_flags(value))
        case "user":
            user, _, group = value.partition(":")
            return replace(found, user=user, group=group)
        case "eol":
            return replace(found, eol=unescape(value))
        case "null_sender":
            return replace(found, null_sender=value)
        case "size":
            if not (value.isascii() and value.isdigit()):
                raise AttributeProblem(f"bad size= value: {value}")
            return replace(found, size_limit=int(value))
        case "directory":
            return replace(found, directory=value)
        case "chroot":
            return replace(found, chroot=value)
        case _:
            raise AttributeProblem(f"unknown attribute name: {name}")


def _flags(value: str) -> str:
    for flag in value:
        if flag not in FLAGS:
            raise AttributeProblem(f"unknown flag: {flag}")
    return value


def _command(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0]:
        raise AttributeProblem("missing argv= command-line attribute")
    for argument in argv:
        for name in macro_names(argument):
            if name not in NAMES:
                raise AttributeProblem(f'unknown macro name: "{name}" in "{argument}"')
    return argv


def unescape(text: str) -> bytes:
    r"""Return text with its C-style escapes replaced: \n, \r, \ddd in octal."""

    def replacement(match: re.Match[str]) -> str:
        code = match.group(1)
        return _ESCAPES[code] if code in _ESCAPES else chr(int(code, 8) & 255)

    return _ESCAPE.sub(replacement, text).encode("latin-1", "replace")
