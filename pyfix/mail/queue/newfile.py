"""A queue file that is being made: from its creation to the one fsync that makes it a message.

smtpd, pickup and bounce create it and may spool a large content into it; cleanup takes it over by its id and commits.
The spooled content starts behind a gap, so that a header block that grew is written right-justified before the body
that stays where it is: a message of 50 MB is written once. Only when the growth exceeds the gap is the body copied,
to a place behind itself, where a crash in mid-copy spoils nothing.

A crash before the fsync returns leaves a file without the execute bit, or one that lacks the right checksum or length:
debris, recognised as such. An error leaves the file to `abort`, which the caller owes in every case but success.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import format
from pyfix.mail.queue.disk import Disk

COMPLETE_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class QueueFileInfo:
    """Where the content of a committed file lies."""

    content_offset: int
    content_length: int


class NewFile:
    """An incomplete queue file, open for writing. Close it, commit it or abort it."""

    __slots__ = ("_disk", "_queue_paths", "fd", "id", "path", "spooled")

    def __init__(self, disk: Disk, fd: int, queue_id: str, paths: tuple[str, str], spooled: int = 0) -> None:
        """`paths` are the file's present path and its path in the hold queue."""
        self._disk = disk
        self._queue_paths = {"incoming": paths[0], "hold": paths[1]}
        self.fd = fd
        self.id = queue_id
        self.path = paths[0]
        self.spooled = spooled

    def spool(self, data: bytes) -> None:
        """Append to the content that will be committed without being written again."""
        self._disk.write_all(self.fd, [data], format.GAP + self.spooled)
        self.spooled += len(data)

    def read_head(self, limit: int) -> bytes:
        """Return up to `limit` first bytes of the spooled content."""
        return self._disk.pread(self.fd, min(limit, self.spooled), format.GAP)

    def read_spooled(self, offset: int, size: int) -> bytes:
        """Return bytes of the spooled content."""
        return self._disk.pread(self.fd, max(0, min(size, self.spooled - offset)), format.GAP + offset)

    def overwrite(self, offset: int, data: bytes) -> None:
        """Replace bytes of the spooled content by as many others."""
        if offset + len(data) > self.spooled:
            raise ValueError("overwriting beyond the spooled content")
        self._disk.write_all(self.fd, [data], format.GAP + offset)

    def commit(
        self,
        envelope: Envelope,
        recipients: list[Recipient],
        *,
        content: Sequence[bytes] | None,
        head: bytes = b"",
        replaced: int = 0,
        queue: str = "incoming",
    ) -> QueueFileInfo:
        """Make the file a message on stable storage, in `queue` (incoming or hold), and close it: `write`, then
        `complete`."""
        info = self.write(envelope, recipients, content=content, head=head, replaced=replaced)
        self.complete(queue)
        return info

    def write(
        self,
        envelope: Envelope,
        recipients: list[Recipient],
        *,
        content: Sequence[bytes] | None,
        head: bytes = b"",
        replaced: int = 0,
    ) -> QueueFileInfo:
        """Write all of the message; it is none before `complete`.

        `content` is the whole content; with None it is what was spooled, its first `replaced` bytes replaced by `head`.
        Sets the position of each recipient, and the size and recipient count of the envelope.
        """
        offset, length = self._place_content(content, head, replaced)
        envelope.size = length
        envelope.recipient_count = len(recipients)
        for position, recipient in enumerate(recipients):
            recipient.position = position
        preamble, rest = format.encode(envelope, recipients, offset, length)
        if content is not None:
            if self.spooled:
                self._disk.ftruncate(self.fd, 0)
            self._disk.write_all(self.fd, [preamble, *content, *rest], 0)
        else:
            self._write_around_spool(preamble, head, rest, offset, length)
        return QueueFileInfo(offset, length)

    def _place_content(self, content: Sequence[bytes] | None, head: bytes, replaced: int) -> tuple[int, int]:
        """Return offset and length that the content will have; copy a spooled body that must move."""
        if content is not None:
            return format.PREAMBLE_SIZE, sum(map(len, content))
        length = self.spooled - replaced + len(head)
        offset = format.GAP + replaced - len(head)
        if offset >= format.PREAMBLE_SIZE:
            return offset, length
        offset = format.GAP + self.spooled
        self._copy(format.GAP + replaced, offset + len(head), self.spooled - replaced)
        return offset, length

    def _copy(self, source: int, target: int, length: int) -> None:
        while length > 0:
            copied = self._disk.copy_file_range(self.fd, self.fd, length, source, target)
            if copied == 0:
                raise OSError(errno.EIO, "spooled content ended early")
            source, target, length = source + copied, target + copied, length - copied

    def _write_around_spool(self, preamble: bytes, head: bytes, rest: list[bytes], offset: int, length: int) -> None:
        if head:
            self._disk.write_all(self.fd, [head], offset)
        self._disk.write_all(self.fd, rest, offset + length)
        self._disk.write_all(self.fd, [preamble], 0)

    def start_storing(self) -> None:
        """Have the kernel begin to store what is written, where `complete` does not follow at once."""
        self._disk.start_storing(self.fd)

    def complete(self, queue: str = "incoming") -> None:
        """Move, mark, sync and close: in this order, so that no complete file is ever seen outside its queue."""
        disk = self._disk
        if queue != "incoming":
            self._move(self._queue_paths[queue])
        disk.fchmod(self.fd, COMPLETE_MODE)
        disk.fsync(self.fd)
        self.close()

    def _move(self, target: str) -> None:
        try:
            self._disk.rename(self.path, target)
        except FileNotFoundError:  # the first file of a subdirectory (hash_queue_names)
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            self._disk.rename(self.path, target)
        self.path = target

    def write_frame(self, data: bytes, offset: int) -> int:
        """Write a part of a file that is no message yet (maildrop), and return its length."""
        self._disk.write_all(self.fd, [data], offset)
        return len(data)

    def complete_drop(self, mode: int) -> None:
        """Mark and sync a file in maildrop, and close it."""
        self._disk.fchmod(self.fd, mode)
        self._disk.fsync(self.fd)
        self.close()

    def abort(self) -> None:
        """Remove the file; one that somebody else has removed already is no error."""
        try:
            self._disk.unlink(self.path)
        except FileNotFoundError:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close without removing: cleanup has taken the file over, or has finished it."""
        if self.fd >= 0:
            self._disk.close(self.fd)
            self.fd = -1
