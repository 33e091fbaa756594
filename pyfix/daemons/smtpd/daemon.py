"""The process: opens tables with the rights it was born with, then serves sessions."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.deadlines import Deadlines
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peer, Peers
from pyfix.daemons.smtpd.restrictions.evaluate import active_stages
from pyfix.daemons.smtpd.server import Server
from pyfix.daemons.smtpd.session import Session
from pyfix.daemons.smtpd.tables import Tables
from pyfix.mail.dns.peername import HostsFile, PeerNames
from pyfix.mail.dns.resolver import AsyncResolver
from pyfix.mail.ipc.aclient import AsyncChannel, AsyncPool
from pyfix.mail.queue import Queue
from pyfix.service.many_clients import cpu_count
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

_CLEANUPS: Final = max(4, 2 * cpu_count())
"""Connections to cleanup at most: each holds one of its processes while messages are written."""
_IN_FLIGHT: Final = 32
"""Small messages under way on each: cleanup makes those that are there durable together."""
_THREADS: Final = 4
_LOOK_AT_TABLES_S: Final = 5.0


class SmtpdDaemon(ManyClientsDaemon[SmtpdParameters]):
    """Sessions on an event loop."""

    def before_jail(self) -> None:
        """Open tables and files while the rights to read them are there."""
        self._stressed = self.config.amended([("stress", "yes")]).read(SmtpdParameters)
        self._tables = Tables(self.config, self.params)
        for warning in self.config.warnings:
            self.log.warning(warning)
        if problem := self._tables.find_open_relay():
            self.log.fatal(problem)
        self._names: PeerNames | None = None
        if self.params.smtpd_peername_lookup:
            resolver = AsyncResolver()
            resolver.prepare()
            self._names = PeerNames(resolver, HostsFile.load())

    async def start(self) -> None:
        """Put together what the sessions share."""
        params, tables, loop = self.params, self._tables, asyncio.get_running_loop()
        self._disk = ThreadPoolExecutor(_THREADS, "disk")
        self._lookups = ThreadPoolExecutor(_THREADS, "lookup")
        answers = Answers(
            self.log, tables.networks, tables.local_domains.is_local_part_domain, self._lookups,
            delimiter=params.recipient_delimiter, null_key=params.smtpd_null_access_lookup_key,
            parents="smtpd_access_maps" in params.parent_domain_matches_subdomains,
            rewrite=AsyncChannel(f"private/{params.rewrite_service_name}", params.ipc_timeout),
        )  # fmt: skip
        self._server = Server(
            worker=self.worker, params=params, log=self.log, loop=loop, queue=Queue.from_params(params),
            rules=tables.rules, stages=active_stages(tables.rules), answers=answers,
            peers=Peers(self._names, self._describe, self.log),
            cleanup=AsyncPool(f"public/{params.cleanup_service_name}", params.ipc_timeout, _CLEANUPS, _IN_FLIGHT),
            disk=self._disk, forbidden=tables.forbidden,
            deadlines=Deadlines(loop, min(params.smtpd_timeout, self._stressed.smtpd_timeout)),
        )  # fmt: skip
        self.stress_changed()
        self._table_timer = loop.call_later(_LOOK_AT_TABLES_S, self._watch_tables)

    def _describe(self, name: str, address: str, reverse_name: str) -> Peer:
        tables = self._tables
        return Peer(
            name, address, reverse_name, f"{name}[{address}]",
            "local" if tables.header_clients.holds(name, address) else "remote",
            tables.bare_newline_exclusions.matches(name, address),
        )  # fmt: skip

    def stress_changed(self) -> None:
        """Have new clients get the time and the patience that there are for them."""
        self._server.adopt(self._stressed if self.worker.stress else self.params)

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the session of a new client."""
        return Session(self._server)

    def _watch_tables(self) -> None:
        """Finish when a table has changed: a fresh process reads it."""
        if self.worker.is_retiring:
            return
        if self._tables.has_changed():
            self.log.info("table has changed -- restarting")
            self.worker.retire()
            return
        self._table_timer = asyncio.get_running_loop().call_later(_LOOK_AT_TABLES_S, self._watch_tables)

    def system_stops(self) -> None:
        """Tell idle clients; the others finish their message."""
        self._server.is_stopping = True
        for session in self._server.deadlines:
            if isinstance(session, Session) and session.is_idle:
                session.say_goodbye()

    async def stop(self) -> None:
        """All sessions have ended: close the connections to the neighbours."""
        self._server.cleanup.close()
        self._server.answers.close()
        self._table_timer.cancel()
        self._disk.shutdown(wait=False)
        self._lookups.shutdown(wait=False)
        await asyncio.sleep(0)  # the loop closes what was closed above in its next turn


SERVICE = Service("smtpd", SmtpdDaemon, SmtpdParameters)
