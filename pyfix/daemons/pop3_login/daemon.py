"""The process: opens certificates with the rights it was born with, then serves clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from pyfix.daemons.pop3_login.connection import Connection, Shared
from pyfix.daemons.pop3_login.params import Pop3LoginParameters
from pyfix.mail.pop3 import AUTH_SOCKET, capability_policy
from pyfix.mail.sasl.answers import AuthUnavailable
from pyfix.mail.sasl.client import AuthClient
from pyfix.mail.tls.pop3 import pop3_settings
from pyfix.mail.tls.server import open_server_tls
from pyfix.service.deadlines import Deadlines
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener


class Pop3LoginDaemon(ManyClientsDaemon[Pop3LoginParameters]):
    """Clients on an event loop."""

    descriptors = 2
    has_shelf = True
    is_prompt = True

    def before_jail(self) -> None:
        """Read keys and certificates."""
        self._policy = capability_policy(self.config, self.params)
        self._tls = open_server_tls(pop3_settings(self.config, self.params), self.worker.shelf, self.config)
        for warning in self._tls.warnings:
            self.log.warning(warning)

    async def start(self) -> None:
        """Put together what the connections share, and find out what auth offers."""
        loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._shared = Shared(
            worker=self.worker, log=self.log, loop=loop, params=self.params, policy=self._policy,
            auth=AuthClient(AUTH_SOCKET, self.log), tls=self._tls,
            deadlines=Deadlines(loop, self.params.pop3_login_timeout), connections=self._connections,
        )  # fmt: skip
        self.worker.spawn(self._introduce())

    async def _introduce(self) -> None:
        with contextlib.suppress(AuthUnavailable):  # logged; asked again for the next client
            await self._shared.auth.mechanisms()

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the connection of a new client."""
        return Connection(self._shared)

    def find_changed_files(self) -> Iterator[str]:
        return self._tls.find_changed()

    def system_stops(self) -> None:
        """Tell clients that have not logged in."""
        for connection in list(self._connections):
            connection.say_goodbye()

    async def stop(self) -> None:
        """All clients have gone."""
        self._shared.auth.close()
        await asyncio.sleep(0)


SERVICE = Service("pop3-login", Pop3LoginDaemon, Pop3LoginParameters, serves_mailboxes=True)
