"""Virtual aliases: one recipient becomes the addresses that virtual_alias_maps gives for it.

Failures: a table that can't be asked and an expansion beyond the limits refuse the message for now, with a warning.
"""

from __future__ import annotations

from pyfix.base.log import Log
from pyfix.daemons.cleanup import refusal
from pyfix.daemons.cleanup.address_map import AddressMap, MapError
from pyfix.daemons.cleanup.expansion import ExpansionError, ExpansionLimits, expand
from pyfix.mail.maps import TableError


class VirtualAliases:
    """Expands recipients; raises Refusal."""

    def __init__(self, table: AddressMap, log: Log, limits: ExpansionLimits) -> None:
        self._table = table
        self._log = log
        self._limits = limits

    def expand(self, queue_id: str, address: str) -> list[str]:
        """Return what a recipient stands for; itself when it is no alias."""
        try:
            return expand(address, self._table.lookup, self._limits)
        except ExpansionError as error:
            problem = str(error).replace("%s", self._table.parameter, 1)
        except MapError as error:
            problem = str(error)
        except TableError as error:
            self._log.warning(f"{error}")
            problem = f"{self._table.parameter} map lookup problem for {address}"
        self._log.warning(f"{queue_id}: {problem} -- message not accepted, try again later")
        raise refusal.expansion_error()
