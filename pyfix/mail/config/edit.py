"""Change main.cf and leave everything else in it as it is: comments, order, layout.

`edit_text` is pure. `edit_file` works under an exclusive lock on main.cf.tmp, the file that Postfix's own postconf
locks, writes the new text there, syncs it and renames it into place: a reader sees the old file or the new one, a crash
leaves one of them.
See: postconf(1), options -e, -# and -X.
"""

from __future__ import annotations

import fcntl
import io
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from pyfix.base.atomic import sync_directory, write_all
from pyfix.mail.config import lines
from pyfix.mail.config.errors import ConfigError
from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.values import ValueRefused


class Removal(Enum):
    """What becomes of a setting that goes back to its default."""

    COMMENT = "-#"
    DELETE = "-X"


Change = str | Removal
"""The new value of a name, or how its setting goes."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, and the names that it had more than once."""

    text: str
    repeated: list[str]


def edit_text(text: str, changes: Mapping[str, Change]) -> Edited:
    """Return the text with the changes made; a new name goes to the end."""
    kept: list[str] = []
    seen: list[str] = []
    change: Change | None = None
    for line in io.StringIO(text, newline="\n"):
        if lines.is_comment(line):
            kept.append(line)
            continue
        name = ""
        if line[0] not in lines.BLANKS:
            name = line.partition("=")[0].strip(lines.BLANKS)
            change = changes.get(name)
            seen += [name] if change is not None else []
        kept += _edited_line(line, name, change)
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    kept += [_assignment(name, value) for name, value in changes.items() if isinstance(value, str) and name not in seen]
    return Edited("".join(kept), sorted({name for name in seen if seen.count(name) > 1}))


def _edited_line(line: str, name: str, change: Change | None) -> list[str]:
    """Return what stands in the place of a line; name is empty for a continuation."""
    match change:
        case None:
            return [line]
        case Removal.COMMENT:
            return [f"#{line}"]
        case Removal.DELETE:
            return []
        case str():
            return [_assignment(name, change)] if name else []
        case _:
            assert_never(change)


def _assignment(name: str, value: str) -> str:
    """Return a line of main.cf."""
    return f"{name} = {value}\n"


def parse_assignment(text: str) -> tuple[str, str]:
    """Return name and value of an assignment on a command line; raises ConfigError."""
    if any(character in text for character in "\n\r\0"):
        raise ConfigError("-e, -X, or -# accepts no multi-line input; specify one name=value an argument")
    if lines.is_comment(text):
        raise ConfigError("-e, -X, or -# accepts no comment input; specify name=value")
    try:
        return split_assignment(text)
    except ValueRefused as refused:
        raise ConfigError(str(refused)) from None


def edit_file(path: str, changes: Mapping[str, Change]) -> list[str]:
    """Change a file in one step; return the names that it has more than once. Raises ConfigError."""
    path = os.path.realpath(path)
    temporary = f"{path}.tmp"
    try:
        descriptor = _open_locked(temporary)
        try:
            edited = edit_text(lines.read_file(path).decode("utf-8", "surrogateescape"), changes)
            _replace(descriptor, temporary, path, edited.text.encode("utf-8", "surrogateescape"))
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"edit {path}: {error.strerror}; the file is unchanged") from None
    return edited.repeated


def _open_locked(temporary: str) -> int:
    """Open the temporary file and lock it; the one that has the name once the lock is ours."""
    while True:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _has_name(descriptor, temporary):
            return descriptor
        os.close(descriptor)


def _has_name(descriptor: int, path: str) -> bool:
    """Return whether the open file is still the one at path: the last holder of the lock may have renamed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _replace(descriptor: int, temporary: str, path: str, data: bytes) -> None:
    """Write data and give the file the name, mode and owner of the old one, all durable."""
    old = os.stat(path)
    os.ftruncate(descriptor, 0)
    write_all(descriptor, data)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fsync(descriptor)
    os.rename(temporary, path)
    sync_directory(os.path.dirname(path))
