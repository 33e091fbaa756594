"""Whose rights a process has: once for its whole life (the jail), or for one delivery (as the recipient).

Started by root, the master stays root; a worker whose master.cf line says "unprivileged: y" becomes mail_owner for
good before it reads anything from outside, and one that says "n" (local, virtual, pipe) keeps root only to take on
each recipient's rights in turn. Started by an ordinary user, everybody is that user and `can_switch` is False.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class RightsError(Exception):
    """Rights that the configuration asks for cannot be had."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with its groups, as numbers."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def of_name(cls, name: str) -> Identity:
        """Look a user up with all its groups; raise RightsError when there is no such user."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise RightsError(f"unknown user: {name}") from None
        return cls(entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)))


class Rights:
    """What this process may become."""

    def __init__(self) -> None:
        self._current: Identity | None = None

    @property
    def can_switch(self) -> bool:
        """True for a process of root's: only such can act as somebody else."""
        return os.getuid() == 0

    @contextlib.contextmanager
    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> Iterator[None]:
        """Act with these effective ids inside the block, and with those of before after it. Without root's rights
        nothing changes.

        Raises RightsError when root's rights are there and the switch fails: nothing must go on as root then.
        """
        if not self.can_switch:
            yield
            return
        before = self._current
        self.switch(uid, gid, groups)
        try:
            yield
        finally:
            if before is None:
                self.restore()
            else:
                self.switch(before.uid, before.gid, before.groups)

    def switch(self, uid: int, gid: int, groups: Sequence[int] = ()) -> None:
        """Take on effective ids; a no-op if they are in force already, so that a run of deliveries to one user is
        cheap. Raises RightsError, with root's rights in force."""
        wanted = Identity(uid, gid, tuple(groups))
        if wanted == self._current:
            return
        try:
            if self._current is not None:
                os.seteuid(0)
            os.setgroups(groups or [gid])
            os.setegid(gid)
            os.seteuid(uid)
        except OSError as error:
            _be_root()
            self._current = None
            raise RightsError(f"set user id {uid}, group id {gid}: {error.strerror}") from error
        self._current = wanted

    def restore(self) -> None:
        """Be root again, if `switch` has changed that."""
        if self._current is not None:
            _be_root()
            self._current = None


def _be_root() -> None:
    os.seteuid(0)
    os.setegid(0)
    os.setgroups([])


def become(identity: Identity) -> None:
    """Give up root for good; raise RightsError if anything of it would be left."""
    try:
        os.setgroups(identity.groups or [identity.gid])
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except OSError as error:
        raise RightsError(f"become user id {identity.uid}: {error.strerror}") from error
    if identity.uid != 0 and 0 in os.getresuid():
        raise RightsError("root's rights could not be given up")


def group_id(name: str) -> int:
    """Return the number of a group; raise RightsError."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise RightsError(f"unknown group: {name}") from None
