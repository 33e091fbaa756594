"""Can the user who will own a private instance enter a directory? Used by scripts/run and `pyfix init` as root."""

from __future__ import annotations

import os
import stat
import sys


def is_reachable(directory: str, uid: int, gid: int) -> bool:
    """Return whether a user may enter the directory and all above it, by owner, group or others' rights."""
    path = os.path.realpath(directory)
    while True:
        if os.path.exists(path) and not _may_enter(os.stat(path), uid, gid):
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def _may_enter(status: os.stat_result, uid: int, gid: int) -> bool:
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


if __name__ == "__main__":
    from pyfix.commands.init import instance_owner

    owner = instance_owner()
    sys.exit(0 if is_reachable(sys.argv[1], owner.pw_uid, owner.pw_gid) else 1)
