"""The messages of a Maildir as one listing found them: names, packed, and where each is.

100,000 names are one text and one array here, 6 MiB instead of 20. new/ is read before cur/: a message that another
program moves meanwhile is seen twice, never missed, and of two files with one base the later counts.

Names that begin with a dot, and whatever is no regular file, are no messages.
See: maildir(5).
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from pyfix.mail.mailbox.reading.errors import unavailable
from pyfix.mail.mailbox.reading.names import bases_of

SUBDIRECTORIES: Final = ("new", "cur")
_REST: Final = re.compile(",[^/]*")
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Catalog:
    """Names by index from 0, in the order of the listing."""

    __slots__ = ("_bases", "_changed", "_ends", "_text", "in_new")

    def __init__(self, names: Sequence[str], in_new: bytes) -> None:
        """`in_new` has a 1 for each message in new/, a 0 for each in cur/."""
        self._text = "/".join(names)
        self._ends = array("Q", accumulate(map(len, names)))
        self.in_new = bytearray(in_new)
        self._changed: dict[int, str] = {}
        self._bases: str | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._ends)

    def name(self, index: int) -> str:
        """Return the name of a file."""
        changed = self._changed.get(index)
        if changed is not None:
            return changed
        start = self._ends[index - 1] + index if index else 0
        return self._text[start : self._ends[index] + index]

    def names(self) -> list[str]:
        """Return all names."""
        if not self._ends:
            return []
        names = self._text.split("/")
        for index, name in self._changed.items():
            names[index] = name
        return names

    def text(self) -> str:
        """Return all names, joined by "/"."""
        return "/".join(self.names()) if self._changed else self._text

    def bases(self) -> str:
        """Return all base names, joined by "/"."""
        if self._bases is None:
            self._bases = bases_of(self._text)
        return self._bases

    def forget_bases(self) -> None:
        """Make room: they are needed at the beginning of a session, and made again when they are asked for."""
        self._bases = None

    def uniques(self) -> list[str]:
        """Return the unique parts of all names."""
        uniques = _REST.sub("", self.bases()).split("/") if self._ends else []
        self.forget_bases()
        return uniques

    def path(self, index: int) -> str:
        """Return the path below the Maildir."""
        return f"{SUBDIRECTORIES[0 if self.in_new[index] else 1]}/{self.name(index)}"

    def move(self, index: int, name: str, *, in_new: bool) -> None:
        """Note where a message is now."""
        self._changed[index] = name
        self.in_new[index] = in_new

    def select(self, order: Sequence[int]) -> Catalog:
        """Return the messages at these indices, in this order."""
        names = self.names()
        return Catalog([names[index] for index in order], bytes(self.in_new[index] for index in order))


def read_names(root: int, subdirectory: str, path: str) -> list[str]:
    """Return the names of the files in a subdirectory, sorted; a missing one has none. Raises MailboxUnavailable."""
    try:
        fd = os.open(subdirectory, _DIRECTORY, dir_fd=root)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unavailable("cannot open directory", f"{path}{subdirectory}", error) from error
    try:
        with os.scandir(fd) as entries:
            found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError as error:
        raise unavailable("cannot read directory", f"{path}{subdirectory}", error) from error
    finally:
        os.close(fd)
    found.sort()
    del found[bisect_left(found, ".") : bisect_left(found, "/")]
    return found


def read_catalog(root: int, path: str) -> Catalog:
    """List a Maildir, which is open as `root`; messages are in the order of their names. Raises MailboxUnavailable."""
    new = read_names(root, "new", path)
    cur = read_names(root, "cur", path)
    if not new:
        return _without_repeats(cur, bytes(len(cur)))
    places = dict.fromkeys(new, 1) | dict.fromkeys(cur, 0)
    names = sorted(places)
    return _without_repeats(names, bytes(map(places.__getitem__, names)))


def _without_repeats(names: list[str], in_new: bytes) -> Catalog:
    """Keep one file of each base: another is what a rename during the listing has left of it."""
    catalog = Catalog(names, in_new)
    bases = catalog.bases().split("/")
    if len(set(bases)) == len(bases):
        return catalog
    latest: dict[str, int] = {}
    for index, base in enumerate(bases):
        if base not in latest or not in_new[index]:
            latest[base] = index
    return catalog.select(sorted(latest.values()))
