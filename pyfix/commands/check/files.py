"""The part of `pyfix check` that looks through whole trees: who owns what, who may write where, what is damaged.

What `check_layout` has said about a directory of the queue is not said again here: of those trees only the inside is
looked at. maildrop is left alone, for it is others who write there; so are sockets, which have rights of their own.
public/ needs no group: it is open to all.
In an ordinary user's private system everything belongs to that user, and the group that a umask of 002 lets write is
that user's own.
See: postfix(1), "check".
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from pyfix.base.accounts import shown_login_name
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.accounts.vault import SECRETS
from pyfix.mail.config import CoreParameters
from pyfix.master.layout import QUEUE_FOLDERS
from pyfix.service.jail import SUMMARIES

Entry = tuple[str, os.stat_result]
"""A path and its lstat."""

_STRANGERS: Final = ("maildrop", "pid")
"""Folders of the queue whose inside is not mail_owner's."""
_JAIL_FOLDERS: Final = ("bin", "etc", "lib", "sbin", "usr")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files should be in a tree."""

    name: str
    uids: frozenset[int]
    own_group: int | None = None
    """A group that may write, since it is this user's alone."""

    @classmethod
    def of_name(cls, name: str) -> Self:
        """Return a user of the system; raise KeyError."""
        return cls(name, frozenset((pwd.getpwnam(name).pw_uid,)))

    @classmethod
    def caller(cls, *others: int) -> Self:
        """Return who runs this; files of `others` will do as well."""
        uid = os.getuid()
        return cls(shown_login_name(uid, f"user id {uid}"), frozenset((uid, *others)), os.getgid())


def check_files(config_directory: str, params: CoreParameters) -> Iterator[Finding]:
    """Yield a warning for everything in configuration, data and queue that is not as it should be."""
    is_root = os.getuid() == 0
    mail_owner = Owner.of_name(params.mail_owner) if is_root else Owner.caller()
    yield from check_config(config_directory, Owner.of_name("root") if is_root else Owner.caller(0))
    if is_root:
        yield from check_readable(config_directory)
    yield from check_data(params.data_directory, mail_owner)
    yield from check_queue(params.queue_directory, mail_owner)
    if is_root:
        yield from check_jail(params.queue_directory)


def check_config(directory: str, owner: Owner) -> Iterator[Finding]:
    """Whoever can write here decides what the mail system does, with root's rights."""
    entries = [(directory, os.lstat(directory)), *_inside(directory)]
    yield from _foreign(entries, owner)
    yield from _writable(entries, owner)
    for path, status in entries[1:]:
        if stat.S_ISLNK(status.st_mode) and "/" in os.readlink(path):
            yield _warning(f"symlink leaves directory: {path}", "put a copy in its place")


def check_readable(directory: str) -> Iterator[Finding]:
    """sendmail and mailq of every user read these."""
    for path, needed in ((directory, 0o005), (os.path.join(directory, "main.cf"), 0o004)):
        if os.stat(path).st_mode & needed != needed:
            effect = "sendmail and mailq of users fail"
            yield _warning(f"not readable by all users: {path}: {effect}", f"chmod o+r{'x' * (needed & 1)} {path}")


def check_data(directory: str, owner: Owner) -> Iterator[Finding]:
    """What processes keep between runs is theirs alone; who opens the accounts looks after the file of secrets."""
    entries = [entry for entry in _inside(directory) if f"{SECRETS}/" not in f"{entry[0]}/"]
    yield from _foreign(entries, owner)
    yield from _writable(entries, owner)


def check_queue(directory: str, owner: Owner) -> Iterator[Finding]:
    """A file of somebody else's can't be delivered; one in corrupt/ waits for a person."""
    for folder in QUEUE_FOLDERS:
        if folder.name not in _STRANGERS:
            yield from _foreign(_inside(os.path.join(directory, folder.name)), owner)
    for path, status in _inside(os.path.join(directory, "corrupt")):
        if stat.S_ISREG(status.st_mode):
            yield _warning(f"damaged message: {path}", f"look at it with postcat {path}, and remove it")


def check_jail(directory: str, system: str = "/") -> Iterator[Finding]:
    """What chrooted processes see must be root's, and the same as what the others see."""
    root = Owner.of_name("root")
    for folder in _JAIL_FOLDERS:
        top = os.path.join(directory, folder)
        if not os.path.isdir(top):
            continue
        entries = [(top, os.lstat(top)), *_inside(top)]
        yield from _foreign(entries, root)
        for path, status in entries:
            name = os.path.relpath(path, directory)
            original = os.path.join(system, name)
            if stat.S_ISREG(status.st_mode) and name not in SUMMARIES and _differ(path, original):
                yield _warning(f"{path} and {original} differ", f"cp {original} {path}")


def _differ(copy: str, original: str) -> bool:
    try:
        return os.path.isfile(original) and not filecmp.cmp(copy, original, shallow=False)
    except FileNotFoundError:  # one of them went meanwhile
        return False


def _foreign(entries: Iterable[Entry], owner: Owner) -> Iterator[Finding]:
    for path, status in entries:
        if status.st_uid not in owner.uids and not (stat.S_ISSOCK(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
            yield _warning(f"not owned by {owner.name}: {path}", f"chown {owner.name} {path}")


def _writable(entries: Iterable[Entry], owner: Owner) -> Iterator[Finding]:
    """Of a symbolic link the rights of its target count."""
    for path, status in entries:
        if stat.S_ISLNK(status.st_mode):
            try:
                status = os.stat(path)
            except OSError:
                continue  # it leads nowhere
        forbidden = 0o002 if status.st_gid == owner.own_group else 0o022
        if status.st_mode & forbidden:
            yield _warning(f"group or other writable: {path}", f"chmod go-w {path}")


def _warning(text: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, "", text, remedy)


def _inside(directory: str) -> Iterator[Entry]:
    """Yield path and lstat of everything below a directory, in the order of names, as far as it can be read."""
    for parent, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted((*folders, *files)):
            path = os.path.join(parent, name)
            with contextlib.suppress(FileNotFoundError):  # the mail system may be running
                yield path, os.lstat(path)
