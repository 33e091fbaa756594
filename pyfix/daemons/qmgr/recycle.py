"""Remove the files of finished messages, in a thread of its own.

To empty a file and to rename it waits for the file system's journal: half of the time that qmgr's only thread had on a
busy machine went there, and all deliveries waited with it. Here the files that gathered are removed one after the
other, and the loop is told of all of them at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from pyfix.mail.queue import Queue

_BATCH: Final = 32
"""Files at most whose removal is reported together."""

OnRemoved = Callable[[OSError | None], None]
"""Told on the loop; FileNotFoundError means that somebody else was faster."""
_Request = tuple[str, OnRemoved]


class Recycler:
    """The thread. `queue` is for it alone."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._requests: SimpleQueue[_Request | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="recycle", daemon=True)
        self._thread.start()

    def recycle(self, queue_id: str, on_removed: OnRemoved) -> None:
        """Remove a file of the active queue, or make it a spare one."""
        self._requests.put((queue_id, on_removed))

    def close(self) -> None:
        """Do what has been asked for, and end."""
        self._requests.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - a fault that only this thread saw would leave all files where they are
            self._loop.call_soon_threadsafe(_raise, error)

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._take_batch()
            results = [(on_removed, self._remove(queue_id)) for queue_id, on_removed in batch]
            if results:
                self._loop.call_soon_threadsafe(_report, results)

    def _take_batch(self) -> tuple[list[_Request], bool]:
        """Return the requests that are there, waiting for one, and whether there can be more."""
        batch: list[_Request] = []
        while len(batch) < _BATCH and (not batch or not self._requests.empty()):
            request = self._requests.get()
            if request is None:
                return batch, False
            batch.append(request)
        return batch, True

    def _remove(self, queue_id: str) -> OSError | None:
        try:
            self._queue.recycle("active", queue_id)
        except OSError as error:
            return error
        return None


def _report(results: list[tuple[OnRemoved, OSError | None]]) -> None:
    for on_removed, error in results:
        on_removed(error)


def _raise(error: Exception) -> None:
    """A fault of the program ends the process, as one in the loop does."""
    raise error
