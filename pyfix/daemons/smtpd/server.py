"""What all sessions of a process share: parameters, tables, neighbours, and the clock that ends silent sessions.

Timeouts are looked at once a tick for the session that has waited longest, instead of a timer for each: ten
thousand idle connections cost nothing while they are idle.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.base.log import Log
from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.extensions import Extensions
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peers
from pyfix.daemons.smtpd.restrictions.progress import Rules
from pyfix.daemons.smtpd.restrictions.questions import Stage
from pyfix.mail.ipc.aclient import AsyncPool
from pyfix.mail.maps import MatchList
from pyfix.mail.queue import Queue
from pyfix.service.worker import Worker

GATHERED_LIMIT: Final = 64 * 1024 * 1024
"""Content in memory, of all sessions together, from which on even small bodies go to their files early."""
_TICK_LIMIT_S: Final = 1.0
_TICKS_A_TIMEOUT: Final = 20


class Timed(Protocol):
    """A session, as far as its timeout is concerned."""

    deadline: float

    def timed_out(self) -> None: ...


class Deadlines:
    """The sessions in the order in which they may run out of time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        self._loop = loop
        self._tick_s = min(_TICK_LIMIT_S, timeout_s / _TICKS_A_TIMEOUT)
        self._sessions: dict[Timed, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, session: Timed) -> None:
        """Call session.timed_out() once its deadline has passed; the session may move its deadline on at any time."""
        self._sessions[session] = session.deadline
        if self._timer is None:
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    def forget(self, session: Timed) -> None:
        """The session has ended."""
        self._sessions.pop(session, None)

    def __iter__(self) -> Iterator[Timed]:
        return iter(list(self._sessions))

    def _tick(self) -> None:
        now = self._loop.time()
        while self._sessions:
            session, due = next(iter(self._sessions.items()))
            if due > now:
                break
            del self._sessions[session]
            if session.deadline <= now:
                session.timed_out()
            self._sessions[session] = max(session.deadline, now + self._tick_s)
        self._timer = self._loop.call_later(self._tick_s, self._tick) if self._sessions else None


@dataclass
class Server:
    """Shared by all sessions; made when the loop runs."""

    worker: Worker
    params: SmtpdParameters
    log: Log
    loop: asyncio.AbstractEventLoop
    queue: Queue
    rules: Rules
    stages: tuple[Stage, ...]
    """Stages at which the rules have something to say."""
    answers: Answers
    peers: Peers
    cleanup: AsyncPool
    disk: Executor
    extensions: Extensions
    forbidden: MatchList
    deadlines: Deadlines
    greeting: str = ""
    noop_commands: frozenset[str] = frozenset()
    gathered: int = 0
    is_stopping: bool = False

    def __post_init__(self) -> None:
        params = self.params
        self.soft_limit = params.smtpd_soft_error_limit if params.smtpd_error_sleep_time else sys.maxsize
        """Errors after which replies are delayed."""

    @property
    def is_crowded(self) -> bool:
        """True when the sessions together hold much content in memory."""
        return self.gathered > GATHERED_LIMIT

    def has_room(self) -> bool:
        """True when the queue file system can take a message of the largest size (queue_minfree)."""
        params = self.params
        free = self.queue.free_space()
        if free < params.queue_minfree or free < 1.5 * params.message_size_limit:
            self.log.warning(f"not enough free space in mail queue: {free} bytes < 1.5*message size limit")
            return False
        return True
