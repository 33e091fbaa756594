"""Virtual aliases: one recipient becomes the addresses that virtual_alias_maps gives for it.

A result `@domain` means the same user at that domain; one without an address is ignored. An extension that the key left
out goes to the results (propagate_unmatched_extensions).

Failures: a table that can't be asked and an expansion beyond the limits refuse the message for now, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable

from pyfix.base.log import Log
from pyfix.daemons.cleanup import refusal
from pyfix.daemons.cleanup.expansion import ExpansionError, ExpansionLimits, expand
from pyfix.mail.maps import Maps, TableError
from pyfix.mail.maps.address_lookup import ALIAS, IsLocal
from pyfix.mail.message.address_header import split_addresses
from pyfix.mail.message.flaws import is_clean


class VirtualAliases:
    """Expands recipients; raises Refusal."""

    def __init__(
        self,
        maps: Maps,
        log: Log,
        limits: ExpansionLimits,
        complete: Callable[[list[str]], list[str]],
        *,
        is_local: IsLocal,
        delimiter: str,
        propagate: bool,
    ) -> None:
        self._maps = maps
        self._log = log
        self._limits = limits
        self._complete = complete
        self._is_local = is_local
        self._delimiter = delimiter
        self._propagate = propagate

    def expand(self, queue_id: str, address: str) -> list[str]:
        """Return what a recipient stands for; itself when it is no alias."""
        try:
            return expand(address, self._lookup, self._limits)
        except ExpansionError as error:
            problem = str(error).replace("%s", self._maps.parameter, 1)
        except TableError as error:
            self._log.warning(f"{error}")
            problem = f"{self._maps.parameter} map lookup problem for {address}"
        self._log.warning(f"{queue_id}: {problem} -- message not accepted, try again later")
        raise refusal.expansion_error()

    def _lookup(self, address: str) -> list[str] | None:
        found = self._maps.lookup_address(address, self._delimiter, self._is_local, ALIAS)
        if found is None:
            return None
        results = [self._place(result, address) for result in split_addresses(found.value) if result]
        if found.extension and self._propagate:
            results = [_append(result, found.extension) for result in results]
        if not all(map(is_clean, results)):
            raise ExpansionError(f"bad address syntax in %s result for {address}")
        return self._complete(results) or None

    @staticmethod
    def _place(result: str, address: str) -> str:
        if not result.startswith(("@", '""@')):
            return result
        return f"{address.rpartition('@')[0]}@{result.rpartition('@')[2]}"


def _append(address: str, extension: str) -> str:
    local, at, domain = address.rpartition("@")
    if not at:
        return address + extension
    if local.endswith('"'):
        return f'{local[:-1]}{extension}"@{domain}'
    return f"{local}{extension}@{domain}"
