"""Answer the questions of an evaluation: from tables, from mynetworks, from trivial-rewrite.

Tables in memory or on disk are asked on the spot. Those that proxymap has in memory or on disk are asked over one
connection, without a thread. Tables that may have to wait are asked in a thread, to which the daemon has lent all of
them (Opened.lend). What trivial-rewrite said is kept for a few seconds: the recipients of a busy server repeat
themselves. A question that can't be answered now is logged and thrown back as LookupFailed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import replace
from types import CoroutineType
from typing import Any, Final, TypeVar

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.smtpd.rooms import Rooms
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import ProxyAnswer, Resolved, ResolvedList, Rewrite, Rewritten
from pyfix.mail.ipc.messages import Resolve as ResolveMessage
from pyfix.mail.maps import MatchList, TableError
from pyfix.mail.maps.answered import Answered, needs_no_thread
from pyfix.mail.maps.answered import Question as TableQuestion
from pyfix.mail.maps.remembered import NotRemembered
from pyfix.mail.restrictions.questions import (
    Answer,
    Evaluation,
    HasRoom,
    InNetworks,
    Lookup,
    LookupFailed,
    Question,
    Resolve,
)
from pyfix.mail.restrictions.search import Searcher

T = TypeVar("T")
_BAD_SYNTAX: Final = "5.1.3"
_KEEP_S: Final = 5.0
_KEEP_LIMIT: Final = 10_000


class ResolveCache:
    """Recent answers of trivial-rewrite."""

    def __init__(self, keep_s: float = _KEEP_S, limit: int = _KEEP_LIMIT) -> None:
        self._keep_s = keep_s
        self._limit = limit
        self._kept: dict[str, tuple[float, Resolved]] = {}

    def get(self, address: str) -> Resolved | None:
        """Return what was said about the address lately."""
        kept = self._kept.get(address)
        return kept[1] if kept is not None and kept[0] > clock.monotonic() else None

    def put(self, address: str, resolved: Resolved) -> None:
        """Keep an answer, unless it was that there is none."""
        if resolved.problem:
            return
        if len(self._kept) >= self._limit:
            self._kept.clear()
        self._kept[address] = (clock.monotonic() + self._keep_s, resolved)


class Answers:
    """The world, as an evaluation sees it."""

    def __init__(
        self,
        log: Log,
        networks: MatchList,
        searcher: Searcher,
        executor: Executor,
        rewrite: AsyncChannel,
        proxymap: AsyncChannel,
        quota_status: AsyncChannel,
    ) -> None:
        self._log = log
        self._networks = networks
        self._networks_block = networks.blocking
        self._searcher = searcher
        self._look_up = searcher.look_up
        self._executor = executor
        self._rewrite = rewrite
        self._proxymap = proxymap
        self._rooms = Rooms(log, quota_status)
        self._cache = ResolveCache()

    async def decide(self, evaluation: Evaluation[T]) -> T:
        """Run an evaluation to its end and return its result."""
        try:
            question = next(evaluation)
            while True:
                try:
                    answer = self._answer(question)
                    if isinstance(answer, CoroutineType):  # quicker told than Coroutine
                        answer = await answer
                except (TableError, IpcError) as problem:
                    self._log.warning(str(problem))
                    question = evaluation.throw(LookupFailed(str(problem)))
                else:
                    question = evaluation.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result

    async def is_malformed(self, address: str) -> bool:
        """Tell whether trivial-rewrite finds the form of an address bad; no answer is no reason to refuse it."""
        try:
            resolved = self._cache.get(address) or await self._resolve(address)
        except IpcError:
            return False
        return resolved.address_class == "error" and resolved.status == _BAD_SYNTAX

    def _answer(self, question: Question) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the answer, or what to wait for: most questions are answered on the spot, and cost no coroutine."""
        if isinstance(question, Resolve):
            return self._cache.get(question.recipient) or self._resolve(question.recipient)
        if isinstance(question, HasRoom):
            return self._rooms.ask(question)
        if isinstance(question, InNetworks):
            name, address = question.name, question.address
            if self._networks_block:
                return self.in_thread(lambda: self._networks.matches(name, address))
            return self._networks.matches(name, address)
        if not self._searcher.may_wait(question):
            return self._look_up(question)
        memory = question.maps.memory
        if memory is not None and not self._searcher.is_local_may_wait(question):
            try:
                return self._look_up(replace(question, maps=memory))
            except NotRemembered:
                pass  # a thread asks the server
        if needs_no_thread(question.maps) and not self._searcher.is_local_may_wait(question):
            return self._look_up_proxied(question)
        return self.in_thread(lambda: self._look_up(question))

    async def _look_up_proxied(self, question: Lookup) -> Answer:
        search = Answered(question.maps)
        question = replace(question, maps=search.maps)
        while True:
            try:
                answer = self._look_up(question)
            except TableError:
                if not search.missing:
                    raise
            else:
                if not search.missing:
                    return answer
            for asked in search.questions():
                search.learn(asked, await self._ask_proxymap(asked))

    async def _ask_proxymap(self, asked: TableQuestion) -> ProxyAnswer:
        """Ask once more where the connection breaks: the process behind it may have been replaced meanwhile."""
        try:
            return await self._proxymap.call(asked.request, ProxyAnswer)
        except IpcError:
            try:
                return await self._proxymap.call(asked.request, ProxyAnswer)
            except IpcError as error:
                raise asked.table.failure(error) from error

    async def is_listed(self, name: str, names: MatchList) -> bool:
        """True when the list holds the name; a list that can't be asked holds nothing, which is logged."""
        try:
            return await self.in_thread(lambda: names.matches(name)) if names.blocking else names.matches(name)
        except TableError as error:
            self._log.warning(f"{names.parameter}: {error}")
            return False

    async def in_thread(self, ask: Callable[[], T]) -> T:
        """Return what `ask` returns, or raise what it raises, once a thread has called it."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, ask)

    async def _resolve(self, recipient: str) -> Resolved:
        address = recipient
        if not STANDARD.match(address):
            rewritten = await self._rewrite.call(Rewrite("local", [address]), Rewritten)
            address = rewritten.addresses[0]
        answer = await self._rewrite.call(ResolveMessage("", [address]), ResolvedList)
        resolved = answer.results[0]
        if not resolved.problem:
            self._cache.put(recipient, resolved)
        return resolved
