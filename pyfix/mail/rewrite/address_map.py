"""Tables that give an address other addresses: canonical(5), virtual(5).

A result `@domain` means the same user at that domain; one without an address is ignored. An extension that the key left
out goes to the results (propagate_unmatched_extensions), when they have been completed as any address is.
"""

from __future__ import annotations

from collections.abc import Callable

from pyfix.mail.address.quote import quote_local, unquote_local
from pyfix.mail.maps import Maps
from pyfix.mail.maps.address_lookup import ALIAS, IsLocal
from pyfix.mail.message.address_header import split_addresses
from pyfix.mail.message.flaws import is_clean


class MapError(Exception):
    """A table makes no sense for an address, or can't be asked: the message is not accepted now. Text for the log."""


class AddressMap:
    """The tables of one parameter."""

    def __init__(
        self,
        maps: Maps,
        complete: Callable[[list[str]], list[str]],
        *,
        is_local: IsLocal,
        delimiter: str,
        propagate: bool,
    ) -> None:
        self.parameter = maps.parameter
        self._maps = maps
        self._complete = complete
        self._is_local = is_local
        self._delimiter = delimiter
        self._propagate = propagate

    def lookup(self, address: str) -> list[str] | None:
        """Return what stands in the tables for an address, None for nothing; raises TableError, MapError."""
        found = self._maps.lookup_address(address, self._delimiter, self._is_local, ALIAS)
        if found is None:
            return None
        results = [_place(result, address) for result in split_addresses(found.value) if result]
        if not all(map(is_clean, results)):
            raise MapError(f"bad address syntax in {self.parameter} result for {address}")
        results = self._complete(results)
        if found.extension and self._propagate:
            results = [_append(result, found.extension) for result in results]
        return results or None


def _place(result: str, address: str) -> str:
    if not result.startswith(("@", '""@')):
        return result
    return f"{address.rpartition('@')[0]}@{result.rpartition('@')[2]}"


def _append(address: str, extension: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    return f"{quote_local(unquote_local(local) + extension)}{at}{domain}"
