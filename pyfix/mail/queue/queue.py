"""The queue directory: where a message lies, moves and is found.

Queues are directories below the root; those in hash_queue_names spread their files over subdirectories, made when they
are first needed.

A new file must bear the final name from the start, and the name holds the inode number. So it is made without a name
(O_TMPFILE) and linked, which took 54 us where a temporary name and a rename took 75. Where a file system lacks
O_TMPFILE, or a chroot jail lacks /proc, through which the link goes, the temporary name is used.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Self

from pyfix.base import clock
from pyfix.mail.queue import format, ids
from pyfix.mail.queue.disk import Disk
from pyfix.mail.queue.file import QueueFile, open_regular
from pyfix.mail.queue.format import CorruptFile
from pyfix.mail.queue.held import HeldFile
from pyfix.mail.queue.newfile import NewFile
from pyfix.mail.queue.scan import Entry, OnError, raise_error, scan_directory
from pyfix.mail.queue.spare import Spares

if TYPE_CHECKING:
    from pyfix.mail.queue.params import QueueParameters

QUEUE_NAMES: Final = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
"""Where messages lie."""
LOG_NAMES: Final = ("bounce", "defer", "trace")
"""Where the services of these names, or others that have their tasks, keep what there is to tell about a message."""

_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS
_UNNAMED: Final = os.O_RDWR | getattr(os, "O_TMPFILE", 0) | os.O_CLOEXEC
_NO_UNNAMED: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EPERM, errno.EXDEV)
_CREATE_ATTEMPTS: Final = 100
_TEMPORARY: Final = re.compile(r"\.new\.[0-9]+\.[0-9]+")


class Queue:
    """The queue below `root`."""

    def __init__(
        self,
        root: str = ".",
        *,
        long_ids: bool = False,
        hash_names: Sequence[str] = ("deferred", "defer"),
        hash_depth: int = 1,
        disk: Disk | None = None,
    ) -> None:
        self._prefix = "" if root == "." else root.rstrip("/") + "/"
        self._encode_id = ids.encode_long if long_ids else ids.encode_short
        self._hash_names = frozenset(hash_names) - {"maildrop"}  # whose files users make: no pickup could enter theirs
        self._hash_depth = hash_depth
        self._disk = disk or Disk()
        self._unnamed_works = hasattr(os, "O_TMPFILE")
        self._spares = Spares(self._prefix, self._disk)

    @classmethod
    def from_params(cls, params: QueueParameters, root: str = ".") -> Self:
        """Return the queue that the configuration describes."""
        return cls(
            root,
            long_ids=params.enable_long_queue_ids,
            hash_names=params.hash_queue_names,
            hash_depth=params.hash_queue_depth,
        )

    # --- names

    def path(self, name: str, queue_id: str) -> str:
        """Return where the file of this id lies in queue `name`; raise ValueError for what is no queue id."""
        if not ids.is_valid(queue_id):
            raise ValueError(f"bad queue id: {queue_id!r}")
        return self._directory(name, queue_id) + queue_id

    def _directory(self, name: str, queue_id: str) -> str:
        if name not in self._hash_names:
            return f"{self._prefix}{name}/"
        digits = ids.hash_digits(queue_id)[: self._hash_depth]
        return f"{self._prefix}{name}/{'/'.join(digits)}/"

    # --- making

    def create(self, name: str = "incoming") -> NewFile:
        """Make an empty, incomplete file under a new id, of a spare one if there is any.

        In maildrop the owner of the file is who submits, so it must be made by that user.
        """
        spare = self._spares.take() if name != "maildrop" else None
        if spare is not None and (file := self._create_from(*spare, name)) is not None:
            return file
        if self._unnamed_works:
            try:
                return self._create_unnamed(name)
            except OSError as error:
                if error.errno not in _NO_UNNAMED:
                    raise
                self._unnamed_works = False
        return self._create_renamed(name)

    def _create_from(self, fd: int, path: str, name: str) -> NewFile | None:
        try:
            return self._give_name(fd, name, lambda new: self._disk.rename(path, new))
        except FileNotFoundError:  # another process was faster
            self._disk.close(fd)
            return None
        except OSError:
            self._disk.close(fd)
            raise

    def _create_unnamed(self, name: str) -> NewFile:
        fd = self._disk.open(f"{self._prefix}{name}", _UNNAMED, 0o600)
        try:
            # A descriptor as src_dir_fd makes CPython call linkat(2), which follows the link that /proc gives.
            return self._give_name(
                fd, name, lambda path: self._disk.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
            )
        except OSError:
            self._disk.close(fd)
            raise

    def _create_renamed(self, name: str) -> NewFile:
        temporary = f"{self._prefix}{name}/.new.{os.getpid()}.{clock.monotonic() * 1e9:.0f}"
        fd = self._disk.open(temporary, _CREATE, 0o600)
        try:
            return self._give_name(fd, name, lambda path: self._rename_new(temporary, path))
        except OSError:
            self._disk.close(fd)
            self._unlink_if_there(temporary)
            raise

    def _rename_new(self, temporary: str, path: str) -> None:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        self._disk.rename(temporary, path)

    def _give_name(self, fd: int, name: str, give: Callable[[str], None]) -> NewFile:
        """Name the file by its inode and the time; a name that is taken gets the next microsecond."""
        inode = self._disk.fstat(fd).st_ino
        for _ in range(_CREATE_ATTEMPTS):
            queue_id = self._encode_id(int(clock.now() * 1e9), inode)
            path = self._directory(name, queue_id) + queue_id
            try:
                self._make_way(give, path, name)
            except FileExistsError:
                continue
            return NewFile(self._disk, fd, queue_id, (path, self.path("hold", queue_id)))
        raise FileExistsError(errno.EEXIST, f"no free queue id in {name}")

    def _make_way(self, give: Callable[[str], None], path: str, name: str) -> None:
        """Call `give`, and once more when the subdirectory of the path may have been missing."""
        try:
            give(path)
        except FileNotFoundError:
            if name not in self._hash_names:
                raise
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            give(path)

    def adopt(self, queue_id: str) -> NewFile:
        """Open the incomplete file that another process created in incoming; raise CorruptFile if it is none."""
        path = self.path("incoming", queue_id)
        fd = open_regular(self._disk, path, os.O_RDWR)
        status = self._disk.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & stat.S_IXUSR:
            self._disk.close(fd)
            raise CorruptFile("not an incomplete file")
        return NewFile(
            self._disk, fd, queue_id, (path, self.path("hold", queue_id)), max(0, status.st_size - format.GAP)
        )

    # --- using

    def open(self, name: str, queue_id: str, writable: bool = False) -> QueueFile:
        """Open a complete file; raise FileNotFoundError, or CorruptFile with the reason."""
        access = os.O_RDWR if writable else os.O_RDONLY
        return QueueFile.open_path(self.path(name, queue_id), self._disk, access)

    def hold(self, name: str, queue_id: str, content_end: int, recipient_count: int) -> HeldFile:
        """Open a complete file that is described already; raise FileNotFoundError, or CorruptFile with the reason."""
        return HeldFile.open_path(self.path(name, queue_id), self._disk, content_end, recipient_count)

    def move(self, queue_id: str, old: str, new: str, mtime: float | None = None) -> None:
        """Rename between queues; `mtime` (the time of the next attempt) is set first, so none sees it without."""
        source, target = self.path(old, queue_id), self.path(new, queue_id)
        if mtime is not None:
            os.utime(source, (mtime, mtime), follow_symlinks=False)
        self._make_way(lambda path: self._disk.rename(source, path), target, new)

    def remove(self, name: str, queue_id: str) -> None:
        """Remove a file; raise FileNotFoundError if there is none."""
        self._disk.unlink(self.path(name, queue_id))

    def recycle(self, name: str, queue_id: str) -> None:
        """Remove a message's file as `remove` does, keeping it as a spare for the next message."""
        self._spares.keep(self.path(name, queue_id), queue_id)

    def quarantine(self, name: str, queue_id: str) -> str:
        """Move a corrupt file to corrupt/ for a person to look at; return the text for the log's warning."""
        self.move(queue_id, name, "corrupt")
        return f'saving corrupt file "{queue_id}" from queue "{name}" to queue "corrupt"'

    def _unlink_if_there(self, path: str) -> None:
        try:
            self._disk.unlink(path)
        except FileNotFoundError:
            pass

    # --- looking

    def scan(self, name: str, on_error: OnError = raise_error) -> Iterator[Entry]:
        """Yield the files of a queue, in no order; names that are no queue ids are passed over."""
        for _, entry in self._scan(name, ids.is_valid, on_error):
            yield entry

    def _scan(self, name: str, is_wanted: Callable[[str], bool], on_error: OnError) -> Iterator[tuple[str, Entry]]:
        depth = self._hash_depth if name in self._hash_names else 0
        return scan_directory(self._disk, f"{self._prefix}{name}", depth, is_wanted, on_error)

    def remove_debris(self, name: str, older_than: float, on_error: OnError = raise_error) -> list[str]:
        """Remove incomplete files last written before `older_than`, and return their names."""
        removed: list[str] = []
        for path, entry in self._scan(name, _is_ours, on_error):
            if entry.complete or entry.mtime >= older_than:
                continue
            try:
                self._unlink_if_there(path)
            except OSError as error:
                on_error(error)
            else:
                removed.append(entry.id)
        return removed

    def find(self, queue_id: str, names: Sequence[str] = QUEUE_NAMES) -> str | None:
        """Return the first of these queues that holds the id."""
        return next((name for name in names if os.path.lexists(self.path(name, queue_id))), None)

    def free_space(self) -> int:
        """Return the bytes that are free for mail."""
        status = os.statvfs(self._prefix or ".")
        return status.f_bavail * status.f_frsize


def _is_ours(name: str) -> bool:
    return ids.is_valid(name) or _TEMPORARY.fullmatch(name) is not None
