"""The patterns of a match list that need no table: names, parents of names, networks.

Kept in sets, so that asking costs a few lookups however long the list is. Networks are grouped by the length of their
prefix.
"""

from __future__ import annotations

from pyfix.mail.maps.network import Network


class PlainPatterns:
    """Consecutive plain patterns with one verdict."""

    def __init__(self, verdict: bool) -> None:
        self.verdict = verdict
        self.exact: set[str] = set()
        self.below: set[str] = set()
        """Names whose subdomains match: kept without leading dot."""
        self.networks: dict[tuple[int, int], set[int]] = {}
        """(bytes of an address, host bits) -> prefixes."""

    def add_network(self, network: Network) -> None:
        """Add an address block."""
        self.networks.setdefault((network.family, network.shift), set()).add(network.prefix)

    def holds(self, name: str, packed: bytes | None) -> bool:
        """True when the name (folded), or the address (4 or 16 bytes), fits."""
        return (bool(name) and self.holds_name(name)) or (packed is not None and self.holds_address(packed))

    def holds_name(self, name: str) -> bool:
        """True for a name in the list, or below one."""
        return name in self.exact or (bool(self.below) and self._is_below(name))

    def _is_below(self, name: str) -> bool:
        position = name.find(".")
        while position >= 0:
            if name[position + 1 :] in self.below:
                return True
            position = name.find(".", position + 1)
        return False

    def holds_address(self, packed: bytes) -> bool:
        """True for an address in one of the networks."""
        family, number = len(packed), int.from_bytes(packed, "big")
        for (size, shift), prefixes in self.networks.items():  # noqa: SIM110 - half the time of any()
            if size == family and number >> shift in prefixes:
                return True
        return False


def is_network(word: str) -> bool:
    """True for what can only be meant as an address or network."""
    return word.startswith("[") or "/" in word or not word.strip("0123456789.")
