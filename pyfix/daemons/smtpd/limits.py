"""Limits on what a client, or a login, does: anvil counts for all processes, and here the numbers are compared.

A client of smtpd_client_event_limit_exceptions is not even counted; nor is anything that has no limit. While anvil
can't be asked, nobody is limited: that is logged, and it is left alone for a moment, so that a mail system without one
does not wait for it at every command.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peer
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import ClientEnded, ClientStarted, CountEvent, Rates
from pyfix.mail.smtp import replies

SERVICE: Final = "anvil"
PATIENCE_S: Final = 5.0
"""How long anvil may take for an answer."""
_PAUSE_S: Final = 30.0
"""How long it is left alone when it could not be asked."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is counted for clients."""

    name: str
    """For anvil."""
    title: str
    """In the log."""


MESSAGE: Final = Event("message", "Message delivery request")
RECIPIENT: Final = Event("recipient", "Recipient address")
AUTH: Final = Event("auth", "AUTH command")
NEW_TLS: Final = Event("newtls", "New TLS session")


class Limits:
    """The limits of a configuration, and anvil."""

    def __init__(self, params: SmtpdParameters, service: str, anvil: AsyncChannel, log: Log) -> None:
        """service: its name in master.cf."""
        self._params = params
        self._service = service
        self._anvil = anvil
        self._log = log
        self._away_until = 0.0
        self._limits = {
            MESSAGE: params.smtpd_client_message_rate_limit,
            RECIPIENT: params.smtpd_client_recipient_rate_limit,
            AUTH: params.smtpd_client_auth_rate_limit,
            NEW_TLS: params.smtpd_client_new_tls_session_rate_limit,
        }
        self._login_limits = {
            MESSAGE: params.smtpd_login_message_rate_limit,
            RECIPIENT: params.smtpd_login_recipient_rate_limit,
        }
        self.counts_connections = bool(
            params.smtpd_client_connection_count_limit or params.smtpd_client_connection_rate_limit
        )

    # --- clients

    async def started(self, peer: Peer) -> str | None:
        """A client is there: return the reply that sends it away, "" for none; None when it was not counted."""
        rates = await self._ask(ClientStarted(self._ident(peer)))
        if rates is None:
            return None
        params = self._params
        for kind, value, limit in (
            ("concurrency", rates.count, params.smtpd_client_connection_count_limit),
            ("rate", rates.rate, params.smtpd_client_connection_rate_limit),
        ):
            if 0 < limit < value:
                self._tell(f"Connection {kind}", value, peer)
                return replies.too_many_connections(params.myhostname, peer.address)
        return ""

    async def ended(self, peer: Peer) -> None:
        """A client that was counted has gone."""
        await self._ask(ClientEnded(self._ident(peer)))

    async def exceeds(self, event: Event, peer: Peer) -> bool:
        """Count something that a client does; True, and a line in the log, when it is too much."""
        limit = self._limits[event]
        if not limit or peer.is_unlimited:
            return False
        rates = await self._ask(CountEvent(self._ident(peer), event.name))
        if rates is None or rates.rate <= limit:
            return False
        self._tell(f"{event.title} rate", rates.rate, peer)
        return True

    # --- logins

    async def login_exceeds(self, event: Event, login: str, peer: Peer) -> bool:
        """The same for somebody who has logged in, wherever from."""
        limit = self._login_limits[event]
        if not limit:
            return False
        unit = float(self._params.smtpd_login_rate_time_unit)
        rates = await self._ask(CountEvent(f"login:{login}", f"login {event.name}", 1, unit))
        if rates is None or rates.rate <= limit:
            return False
        self._log.warning(
            f"{event.title} rate limit exceeded: {rates.rate} from login {login} at {peer.label} for service "
            f"{self._service}; limit {limit}/{unit:g}s"
        )
        return True

    @property
    def holds(self) -> bool:
        """True when mail past a login's limits is taken, and placed on hold."""
        return self._params.smtpd_login_rate_action == "hold"

    # --- anvil

    def _ident(self, peer: Peer) -> str:
        return f"{self._service}:{peer.address}"

    def _tell(self, what: str, value: int, peer: Peer) -> None:
        self._log.warning(f"{what} limit exceeded: {value} from {peer.label} for service {self._service}")

    async def _ask(self, request: ClientStarted | ClientEnded | CountEvent) -> Rates | None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            return None
        try:
            return await self._anvil.call(request, Rates)
        except IpcError as error:
            self._log.warning(f"{error}: clients and logins are not limited meanwhile")
            self._away_until = loop.time() + _PAUSE_S
            return None
