"""default_delivery_status_filter: another status or text for what became of a delivery.

The tables are asked for "STATUS TEXT" of each recipient, of success and failure alike. What they answer replaces both,
if it has the same form and does not make a failure of a success or the reverse; a failure may become temporary or
permanent, and the recipient is then deferred or returned accordingly. A bad answer, and a table that has none now, are
a warning, and the delivery stays what it is.
See: default_delivery_status_filter in postconf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Self

from pyfix.base.log import Log
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.errors import one_line
from pyfix.mail.ipc.messages import Dsn
from pyfix.mail.maps import Maps, TableError, open_maps

_RESULT: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})\s+(\S.*)", re.DOTALL)


class StatusFilter:
    """The tables of one agent."""

    __slots__ = ("_log", "_maps")

    def __init__(self, maps: Maps, log: Log) -> None:
        self._maps = maps
        self._log = log

    @classmethod
    def open(cls, words: list[str], parameter: str, config: Config, log: Log, *, may_wait: bool = True) -> Self:
        """Open the tables; without may_wait one that asks a server is a ConfigError: everybody would wait for it."""
        maps = open_maps(words, parameter, config)
        if maps.blocking and not may_wait:
            raise ConfigError(
                f"{parameter} = {' '.join(words)}: all deliveries would wait for the server of a table; "
                "use a table in a file, such as regexp: or hash:"
            )
        return cls(maps, log)

    def find_changed(self) -> Iterator[str]:
        """Yield the name of the tables when one of them has changed."""
        if self._maps.has_changed():
            yield self._maps.name

    def apply(self, dsn: Dsn) -> Dsn:
        """Return what a delivery is to count as."""
        if self._maps.is_empty:
            return dsn
        try:
            result = self._maps.lookup(f"{dsn.status} {dsn.reason}")
        except TableError as error:
            self._log.warning(f"{self._maps.name}: {error}")
            return dsn
        if result is None:
            return dsn
        found = _RESULT.fullmatch(result.strip())
        if found is None or (found[1][0] == "2") != dsn.status.startswith("2"):
            self._log.warning(
                f'{self._maps.name}: ignoring bad result "{one_line(result)}" for "{one_line(dsn.status)} '
                f'{one_line(dsn.reason)}"; specify a status of the same kind and a text'
            )
            return dsn
        return Dsn(found[1], found[2], dsn.diagnostic_type, dsn.diagnostic, dsn.mta)
