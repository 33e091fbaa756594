"""The directories that a mail system needs, with the owners and modes that keep its parts apart.

`check_layout` creates what is missing, as `postfix check` does, and reports what it must not change by itself: an
owner or a mode that somebody chose. Without root's rights everything belongs to the caller, and only access counts.
See: postfix(1), DESIGN: separated privileges.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import CoreParameters
from pyfix.service.rights import Identity, RightsError, group_id


class LayoutError(Exception):
    """The directories cannot be made what they must be; the text names the path and the remedy."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One directory of the queue: name, mode, and whether mail_owner (else root) owns it."""

    name: str
    mode: int
    is_owned: bool = True


QUEUE_FOLDERS: Final = (
    *(Folder(name, 0o700) for name in (
        "spare", "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
        "trace",
    )),
    Folder("maildrop", 0o1730),
    Folder("public", 0o755),
    Folder("pid", 0o755, is_owned=False),
)  # fmt: skip
"""public/ is open to all users, since each socket in it has rights of its own and pickup asks the kernel who calls;
only the group of maildrop (setgid_group) may submit while the mail system is down, and the sticky bit keeps its users
from each other's files. spare/ comes first: a queue without it is Postfix's."""


def check_layout(params: CoreParameters) -> list[str]:
    """Create what is missing and return warnings about what differs; raise LayoutError if mail can't run."""
    owner = _owner(params)
    _refuse_queue_of_postfix(params.queue_directory)
    warnings: list[str] = []
    for path, mode, wanted in (
        (params.queue_directory, 0o755, _root(owner)),
        (params.data_directory, 0o700, owner),
    ):
        if not _ensure(path, mode, wanted):
            warnings += _differences(path, Folder("", mode), wanted)
    for folder in QUEUE_FOLDERS:
        path = os.path.join(params.queue_directory, folder.name)
        wanted = owner if folder.is_owned else _root(owner)
        if folder.name == "maildrop" and owner is not None:
            wanted = Identity(owner.uid, group_id(params.setgid_group))
        if not _ensure(path, folder.mode, wanted):
            warnings += _differences(path, folder, wanted)
    return warnings


def _refuse_queue_of_postfix(path: str) -> None:
    """Two mail systems on one queue would lose mail: the files of one are rubbish to the other."""
    if os.path.isdir(os.path.join(path, "active")) and not os.path.lexists(os.path.join(path, "spare")):
        raise LayoutError(
            f"{path}: a queue of Postfix, whose files pyfix does not read; let Postfix deliver them, and specify"
            " another queue_directory"
        )


def _owner(params: CoreParameters) -> Identity | None:
    """Return mail_owner, or None for an ordinary user's private system."""
    if os.getuid() != 0:
        return None
    try:
        owner = Identity.of_name(params.mail_owner)
    except RightsError:
        raise LayoutError(
            f"unknown user {params.mail_owner!r} in mail_owner; create it with "
            f"useradd --system --no-create-home --shell /usr/sbin/nologin {params.mail_owner}"
        ) from None
    if owner.uid == 0:
        raise LayoutError("mail_owner is root; specify a user that owns no other files or processes")
    try:
        group_id(params.setgid_group)
    except RightsError:
        raise LayoutError(
            f"unknown group {params.setgid_group!r} in setgid_group; create it with "
            f"groupadd --system {params.setgid_group}"
        ) from None
    return owner


def _root(owner: Identity | None) -> Identity | None:
    return None if owner is None else Identity(0, 0)


def _ensure(path: str, mode: int, owner: Identity | None) -> bool:
    """Create a directory if it is missing; return whether it was made."""
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            raise LayoutError(f"{path}: not a directory; move it away")
    except FileNotFoundError:
        return _create(path, mode, owner)
    except OSError as error:
        raise LayoutError(f"{path}: {error.strerror}") from error
    if owner is None and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise LayoutError(f"{path}: no permission for user id {os.getuid()}; become its owner, or root")
    return False


def _create(path: str, mode: int, owner: Identity | None) -> bool:
    try:
        os.makedirs(path, 0o755, exist_ok=True)
        os.chmod(path, mode)
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)
    except OSError as error:
        raise LayoutError(f"cannot create directory {path}: {error.strerror}") from error
    return True


def _differences(path: str, folder: Folder, wanted: Identity | None) -> list[str]:
    status = os.stat(path)
    found: list[str] = []
    if wanted is not None and status.st_uid != wanted.uid:
        found.append(f"not owned by user id {wanted.uid}: {path}")
    if folder.name == "maildrop" and wanted is not None and status.st_gid != wanted.gid:
        found.append(f"not owned by group id {wanted.gid}: {path}")
    if stat.S_IMODE(status.st_mode) & ~folder.mode & 0o022:
        found.append(f"group or other writable: {path}")
    if folder.mode & ~status.st_mode & stat.S_ISVTX:
        found.append(f"sticky bit missing, so users may remove each other's files: {path}")
    return found


def check_maillog(params: CoreParameters) -> None:
    """Refuse a maillog_file outside maillog_file_prefixes; raise LayoutError (postconf(5))."""
    path = params.maillog_file
    if not path or path == "/dev/stdout":
        return
    if not any(path.startswith(prefix) for prefix in params.maillog_file_prefixes):
        raise LayoutError(
            f"maillog_file '{path}' does not match any prefix of maillog_file_prefixes "
            f"({', '.join(params.maillog_file_prefixes)}); add one to main.cf"
        )
