"""The process."""

from __future__ import annotations

from typing import Final

from pyfix.base import clock
from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.rewrite import rewrite
from pyfix.mail.address.routing import make_contexts, make_resolver
from pyfix.mail.ipc.messages import AnyMessage, Message, Resolve, ResolvedList, Rewrite, Rewritten
from pyfix.mail.ipc.peer import Peer
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_LOOK_AT_TABLES_S: Final = 1.0
"""How long a changed table may go unnoticed."""


class TrivialRewriteDaemon(OneClientDaemon[TrivialRewriteParameters]):
    """Answers Rewrite and Resolve."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables while the rights to read them are there."""
        self._contexts = make_contexts(self.params)
        self._resolver = make_resolver(self.config, self.params, self.log.warning)
        self._next_look = clock.monotonic() + _LOOK_AT_TABLES_S

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Answer one request; addresses keep their order."""
        self._watch_tables()
        match request:
            case Rewrite(context, addresses):
                rules = self._contexts.of(context)
                return Rewritten([rewrite(address, rules) for address in addresses])
            case Resolve(sender, addresses):
                return self._resolve(sender, addresses)
            case _:
                raise UnexpectedMessage(request)

    def _resolve(self, sender: str, addresses: list[str]) -> ResolvedList:
        resolve = self._resolver.resolve
        results = [resolve(sender, address) for address in addresses]
        for problem in {result.problem for result in results if result.problem}:
            self.log.warning(problem)
        return ResolvedList(results)

    def idle(self) -> None:
        """Nobody asks: a moment to look at the tables."""
        self._watch_tables()

    def _watch_tables(self) -> None:
        """End this process, after what it was asked, when a table has changed."""
        now = clock.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_AT_TABLES_S
        if not self.worker.is_retiring and self._resolver.has_changed():
            self.log.info("table has changed -- restarting")
            self.worker.retire()


SERVICE = Service("trivial-rewrite", TrivialRewriteDaemon, TrivialRewriteParameters)
