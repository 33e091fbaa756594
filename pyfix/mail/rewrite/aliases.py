"""Virtual aliases: one recipient becomes the addresses that virtual_alias_maps gives for it."""

from __future__ import annotations

from pyfix.base.log import Log
from pyfix.mail.maps import TableError
from pyfix.mail.rewrite.address_map import AddressMap, MapError
from pyfix.mail.rewrite.expansion import ExpansionError, ExpansionLimits, expand


class AliasError(MapError):
    """A recipient can't be expanded: a table can't be asked, or the result goes beyond the limits."""


class VirtualAliases:
    """Expands recipients."""

    def __init__(self, table: AddressMap, log: Log, limits: ExpansionLimits) -> None:
        self._table = table
        self._log = log
        self._limits = limits

    def expand(self, address: str) -> list[str]:
        """Return what a recipient stands for, itself when it is no alias; raise AliasError."""
        name = self._table.parameter
        try:
            return expand(address, self._table.lookup, self._limits, name)
        except (ExpansionError, MapError) as error:
            raise AliasError(str(error)) from error
        except TableError as error:
            self._log.warning(str(error))
            raise AliasError(f"{name} map lookup problem for {address}") from error
