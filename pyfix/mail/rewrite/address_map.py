"""Tables that give an address other addresses: canonical(5), generic(5), virtual(5).

A result `@domain` means the same user at that domain; one without an address is ignored. An extension that the key left
out goes to the results (propagate_unmatched_extensions), when they have been completed as any address is. Who
completes them is the caller's affair: trivial-rewrite has to be asked, and a process with an event loop must not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyfix.mail.address.quote import quote_local, unquote_local
from pyfix.mail.maps import Maps
from pyfix.mail.maps.address_lookup import MAPPING, IsLocal
from pyfix.mail.message.address_header import split_addresses
from pyfix.mail.message.flaws import is_clean

Complete = Callable[[list[str]], list[str]]
"""Brings addresses into standard form."""


class MapError(Exception):
    """A table makes no sense for an address, or can't be asked: the message is not accepted now. Text for the log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the tables for an address."""

    results: list[str]
    """Not complete yet."""
    extension: str
    """For the results, when they are complete; "" for none."""

    def finish(self, completed: list[str]) -> list[str]:
        """Return the results with their extension; `completed` is what completion made of them."""
        return [_append(result, self.extension) for result in completed] if self.extension else completed


class AddressMap:
    """The tables of one parameter."""

    def __init__(self, maps: Maps, *, is_local: IsLocal, delimiter: str, propagate: bool) -> None:
        self.parameter = maps.parameter
        self._maps = maps
        self._is_local = is_local
        self._delimiter = delimiter
        self._propagate = propagate

    def search(self, address: str) -> Entry | None:
        """Return what stands in the tables for an address, None for nothing; raises TableError, MapError."""
        found = self._maps.lookup_address(address, self._delimiter, self._is_local, MAPPING)
        if found is None:
            return None
        results = [_place(result, address) for result in split_addresses(found.value) if result]
        if not all(map(is_clean, results)):
            raise MapError(f"bad address syntax in {self.parameter} result for {address}")
        return Entry(results, found.extension if self._propagate else "")


class CompletedMap:
    """The same, with results that are complete."""

    def __init__(self, table: AddressMap, complete: Complete) -> None:
        self.parameter = table.parameter
        self._table = table
        self._complete = complete

    def lookup(self, address: str) -> list[str] | None:
        """Return what an address stands for, None for nothing; raises TableError, MapError."""
        entry = self._table.search(address)
        return (entry.finish(self._complete(entry.results)) or None) if entry is not None else None


def _place(result: str, address: str) -> str:
    if not result.startswith(("@", '""@')):
        return result
    return f"{address.rpartition('@')[0]}@{result.rpartition('@')[2]}"


def _append(address: str, extension: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{quote_local(unquote_local(local) + extension)}{at}{domain}"
