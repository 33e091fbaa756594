"""Scans of incoming and deferred, a slice of time at a time.

A scan goes on where it stopped: when the active queue is full, when its slice of the loop's time is used up. With
both queues in scan they take turns, so that a backlog of deferred mail never holds up new mail. A scan that is
asked for while one runs is repeated when that ends.

New mail normally comes by hints; incoming is scanned at start, on a trigger, and after hints had to be dropped
because the active queue was full.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Final, Protocol

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.mail.queue import Entry, Queue

_SLICE_S: Final = 0.003
_PAUSE_S: Final = 0.001
"""Between slices the loop serves the agents."""
_SKEW_S: Final = 1.0
"""A time stamp may be so far ahead of the clock that is read here."""


class Taker(Protocol):
    """Where the files go."""

    @property
    def has_room(self) -> bool: ...

    def take_file(self, name: str, queue_id: str, flushed: bool = False) -> None: ...


class Scan:
    """The scan of one queue."""

    __slots__ = ("_again", "_entries", "_flush", "_flush_again", "_log", "_queue", "name")

    def __init__(self, queue: Queue, name: str, log: Log) -> None:
        self._queue = queue
        self._log = log
        self.name = name
        self._entries: Iterator[Entry] | None = None
        self._again = False
        self._flush = False
        self._flush_again = False

    @property
    def is_running(self) -> bool:
        """True until every file has been looked at."""
        return self._entries is not None

    @property
    def is_flush(self) -> bool:
        """True when time stamps do not count."""
        return self._flush

    def request(self, *, flush: bool = False) -> None:
        """Scan, or scan again when the present scan ends."""
        if self._entries is not None:
            self._again = True
            self._flush_again = self._flush_again or flush
        else:
            self._flush = flush
            self._entries = self._queue.scan(self.name, partial(events.scan_failed, self._log, self.name))

    def step(self, now: float) -> Entry | None:
        """Look at one file; return it if it is due."""
        assert self._entries is not None
        entry = next(self._entries, None)
        if entry is None:
            self._end()
        elif entry.complete and (self._flush or entry.mtime <= now + _SKEW_S):
            return entry
        return None

    def _end(self) -> None:
        self._entries = None
        if self._again:
            self._again = False
            flush, self._flush_again = self._flush_again, False
            self.request(flush=flush)


class Feeder:
    """Fills the active queue from both scans."""

    def __init__(self, queue: Queue, taker: Taker, log: Log) -> None:
        self.incoming = Scan(queue, "incoming", log)
        self.deferred = Scan(queue, "deferred", log)
        self._taker = taker
        self._is_scheduled = False
        self._is_stopped = False

    def scan_incoming(self) -> None:
        """Look for new mail that no hint told of."""
        self.incoming.request()
        self.resume()

    def scan_deferred(self, *, flush: bool = False) -> None:
        """Look for mail that is due; with flush, take all of it."""
        self.deferred.request(flush=flush)
        self.resume()

    def resume(self) -> None:
        """Go on with scans, if any waits and there is room."""
        if self._is_scheduled or self._is_stopped or not self._taker.has_room:
            return
        if self.incoming.is_running or self.deferred.is_running:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(_PAUSE_S, self._slice)

    def stop(self) -> None:
        """Take nothing more."""
        self._is_stopped = True

    def _slice(self) -> None:
        self._is_scheduled = False
        end = clock.monotonic() + _SLICE_S
        now = clock.now()
        while self._round(now) and clock.monotonic() < end:
            pass
        self.resume()

    def _round(self, now: float) -> bool:
        """Look at one file of each queue; return False when there is nothing to do."""
        worked = False
        for scan in (self.incoming, self.deferred):
            if scan.is_running and self._taker.has_room and not self._is_stopped:
                worked = True
                entry = scan.step(now)
                if entry is not None:
                    self._taker.take_file(scan.name, entry.id, scan.is_flush)
        return worked
