"""Read authmysqlrc: lines of a name, white space and a value. Pure but for opening it.

A backslash at the end joins a line to the next. Courier takes the port as far as it is a number, so that tutorials
write remarks behind values; where a value is a name, a number or a path, what stands in such a remark is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import ConfigError, lines
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.settings_file import Setting, SettingsFile

PREFIX: Final = "MYSQL_"
_LINE: Final = re.compile(r"([A-Za-z_]+)(?:[ \t]+(.*))?", re.DOTALL)
_REMARK: Final = re.compile(r"[ \t]+[#(].*", re.DOTALL)
_HASH_REMARK: Final = re.compile(r"[ \t]+#.*", re.DOTALL)
_WORDS: Final = frozenset(
    {
        "MYSQL_SERVER", "MYSQL_PORT", "MYSQL_SOCKET", "MYSQL_USERNAME", "MYSQL_PASSWORD", "MYSQL_DATABASE",
        "MYSQL_USER_TABLE", "MYSQL_SSL_CACERT", "MYSQL_SSL_CERT", "MYSQL_SSL_KEY", "DEFAULT_DOMAIN",
    }
)  # fmt: skip
"""Those that are no expressions."""
_EXPRESSIONS: Final = frozenset(
    {
        "MYSQL_LOGIN_FIELD", "MYSQL_CRYPT_PWFIELD", "MYSQL_CLEAR_PWFIELD", "MYSQL_UID_FIELD", "MYSQL_GID_FIELD",
        "MYSQL_HOME_FIELD", "MYSQL_MAILDIR_FIELD", "MYSQL_QUOTA_FIELD", "MYSQL_NAME_FIELD", "MYSQL_AUXOPTIONS_FIELD",
        "MYSQL_WHERE_CLAUSE", "MYSQL_SELECT_CLAUSE",
    }
)  # fmt: skip
_WITHOUT_EFFECT: Final = frozenset(
    {
        "MYSQL_OPT", "MYSQL_CHARACTER_SET", "MYSQL_ENUMERATE_CLAUSE", "MYSQL_CHPASS_CLAUSE", "MYSQL_DEFAULTDELIVERY",
        "MYSQL_DEFAULT_DELIVERY", "MYSQL_SSL_CIPHERS",
    }
)  # fmt: skip
_REQUIRED: Final = ("MYSQL_USERNAME", "MYSQL_DATABASE")


@dataclass(frozen=True, slots=True)
class MysqlRc(SettingsFile):
    """The file."""

    remarks: tuple[str, ...] = ()
    """What to say of it."""


def read_authmysqlrc(path: str) -> MysqlRc:
    """Read a file; raises ConfigError."""
    return parse_authmysqlrc(lines.decode(lines.read_file(path), path), path)


def parse_authmysqlrc(text: str, path: str) -> MysqlRc:
    """Read a text; of two lines for a setting the first counts, as with Courier. Raises ConfigError."""
    settings: dict[str, Setting] = {}
    remarks: list[str] = []
    for number, line in _logical_lines(text):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ConfigError(f'{path}, line {number}: need a name and a value instead of "{one_line(line, 60)}"')
        name, value = found[1], (found[2] or "").strip()
        if name not in _WORDS | _EXPRESSIONS:
            if name not in _WITHOUT_EFFECT:
                remarks.append(f"{path}, line {number}: {one_line(name, 40)} has no meaning; remove it")
            continue
        value = (_REMARK if name in _WORDS else _HASH_REMARK).sub("", value)
        settings.setdefault(name, Setting(value, number))
    rc = MysqlRc(path, settings, tuple(remarks))
    _check(rc)
    return rc


def _check(rc: MysqlRc) -> None:
    for name in _REQUIRED:
        if not rc.get(name):
            raise rc.refuse(name, f"there is no {name}; add one")
    if rc.get("MYSQL_PORT") in ("", "0"):
        pass
    elif not rc.get("MYSQL_PORT").isdigit():
        raise rc.refuse("MYSQL_PORT", f'MYSQL_PORT: need a number instead of "{one_line(rc.get("MYSQL_PORT"), 40)}"')
    if rc.get("MYSQL_SELECT_CLAUSE"):
        return
    if not rc.get("MYSQL_USER_TABLE"):
        raise rc.refuse("MYSQL_USER_TABLE", "there is no MYSQL_USER_TABLE; add one")
    if not rc.get("MYSQL_CRYPT_PWFIELD") and not rc.get("MYSQL_CLEAR_PWFIELD"):
        raise rc.refuse("MYSQL_CRYPT_PWFIELD", "there is no MYSQL_CRYPT_PWFIELD; add the column of the password")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    first, parts = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not parts and (not stripped or stripped.startswith("#")):
            continue
        first = first if parts else number
        if stripped.endswith("\\"):
            parts += stripped[:-1] + " "
            continue
        yield first, parts + stripped
        parts = ""
    if parts.strip():
        yield first, parts.strip()
