"""Connections to the delivery agents of one transport.

Connections are kept, and requests pipelined up to the depth that the agent's Hello tells. The fullest agent that has
room gets the next request, and a further one only when none has: what an agent has at hand together it makes durable
together, and its code stays in the processor's caches (mail/ipc/pool.py has the figures). A request
takes places by its recipients and its size, a large one all of them, and an agent that gave no answer for PATIENCE_S
counts as full (a mailbox that is locked, a disk that hangs), so that little waits behind it while there is another way.
How many connections there are follows from what the agents are:

    concurrent (smtp)         one connection: the agent's event loop does the rest
    blocking, depth > 1       another one when all are full, up to twice the processors that answer in time
    blocking, depth 1 (local) one for each delivery that could run now, at most two being opened at a time

The master decides how many processes there really are: a connection that no process has accepted yet is pending and
gets nothing. Where it stays the only one for transport_retry_time, the processes die before they get to it (a mistake
in master.cf, say), and the transport is out of order. A connection that was of no use for ipc_idle seconds is closed,
since it holds a process.

When a connection ends with requests in flight the pool only reports them; whether they are tried again is decided
above.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.qmgr.scheduler import Entry
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import PROTOCOL_VERSION, AnyMessage, Deliver, Delivered, Goodbye, Hello, Refused
from pyfix.mail.ipc.pool import PATIENCE_S
from pyfix.service.many_clients import cpu_count

_PENDING_LIMIT: Final = 2
_PLACE_BYTES: Final = 16 * 1024
"""A message of more counts as several."""
_DEATH_LIMIT: Final = 3
"""So many connections in a row that end before their greeting put the transport out of order."""


class PoolUser(Protocol):
    """Who owns a pool and is told what happens."""

    def agent_ready(self) -> None:
        """An agent can take a request."""

    def agent_answered(self, entry: Entry, reply: Delivered) -> None:
        """A request is done."""

    def agent_lost(self, entries: list[Entry], blamed: int) -> None:
        """Requests went down with their agent; of those not done, the first `blamed` are suspected of it.

        An agent may have had several in hand (virtual writes a batch), and an innocent one may be first: it is put off
        in the end, as the guilty one is when its turn comes.
        """

    def agents_unavailable(self, reason: str) -> None:
        """Nobody takes requests, and nobody is about to."""


class Agent:
    """One connection, its greeting, and what is in flight on it."""

    __slots__ = ("concurrent", "connection", "depth", "in_flight", "last_use", "load", "retiring")

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.depth = 0
        """0 until the greeting has come."""
        self.concurrent = False
        self.retiring = False
        self.in_flight: dict[int, Entry] = {}
        self.load = 0
        """Places that the requests in flight take; full from depth on."""
        self.last_use = clock.monotonic()
        """When it answered last, or got a request when it had none."""

    def take(self, seq: int, entry: Entry) -> None:
        """Note a request in flight."""
        if not self.in_flight:
            self.last_use = clock.monotonic()
        self.in_flight[seq] = entry
        self.load += self._weigh(entry)

    def drop(self, seq: int) -> Entry | None:
        """Forget a request; return its entry, None for one that is not in flight."""
        entry = self.in_flight.pop(seq, None)
        if entry is not None:
            self.load -= self._weigh(entry)
        return entry

    def has_room(self, now: float) -> bool:
        """Tell whether another request should go here."""
        return not self.retiring and self.load < self.depth and not self.is_slow(now)

    def is_slow(self, now: float) -> bool:
        """Tell whether it owes an answer for a while."""
        return bool(self.in_flight) and not self.concurrent and now - self.last_use >= PATIENCE_S

    def _weigh(self, entry: Entry) -> int:
        if self.depth == 1 or self.concurrent:
            return 1
        return len(entry.recipients) * (1 + entry.job.message.content_length // _PLACE_BYTES)

    def close(self) -> None:
        """Take no more requests; close when the last is answered."""
        self.retiring = True
        if not self.in_flight and self.connection is not None:
            self.connection.close()


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What bounds the connections of one pool."""

    pipelined: int = max(4, 2 * cpu_count())
    """Connections to blocking agents that take several requests, and answer in time: one that makes fifty files
    durable waits for the disk most of the time."""
    pipelined_in_all: int = 20
    idle_s: float = 5.0
    greeting_s: float = 60.0
    """How long a connection may be pending while there is no other."""


class Pool:
    """The agents behind one socket."""

    def __init__(
        self,
        path: str,
        user: PoolUser,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        limits: PoolLimits | None = None,
    ) -> None:
        self.path = path
        self.in_flight = 0
        self._user = user
        self._spawn = spawn
        self._limits = limits or PoolLimits()
        self._agents: list[Agent] = []
        self._pending: set[Agent] = set()
        """Without a greeting so far."""
        self._is_closed = False
        self._deaths = 0
        self._seq = 0

    def pick(self, wanted: int) -> Agent | None:
        """Return the agent that should get the next request, None for none yet; `wanted` requests could run now."""
        best: Agent | None = None
        load, now = -1, clock.monotonic()
        for agent in self._agents:
            if agent.load > load and agent.has_room(now):
                best, load = agent, agent.load
        if best is None:
            self._grow(wanted)
        return best

    def send(self, agent: Agent, request: Deliver, entry: Entry) -> None:
        """Hand a request to an agent that pick returned; sets its seq."""
        self._seq += 1
        request.seq = self._seq
        agent.take(self._seq, entry)
        self.in_flight += 1
        assert agent.connection is not None
        agent.connection.send(request)

    def _grow(self, wanted: int) -> None:
        """Open another connection if that makes deliveries start earlier."""
        open_agents = [agent for agent in self._agents if not agent.retiring]
        if any(agent.concurrent for agent in open_agents):
            return
        if not open_agents:
            limit = 1
        elif all(agent.depth == 1 for agent in open_agents):
            limit = len(open_agents) + min(wanted, _PENDING_LIMIT)
        else:
            slow = sum(agent.is_slow(clock.monotonic()) for agent in open_agents)
            limit = min(self._limits.pipelined + slow, self._limits.pipelined_in_all)
        pending = len(self._pending)
        if len(open_agents) + pending < limit and pending < _PENDING_LIMIT and not self._is_closed:
            agent = Agent()
            self._pending.add(agent)
            self._spawn(self._connect(agent))

    async def _connect(self, agent: Agent) -> None:
        loop = asyncio.get_running_loop()

        def receive(message: AnyMessage, connection: Connection) -> None:
            self._receive(agent, message, connection)

        def end(connection: Connection, problem: str) -> None:
            self._ended(agent, problem)

        try:
            _, agent.connection = await loop.create_unix_connection(lambda: Connection(receive, end), self.path)
        except OSError as error:
            self._pending.discard(agent)
            self._check_available(words_for(error))
            return
        if self._is_closed:
            agent.connection.close()

    def _receive(self, agent: Agent, message: AnyMessage, connection: Connection) -> None:
        if isinstance(message, Delivered):
            self._answered(agent, message, connection)
        elif isinstance(message, Hello):
            self._greeted(agent, message, connection)
        elif isinstance(message, Goodbye):
            agent.close()
        elif isinstance(message, Refused) and not agent.concurrent and agent.in_flight:
            self._refused(agent)
        else:
            connection.abort(f"unexpected message {type(message).__name__}")

    def _greeted(self, agent: Agent, hello: Hello, connection: Connection) -> None:
        if hello.version != PROTOCOL_VERSION or agent.depth:
            connection.abort(f"unexpected greeting, protocol version {hello.version}")
            return
        agent.connection = connection
        agent.depth = max(1, hello.depth)
        agent.concurrent = hello.concurrent
        self._pending.discard(agent)
        self._deaths = 0
        self._agents.append(agent)
        self._user.agent_ready()

    def _answered(self, agent: Agent, reply: Delivered, connection: Connection) -> None:
        entry = agent.drop(reply.seq)
        if entry is None:
            connection.abort(f"answer to unknown request {reply.seq}")
            return
        self.in_flight -= 1
        agent.last_use = clock.monotonic()
        if agent.retiring and not agent.in_flight:
            connection.close()
        self._user.agent_answered(entry, reply)

    def _refused(self, agent: Agent) -> None:
        """The oldest request could not be served at all: as if the agent had died with it alone."""
        entry = agent.drop(next(iter(agent.in_flight)))
        assert entry is not None
        self.in_flight -= 1
        if agent.retiring:
            agent.close()
        self._user.agent_lost([entry], 1)

    def _ended(self, agent: Agent, problem: str) -> None:
        if not agent.depth:
            if agent not in self._pending:
                return  # given up by close_silent
            self._pending.discard(agent)
            self._deaths += 1
            if self._deaths >= _DEATH_LIMIT:
                self._deaths = 0
                self._check_available(problem)
            else:
                self._user.agent_ready()
            return
        self._agents.remove(agent)
        lost, agent.in_flight = list(agent.in_flight.values()), {}
        self.in_flight -= len(lost)
        if lost:
            self._user.agent_lost(lost, len(lost) if agent.concurrent else 1)

    def _check_available(self, reason: str) -> None:
        if not self._agents and not self._pending:
            self._user.agents_unavailable(reason)

    def close(self) -> None:
        """The process ends: close every connection."""
        self._is_closed = True
        for agent in [*self._agents, *self._pending]:
            if agent.connection is not None:
                agent.connection.close()

    def close_silent(self, now: float) -> None:
        """Give up waiting for a process where there is none at all."""
        silent = [agent for agent in self._pending if now - agent.last_use >= self._limits.greeting_s]
        if self._agents or not silent:
            return
        for agent in silent:
            if agent.connection is not None:
                self._pending.discard(agent)
                agent.connection.close()
        self._check_available(f"no process has answered for {self._limits.greeting_s:g} seconds")

    def close_idle(self, now: float) -> None:
        """Let go of agents that were of no use for a while."""
        for agent in [agent for agent in self._agents if not agent.in_flight]:
            if now - agent.last_use >= self._limits.idle_s:
                agent.close()
