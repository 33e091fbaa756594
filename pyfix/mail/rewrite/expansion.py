"""Expand one recipient through virtual_alias_maps, as deep and as wide as the limits allow.

Every result is looked up again, until nothing matches. An address that expands into itself is kept and not looked up
again, so `user: user, other` does what people mean by it. What goes beyond a limit is a mistake in a table that a
person will repair: the message is refused for now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Lookup = Callable[[str], list[str] | None]
"""Return the complete addresses that an address stands for, None when it stands for itself."""


@dataclass(frozen=True, slots=True)
class ExpansionLimits:
    """virtual_alias_expansion_limit, virtual_alias_recursion_limit, virtual_alias_address_length_limit."""

    width: int
    depth: int
    length: int


class ExpansionError(Exception):
    """The expansion exceeded a limit; the text is for the log."""


def expand(address: str, lookup: Lookup, limits: ExpansionLimits, name: str) -> list[str]:
    """Return what a recipient expands to, itself when no table has it; raise ExpansionError, which gives the tables
    this name."""
    results = [address]
    final: set[str] = set()
    position = 0
    while position < len(results):
        if len(results) > limits.width:
            raise ExpansionError(f"unreasonable {name} map expansion size for {address}")
        _follow(address, results, position, final, lookup, limits, name)
        position += 1
    return results


def _follow(
    address: str,
    results: list[str],
    position: int,
    final: set[str],
    lookup: Lookup,
    limits: ExpansionLimits,
    name: str,
) -> None:
    """Replace one result until nothing matches; what a match yields beyond the first goes to the end."""
    depth = 0
    while (key := results[position].lower()) not in final:
        if depth >= limits.depth:
            raise ExpansionError(f"unreasonable {name} map nesting for {address}")
        found = lookup(results[position])
        if found is None:
            return
        for number, result in enumerate(found):
            if len(result) > limits.length:
                raise ExpansionError(f"unreasonable {name} result {result[:300]}...")
            if result.lower() == key:
                final.add(key)
            if number == 0:
                results[position] = result
            else:
                results.append(result)
        depth += 1
