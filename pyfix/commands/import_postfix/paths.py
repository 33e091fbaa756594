"""Where things go that belong to Postfix. Pure."""

from __future__ import annotations

from typing import Final

OWN_DIRECTORIES: Final = {
    "queue_directory": "files of Postfix's queue are not read, and two mail systems must not share a queue",
    "data_directory": "what Postfix's processes keep is not pyfix's",
}


def own_path(path: str) -> str:
    """Return another directory in the place of one of Postfix's."""
    parts = path.rstrip("/").split("/")
    renamed = "/".join(part.replace("postfix", "pyfix") for part in parts)
    return renamed if renamed != "/".join(parts) else f"{renamed}-pyfix"


def is_below(path: str, directory: str) -> bool:
    """Return whether a path is in a directory, however deep."""
    return path.startswith(f"{directory.rstrip('/')}/")


def move_below(path: str, old: str, new: str) -> str:
    """Return the path in the new directory of what is in the old one."""
    return new.rstrip("/") + path.removeprefix(old.rstrip("/"))
