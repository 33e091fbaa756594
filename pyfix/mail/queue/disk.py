"""The system calls of the queue behind one object, so that a test can make each of them fail or kill the process.

The functions are the kernel's, unwrapped, but for `write_all`, which goes on after a short write: a disk that fills up
in mid-write writes what fits and complains only at the next call.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final

_MAX_BUFFERS: Final = 1000
"""Below IOV_MAX, 1024 on Linux."""


class Disk:
    """What the queue asks of the kernel."""

    open = staticmethod(os.open)
    close = staticmethod(os.close)
    fstat = staticmethod(os.fstat)
    pread = staticmethod(os.pread)
    pwrite = staticmethod(os.pwrite)
    pwritev = staticmethod(os.pwritev)
    fchmod = staticmethod(os.fchmod)
    fsync = staticmethod(os.fsync)
    ftruncate = staticmethod(os.ftruncate)
    link = staticmethod(os.link)
    rename = staticmethod(os.rename)
    unlink = staticmethod(os.unlink)
    listdir = staticmethod(os.listdir)
    copy_file_range = staticmethod(os.copy_file_range)

    @staticmethod
    def scandir(path: str) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """List a directory, piece by piece; a context manager."""
        return os.scandir(path)

    @staticmethod
    def start_storing(fd: int) -> None:
        """Have the kernel begin to write a file out, without waiting: a sync that follows then has less to wait for."""
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:
            pass  # only haste is lost: the sync does it all

    def write_all(self, fd: int, buffers: Sequence[bytes], offset: int) -> None:
        """Write all buffers one after the other at `offset`, in one call where the kernel allows."""
        if len(buffers) > _MAX_BUFFERS:
            buffers = [b"".join(buffers)]
        wanted = sum(map(len, buffers))
        written = self.pwritev(fd, buffers, offset)
        if written < wanted:
            self._write_rest(fd, b"".join(buffers), offset, written)

    def _write_rest(self, fd: int, data: bytes, offset: int, written: int) -> None:
        view = memoryview(data)
        while written < len(view):
            written += self.pwrite(fd, view[written:], offset + written)
