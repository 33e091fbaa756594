"""What cleanup makes of a recipient: completion, canonical maps, masquerading, virtual aliases."""

from __future__ import annotations

from collections.abc import Callable

from pyfix.base.log import Log
from pyfix.commands.explain.facts import Change, Explanation
from pyfix.commands.explain.services import Services
from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.rewrite import RewriteRules, rewrite
from pyfix.mail.address.routing import make_contexts
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.rewrite.address_map import MapError
from pyfix.mail.rewrite.mapping import Use
from pyfix.mail.rewrite.params import RewriteParameters
from pyfix.mail.rewrite.rules import RewriteTables

Complete = Callable[[list[str]], list[str]]


def make_complete(params: TrivialRewriteParameters) -> Complete:
    """Return what brings addresses into standard form, as trivial-rewrite does it for cleanup."""
    rules = make_contexts(params).local
    return lambda addresses: [complete(address, rules) for address in addresses]


def complete(address: str, rules: RewriteRules) -> str:
    """Return one address in standard form; what can't be an address stays."""
    return rewrite(address, rules) if is_clean(address) else address


class Rewriting:
    """The tables of cleanup."""

    def __init__(self, services: Services, complete: Complete, name: str, log: Log) -> None:
        """`name` is that of cleanup's service; `log` is told what cleanup would log."""
        config = services.find(name).config
        tables = RewriteTables(config, config.read(RewriteParameters))
        self._complete = complete
        self._mappings = tables.make_mappings(complete, log)
        self._aliases = tables.make_aliases(complete, log)
        self._warn = log.warning

    def follow(self, address: str, found: Explanation) -> list[str]:
        """Return the final recipients; `found` gets each change, and the problem when there is one."""
        try:
            return self._expand(self._map(address, found), found)
        except MapError as error:
            found.problem = f"451 4.3.0: the message is not accepted, {error}"
            return []

    def sender(self, address: str) -> str:
        """Return what becomes of the sender; itself when that can't be told."""
        (result,) = self._complete([address])
        if not result or not is_clean(result):
            return result
        try:
            return self._mappings.apply(Use.ENVELOPE_SENDER, result, self._warn)
        except MapError as error:
            self._warn(str(error))
            return result

    def _map(self, address: str, found: Explanation) -> str:
        (result,) = self._complete([address])
        if result != address:
            found.changes.append(Change("completion", [result]))
        if not is_clean(result):
            return result
        for parameter, mapped in self._mappings.follow(Use.ENVELOPE_RECIPIENT, result, self._warn):
            if mapped != result:
                found.changes.append(Change(parameter, [mapped]))
            result = mapped
        return result

    def _expand(self, address: str, found: Explanation) -> list[str]:
        results = [address] if self._aliases is None else self._aliases.expand(address)
        if results != [address]:
            found.changes.append(Change("virtual_alias_maps", results))
        return list(dict.fromkeys(results))
