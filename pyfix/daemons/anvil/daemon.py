"""The process: one counter for all who ask."""

from __future__ import annotations

import asyncio
import time

from pyfix.base import clock
from pyfix.daemons.anvil.params import AnvilParameters
from pyfix.daemons.anvil.remotes import Peak, Remotes
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, ClientEnded, ClientStarted, CountEvent, Rates
from pyfix.service.service import ManyClientsDaemon, Service, UnexpectedMessage


class AnvilDaemon(ManyClientsDaemon[AnvilParameters]):
    """Answers ClientStarted, ClientEnded and CountEvent."""

    permanent = True
    shares_processes = True

    async def start(self) -> None:
        """Begin to count."""
        self._remotes = Remotes(self.params.anvil_rate_time_unit)
        loop = asyncio.get_running_loop()
        self._status = loop.call_later(self.params.anvil_status_update_time, self._report)
        self._pruning = loop.call_later(self.params.anvil_rate_time_unit, self._prune)

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """Count one thing."""
        match message:
            case ClientStarted(ident):
                count, rate = self._remotes.connect(connection, ident, clock.now())
                connection.send(Rates(rate, count))
            case ClientEnded(ident):
                self._remotes.disconnect(connection, ident)
                connection.send(Rates())
            case CountEvent(ident, event, amount, unit_s):
                connection.send(Rates(self._remotes.count(ident, event, amount, unit_s, clock.now())))
            case _:
                connection.abort(str(UnexpectedMessage(message)))

    def connection_lost(self, connection: Connection) -> None:
        """An smtpd has gone."""
        self._remotes.forget(connection)

    def _prune(self) -> None:
        self._remotes.prune(clock.now())
        loop = asyncio.get_running_loop()
        self._pruning = loop.call_later(self.params.anvil_rate_time_unit, self._prune)

    def _report(self) -> None:
        self._log_peaks()
        loop = asyncio.get_running_loop()
        self._status = loop.call_later(self.params.anvil_status_update_time, self._report)

    def _log_peaks(self) -> None:
        for name, peak in self._remotes.take_peaks():
            self.log.info(describe(name, peak))

    async def stop(self) -> None:
        """Tell what there is to tell."""
        self._status.cancel()
        self._pruning.cancel()
        self._log_peaks()


def describe(name: str, peak: Peak) -> str:
    """Return the line about a peak, in Postfix's words."""
    unit = f"/{peak.unit_s:g}s" if peak.unit_s else ""
    whom = f" for ({peak.ident})" if peak.ident else ""
    at = time.ctime(peak.at)[4:19]
    return f"statistics: max {name} {peak.value}{unit}{whom} at {at}"


SERVICE = Service("anvil", AnvilDaemon, AnvilParameters)
