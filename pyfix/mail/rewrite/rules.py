"""Make the mappings and aliases that the parameters say, with their tables open.

cleanup applies them; `pyfix explain` tells what it will make of an address.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.base.log import Log
from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config
from pyfix.mail.maps import STRING, Maps, MatchList, open_maps
from pyfix.mail.rewrite.address_map import AddressMap, Complete, CompletedMap
from pyfix.mail.rewrite.aliases import VirtualAliases
from pyfix.mail.rewrite.expansion import ExpansionLimits
from pyfix.mail.rewrite.mapping import Canonical, Mappings, Masquerade, Step
from pyfix.mail.rewrite.params import RewriteParameters

_MAPS = ("virtual_alias_maps", "canonical_maps", "sender_canonical_maps", "recipient_canonical_maps")


class RewriteTables:
    """The tables and lists; raises ConfigError."""

    def __init__(self, config: Config, params: RewriteParameters) -> None:
        self._params = params
        self._maps = {name: open_maps(getattr(params, name), name, config) for name in _MAPS}
        self._exceptions = MatchList(params.masquerade_exceptions, "masquerade_exceptions", config, STRING)
        self.local = LocalDomains(config, params)

    def find_changed(self) -> Iterator[str]:
        """Yield the names of what has changed on disk."""
        for maps in self._maps.values():
            if maps.has_changed():
                yield maps.name
        for listed, name in ((self._exceptions, "masquerade_exceptions"), (self.local, "mydestination")):
            if listed.has_changed():
                yield name

    def make_mappings(self, complete: Complete, log: Log) -> Mappings:
        """Return the mappings of each use of an address."""
        params = self._params
        steps: list[tuple[Step, list[str]]] = [
            (Canonical(self._map(name, "canonical", complete), log), classes)
            for name, classes in (
                ("sender_canonical_maps", params.sender_canonical_classes),
                ("recipient_canonical_maps", params.recipient_canonical_classes),
                ("canonical_maps", params.canonical_classes),
            )
            if not self._maps[name].is_empty
        ]
        if params.masquerade_domains:
            steps.append((Masquerade(params.masquerade_domains, self._exceptions.matches), params.masquerade_classes))
        return Mappings(steps)

    def make_aliases(self, complete: Complete, log: Log) -> VirtualAliases | None:
        """Return the virtual aliases; None when no table has any."""
        params = self._params
        if self._maps["virtual_alias_maps"].is_empty:
            return None
        limits = ExpansionLimits(
            params.virtual_alias_expansion_limit,
            params.virtual_alias_recursion_limit,
            params.virtual_alias_address_length_limit,
        )
        return VirtualAliases(self._map("virtual_alias_maps", "virtual", complete), log, limits)

    def _map(self, name: str, kind: str, complete: Complete) -> CompletedMap:
        return CompletedMap(make_address_map(self._maps[name], kind, self.local, self._params), complete)


def make_address_map(maps: Maps, kind: str, local: LocalDomains, params: AddressParameters) -> AddressMap:
    """Return tables as canonical(5) and its sisters read them; `kind` is what propagate_unmatched_extensions calls
    them."""
    return AddressMap(
        maps, is_local=local.is_local_part_domain, delimiter=params.recipient_delimiter,
        propagate=kind in params.propagate_unmatched_extensions,
    )  # fmt: skip
