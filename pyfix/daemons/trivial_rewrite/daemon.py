"""The process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.rewrite import RewriteRules, rewrite
from pyfix.mail.address.routing import make_contexts, make_resolver
from pyfix.mail.address.split import split_address
from pyfix.mail.config.compatibility import kept, old_defaults
from pyfix.mail.ipc.messages import AnyMessage, Message, Resolve, ResolvedList, Rewrite, Rewritten
from pyfix.mail.ipc.peer import Peer
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_LOCALHOST_ADVICE: Final = '; please add "localhost" to mydestination or other address class'


class TrivialRewriteDaemon(OneClientDaemon[TrivialRewriteParameters]):
    """Answers Rewrite and Resolve."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables while the rights to read them are there."""
        self._contexts = make_contexts(self.params)
        self._resolver = make_resolver(self.config, self.params, self.log.warning)
        self._tells_completion = "append_dot_mydomain" in old_defaults(self.config, self.params.compatibility_level)

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Answer one request; addresses keep their order."""
        match request:
            case Rewrite(context, addresses):
                rules = self._contexts.of(context)
                rewritten = [rewrite(address, rules) for address in addresses]
                if self._tells_completion:
                    self._tell_completion(addresses, rewritten, rules)
                return Rewritten(rewritten)
            case Resolve(sender, addresses):
                return self._resolve(sender, addresses)
            case _:
                raise UnexpectedMessage(request)

    def _tell_completion(self, addresses: list[str], rewritten: list[str], rules: RewriteRules) -> None:
        """Say which domains got $mydomain because append_dot_mydomain has a default of old."""
        without = replace(rules, domain="")
        for address, result in zip(addresses, rewritten, strict=True):
            domain = split_address(rewrite(address, without))[1] if result != address else ""
            if domain and split_address(result)[1] == f"{domain}.{rules.domain}":
                advice = _LOCALHOST_ADVICE if domain.lower() == "localhost" else ""
                text = kept("append_dot_mydomain=yes", f'rewrite "{domain}" to "{domain}.{rules.domain}"')
                self.log.info(text + advice)

    def _resolve(self, sender: str, addresses: list[str]) -> ResolvedList:
        resolve = self._resolver.resolve
        results = [resolve(sender, address) for address in addresses]
        for problem in {result.problem for result in results if result.problem}:
            self.log.warning(problem)
        return ResolvedList(results)

    def find_changed(self) -> Iterator[str]:
        return self._resolver.find_changed()


SERVICE = Service("trivial-rewrite", TrivialRewriteDaemon, TrivialRewriteParameters)
