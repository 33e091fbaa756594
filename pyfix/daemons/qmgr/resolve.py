"""Where does each recipient go: the client of trivial-rewrite.

All addresses that are asked for in one iteration of the loop travel in one Resolve message. An answer is kept for a
second: a mailing or a busy list asks once, and a changed table is seen a second later. While trivial-rewrite can't
be reached nothing can be routed: messages wait in the active queue, and one warning an attempt says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Resolve, Resolved, ResolvedList

_KEEP_S: Final = 1.0
_KEEP_LIMIT: Final = 20_000
_RETRY_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)

Callback = Callable[[list[Resolved]], None]


@dataclass(slots=True)
class _Request:
    addresses: list[str]
    callback: Callback


@dataclass(slots=True)
class _Batch:
    """What is asked in one message: requests of one sender, each address once."""

    sender: str
    addresses: dict[str, None] = field(default_factory=dict)
    requests: list[_Request] = field(default_factory=list)


class Resolver:
    """Answers by callback: at once when all addresses are known, else when trivial-rewrite has answered."""

    def __init__(
        self,
        channel: AsyncChannel,
        log: Log,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        *,
        per_sender: bool = False,
    ) -> None:
        self._channel = channel
        self._log = log
        self._spawn = spawn
        self._per_sender = per_sender
        self._known: dict[tuple[str, str], Resolved] = {}
        self._known_until = 0.0
        self._batches: dict[str, _Batch] = {}

    def resolve(self, sender: str, addresses: list[str], callback: Callback) -> None:
        """Pass the results to `callback`, in the order of the addresses."""
        if not self._per_sender:
            sender = ""
        known = self._fresh()
        try:
            results = [known[sender, address] for address in addresses]
        except KeyError:
            self._ask(sender, addresses, callback)
        else:
            callback(results)

    def close(self) -> None:
        """Close the connection; what was asked stays unanswered."""
        self._channel.disconnect()

    def _fresh(self) -> dict[tuple[str, str], Resolved]:
        now = clock.monotonic()
        if now >= self._known_until or len(self._known) > _KEEP_LIMIT:
            self._known.clear()
            self._known_until = now + _KEEP_S
        return self._known

    def _ask(self, sender: str, addresses: list[str], callback: Callback) -> None:
        if not self._batches:
            asyncio.get_running_loop().call_soon(self._send)
        batch = self._batches.get(sender)
        if batch is None:
            batch = self._batches[sender] = _Batch(sender)
        batch.addresses.update(dict.fromkeys(addresses))
        batch.requests.append(_Request(addresses, callback))

    def _send(self) -> None:
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            self._spawn(self._resolve(batch))

    async def _resolve(self, batch: _Batch) -> None:
        addresses = list(batch.addresses)
        results = dict(zip(addresses, await self._call(Resolve(batch.sender, addresses)), strict=True))
        known = self._fresh()
        for address, result in results.items():
            if not result.problem:
                known[batch.sender, address] = result
        for request in batch.requests:
            request.callback([results[address] for address in request.addresses])

    async def _call(self, request: Resolve) -> list[Resolved]:
        """Ask until there is an answer."""
        attempt = 0
        while True:
            try:
                reply = await self._channel.call(request, ResolvedList)
                if len(reply.results) == len(request.addresses):
                    return reply.results
                raise IpcError(f"{len(reply.results)} results for {len(request.addresses)} addresses")
            except IpcError as error:
                if attempt:  # the first is no news: a worker that was replaced
                    events.resolver_failed(self._log, error)
                await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1
