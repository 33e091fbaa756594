"""Threads for what waits: as few as get along, up to a limit.

A thread costs little that waits for a server; several that run Python code at the same time take the interpreter from
each other, which made a login cost half as much again. So one thread serves all while questions are answered quickly;
another one comes when a question has waited for PATIENCE_S, and goes when it finds nothing to do while another one
waits, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pyfix.base import clock

R = TypeVar("R")
PATIENCE_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    done: asyncio.Future[Any]
    since: float


class Crew:
    """The threads of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        """limit: threads at the most."""
        self._loop = loop
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: deque[_Job] = deque()
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """True for each job, False for each thread that is to end."""
        self._threads = 0
        self._idle = 0
        self._is_watching = False

    @property
    def size(self) -> int:
        """How many threads there are."""
        return self._threads

    def run(self, work: Callable[[], R]) -> asyncio.Future[R]:
        """Have a thread do it; the future has what comes of it."""
        done: asyncio.Future[R] = self._loop.create_future()
        self._jobs.append(_Job(work, done, clock.monotonic()))
        self._calls.put(True)
        if not self._threads:
            self._add_thread()
        elif not self._is_watching:
            self._watch()
        return done

    def close(self) -> None:
        """Have the threads end when they have nothing to do; nobody waits for them."""
        for _ in range(self._threads):
            self._calls.put(False)

    def _watch(self) -> None:
        self._is_watching = True
        self._loop.call_later(PATIENCE_S, self._look)

    def _look(self) -> None:
        """See whether one more thread is needed."""
        self._is_watching = False
        try:
            oldest = self._jobs[0]
        except IndexError:
            return
        if clock.monotonic() - oldest.since >= PATIENCE_S and self._threads < self._limit:
            self._add_thread()
        self._watch()

    def _add_thread(self) -> None:
        with self._lock:
            self._threads += 1
        threading.Thread(target=self._serve, name="login", daemon=True).start()

    def _serve(self) -> None:
        while self._wait():
            job = self._jobs.popleft()
            try:
                value, error = job.work(), None
            except BaseException as raised:  # noqa: BLE001 - whoever waits for the job gets it, whatever it is
                value, error = None, raised
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(_finish, job.done, value, error)
            del job, value, error

    def _wait(self) -> bool:
        """Wait for a job; False when this thread is to end."""
        with self._lock:
            is_idle = self._calls.empty()
            if is_idle and self._idle:
                self._threads -= 1
                return False
            self._idle += is_idle
        is_job = self._calls.get()
        with self._lock:
            self._idle -= is_idle
            self._threads -= not is_job
        return is_job


def _finish(done: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(value)
