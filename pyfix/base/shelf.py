"""What a process leaves for those that come after it: a few named pieces in memory, which no disk sees.

The master makes a shelf for a service, without ever looking at it, and each process of the service is born with it. One
that finds what it needs in order puts a copy there; one that finds it broken takes that copy. The pieces are gone with
the master.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec

_DIGEST_SIZE: Final = hashlib.sha256().digest_size


class Shelf:
    """One of them; the memory is shared by all who have its descriptor."""

    def __init__(self, name: str) -> None:
        self._fd = os.memfd_create(name, os.MFD_CLOEXEC)

    def write(self, pieces: Mapping[str, bytes]) -> None:
        """Replace what is there."""
        content = msgspec.msgpack.encode(dict(pieces))
        with self._locked(fcntl.LOCK_EX):
            if self._read() == content:
                return
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, hashlib.sha256(content).digest() + content, 0)

    def read(self) -> dict[str, bytes]:
        """Return what is there; nothing, where nobody has left anything or was killed in the middle of it."""
        with self._locked(fcntl.LOCK_SH):
            content = self._read()
        return msgspec.msgpack.decode(content, type=dict[str, bytes]) if content else {}

    def close(self) -> None:
        """Let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> bytes:
        whole = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        content = whole[_DIGEST_SIZE:]
        return content if hashlib.sha256(content).digest() == whole[:_DIGEST_SIZE] else b""

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        fcntl.lockf(self._fd, kind)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)
