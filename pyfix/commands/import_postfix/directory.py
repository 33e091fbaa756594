"""Make the copy of a configuration directory, and put it in place in one step.

Everything is made beside the place where it is to be and renamed at the end: there is all of it or nothing. What
belongs to the installation of Postfix stays behind, and so do its indexes.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from collections.abc import Sequence
from typing import Final

from pyfix.base.atomic import sync_directory, write_file
from pyfix.commands import tables
from pyfix.commands.findings import Finding, Severity
from pyfix.commands.import_postfix.paths import is_below, move_below
from pyfix.commands.import_postfix.plan import Index, Plan
from pyfix.commands.postalias import PROGRAM as POSTALIAS
from pyfix.commands.table_target import TableCommandError, Target
from pyfix.commands.tables import BuildOptions
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config
from pyfix.mail.maps.index_file import NotAnIndex, open_index
from pyfix.mail.maps.source import map_entries

_INSTALLATION: Final = (
    "*.proto", "dynamicmaps.cf", "dynamicmaps.cf.d", "main.cf.dist", "makedefs.out", "master.cf.dist", "post-install",
    "postfix-files", "postfix-files.d", "postfix-script", "postfix-wrapper", "postmulti-script",
)  # fmt: skip


class ImportRefused(Exception):
    """Nothing is imported; the text is for the user."""


def check_target(target: str, source: str) -> None:
    """Refuse a place where something is already; raises ImportRefused."""
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise ImportRefused(f"{target}: exists and is not empty; specify another directory with --to, or move it away")
    if is_below(f"{target}/", source):
        raise ImportRefused(f"{target}: inside {source}; specify another directory with --to")
    parent = os.path.dirname(target)
    if not os.path.isdir(parent):
        raise ImportRefused(f"{parent}: no such directory; make it")


def copy_directory(source: str, target: str, plan: Plan) -> list[Finding]:
    """Make the new directory; return what is to be told of files. Raises ImportRefused, with nothing left behind."""
    temporary = f"{target}.new.{os.getpid()}"
    told: list[Finding] = []
    try:
        try:
            _copy(source, temporary, told)
            _write(os.path.join(temporary, "main.cf"), plan.main_cf)
            _write(os.path.join(temporary, "master.cf"), plan.master_cf)
            _build(temporary, target, plan.indexes, told)
            os.rename(temporary, target)
            sync_directory(os.path.dirname(target))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except shutil.Error as error:
        path, _, reason = error.args[0][0]
        raise ImportRefused(f"copy {path}: {reason}") from None
    except OSError as error:
        raise ImportRefused(f"{error.filename or target}: {error.strerror}") from None
    except TableCommandError as error:
        raise ImportRefused(str(error)) from None
    return told


def _copy(source: str, target: str, told: list[Finding]) -> None:
    def ignore(directory: str, names: list[str]) -> list[str]:
        reasons = {name: _reason_to_leave(os.path.join(directory, name)) for name in sorted(names)}
        for name, reason in reasons.items():
            if reason:
                told.append(Finding(Severity.NOTE, os.path.join(directory, name), reason, "left behind"))
        return [name for name, reason in reasons.items() if reason]

    shutil.copytree(source, target, symlinks=True, ignore=ignore, copy_function=_copy_file)
    _take_owner(source, target)
    for parent, folders, _ in os.walk(target):
        for name in folders:
            path = os.path.join(parent, name)
            _take_owner(move_below(path, target, source), path)


def _reason_to_leave(path: str) -> str:
    name = os.path.basename(path)
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _INSTALLATION):
        return "belongs to the installation of Postfix"
    mode = os.lstat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        return "neither a file nor a directory"
    if name.endswith(".db") and not _is_index(path):
        return "an index that pyfix does not read"
    return ""


def _is_index(path: str) -> bool:
    try:
        open_index(path)
    except (OSError, NotAnIndex):
        return False
    return True


def _copy_file(source: str, target: str, *, follow_symlinks: bool = True) -> str:
    try:
        shutil.copy2(source, target, follow_symlinks=follow_symlinks)
        _take_owner(source, target)
    except OSError as error:
        raise ImportRefused(
            f"copy {source}: {error.strerror}; make it readable for who imports, or become root"
        ) from None
    return target


def _take_owner(source: str, target: str) -> None:
    """Passwords of databases are for a group to read, and for nobody else."""
    if os.geteuid() == 0:
        status = os.lstat(source)
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(target, stat.S_IMODE(status.st_mode))


def _write(path: str, text: str) -> None:
    status = os.stat(path)
    write_file(path, text.encode("utf-8", "surrogateescape"), stat.S_IMODE(status.st_mode))
    if os.geteuid() == 0:
        os.chown(path, status.st_uid, status.st_gid)


def _build(directory: str, target: str, indexes: Sequence[Index], told: list[Finding]) -> None:
    """Build the indexes of tables that move below the new directory, and of others in their place."""
    params = Config.load(directory).read(AddressParameters)
    for index in indexes:
        path = move_below(index.path, target, directory) if is_below(index.path, target) else index.path

        def warn(text: str, old: str = path, new: str = index.path) -> None:
            told.append(Finding(Severity.WARNING, "", text.replace(old, new)))

        read, extra = (POSTALIAS.read, POSTALIAS.extra(params)) if index.is_alias else (map_entries, ())
        tables.build(Target(index.kind, path), read, BuildOptions(), warn, extra)
        told.append(Finding(Severity.NOTE, "", f"{index.kind}:{index.path}: index built"))
