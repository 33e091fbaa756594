"""Read the file that a passdb or userdb of Dovecot's is given: lines "name = value". Pure but for opening it.

What follows # is a remark, but inside quotes; a line that ends in a backslash goes on in the next one. A value may
stand in quotes. Settings that have no meaning are refused by name, since each of them decides who may log in.
See: Dovecot's "AuthDatabase".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import ConfigError, lines
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.settings_file import Setting, SettingsFile
from pyfix.mail.passwords import SCHEMES
from pyfix.mail.passwords.stored import canonical_scheme

_LINE: Final = re.compile(r"([A-Za-z0-9_]+)[ \t]*=[ \t]*(.*)", re.DOTALL)
_UMBRELLAS: Final = ("CRYPT", "MD5")
"""Names of schemes that stand for several."""
_LOGICAL_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class DovecotConf(SettingsFile):
    """The file."""

    def flag(self, name: str, default: bool = False) -> bool:
        """Return yes or no; raises ConfigError."""
        value = self.get(name).lower()
        if value in ("yes", "no", ""):
            return default if not value else value == "yes"
        raise self.refuse(name, f'{name}: need yes or no instead of "{one_line(value, 40)}"')

    def scheme(self, default: str) -> str:
        """Return default_pass_scheme; raises ConfigError for one that is not verified."""
        name = self.get("default_pass_scheme", default)
        if canonical_scheme(name) not in (*SCHEMES, *_UMBRELLAS):
            raise self.refuse("default_pass_scheme", f"default_pass_scheme: unknown scheme {one_line(name, 40)}")
        return name

    def check_known(self, known: Collection[str]) -> None:
        """Raise ConfigError for a setting that is not built."""
        for name in self.settings:
            if name not in known:
                raise self.refuse(name, f"{name} is not built; remove it")


def read_dovecot_conf(path: str) -> DovecotConf:
    """Read a file; raises ConfigError."""
    return parse_dovecot_conf(lines.decode(lines.read_file(path), path), path)


def parse_dovecot_conf(text: str, path: str) -> DovecotConf:
    """Read a text; of two lines for a setting the last counts. Raises ConfigError."""
    settings: dict[str, Setting] = {}
    for number, line in _logical_lines(text):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ConfigError(f'{path}, line {number}: need "name = value" instead of "{one_line(line, 60)}"')
        settings[found[1]] = Setting(_unquoted(found[2]), number)
    return DovecotConf(path, settings)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines without remarks and blanks, and the number of the first of each."""
    first, parts = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not parts and (not stripped or stripped.startswith("#")):
            continue
        first = first if parts else number
        stripped = _without_remark(stripped)
        if stripped.endswith("\\") and len(parts) < _LOGICAL_LIMIT:
            parts += stripped[:-1].rstrip() + " "
            continue
        if (parts + stripped).strip():
            yield first, (parts + stripped).strip()
        parts = ""
    if parts.strip():
        yield first, parts.strip()


def _without_remark(line: str) -> str:
    quote = ""
    position = 0
    while position < len(line):
        character = line[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            if line.find(character, position + 1) < 0:  # an apostrophe
                return line
            quote = character
        elif character == "#":
            return line[:position].rstrip()
        position += 1
    return line


def _unquoted(value: str) -> str:
    """Return a value without the quotes around the whole of it."""
    if len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0] and value.count(value[0]) == 2:
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
