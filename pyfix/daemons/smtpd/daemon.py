"""The process: opens tables with the rights it was born with, then serves sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from pyfix.base.filewatch import FileWatch
from pyfix.base.log import Log
from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.limits import PATIENCE_S, Limits
from pyfix.daemons.smtpd.limits import SERVICE as ANVIL
from pyfix.daemons.smtpd.logins import Logins, make_client, read_mech_list, read_options
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peer, Peers
from pyfix.daemons.smtpd.server import Common, Server
from pyfix.daemons.smtpd.session import Session
from pyfix.daemons.smtpd.tables import Tables
from pyfix.mail.dns.peername import HostsFile, PeerNames
from pyfix.mail.dns.resolver import AsyncResolver
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.pool import AsyncPool
from pyfix.mail.maps.lending import asker
from pyfix.mail.notices.mailer import TranscriptMailer
from pyfix.mail.queue import Queue
from pyfix.mail.restrictions.evaluate import active_stages
from pyfix.mail.restrictions.search import Searcher
from pyfix.mail.restrictions.tables import Opened
from pyfix.mail.sasl.smtpd_conf import smtpd_conf_candidates
from pyfix.mail.tls.server import open_server_tls
from pyfix.mail.tls.settings import smtpd_settings
from pyfix.service.deadlines import Deadlines
from pyfix.service.many_clients import cpu_count
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

_CLEANUPS: Final = max(2, cpu_count())
"""Connections to cleanup at most: each holds one of its processes while messages are written."""
_CLEANUPS_WHEN_SLOW: Final = 20
"""The same when some of them wait for a table, or for a disk that hangs."""
_IN_FLIGHT: Final = 32
"""Small messages under way on each: cleanup makes those that are there durable together."""
_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Mood:
    """What the configuration says for clients that come under stress, or not."""

    params: SmtpdParameters
    tables: Tables


class SmtpdDaemon(ManyClientsDaemon[SmtpdParameters]):
    """Sessions on an event loop."""

    has_shelf = True

    def before_jail(self) -> None:
        """Open tables and files while the rights to read them are there."""
        self._opened = Opened()
        self._calm = Mood(self.params, Tables(self.config, self.params, self._opened))
        stressed = self.worker.stressed_config
        params = stressed.read(SmtpdParameters)
        self._stressed = Mood(params, Tables(stressed, params, self._opened))
        self.config.warnings += [text for text in stressed.warnings if text not in self.config.warnings]
        for mood in (self._calm, self._stressed):
            if problem := mood.tables.find_open_relay():
                self.log.fatal(problem)
        self._tls = open_server_tls(smtpd_settings(self.config, self.params), self.worker.shelf, self.config)
        self.config.warnings += self._tls.warnings
        self._auth = make_client(self.params, self.config, self.log)
        self._mech_list: tuple[str, ...] = ()
        is_asked = self.params.smtpd_sasl_auth_enable
        self._mech_file = FileWatch(smtpd_conf_candidates(self.config) if is_asked else ())
        if is_asked:
            self._mech_list = read_mech_list(self.config, self.log)
            for parameter in ("smtpd_sasl_security_options", "smtpd_sasl_tls_security_options"):
                read_options(self.params, self.config, parameter)
        self._names: PeerNames | None = None
        if self.params.smtpd_peername_lookup:
            resolver = AsyncResolver()
            resolver.prepare()
            self._names = PeerNames(resolver, HostsFile.load())

    async def start(self) -> None:
        """Put together what the sessions share."""
        params, loop = self.params, asyncio.get_running_loop()
        self._disk = ThreadPoolExecutor(_THREADS, "disk")
        self._lookups = ThreadPoolExecutor(_THREADS, "lookup")
        self._rewrite = AsyncChannel(f"private/{params.rewrite_service_name}", params.ipc_timeout)
        self._proxymap = AsyncChannel(f"private/{params.proxymap_service_name}", params.ipc_timeout)
        self._quota_status = AsyncChannel(
            f"private/{params.quota_status_service_name}", params.smtpd_overquota_timeout
        )  # fmt: skip
        self._cleanup = AsyncPool(
            f"public/{params.cleanup_service_name}", params.ipc_timeout, _CLEANUPS, _IN_FLIGHT,
            limit_when_slow=_CLEANUPS_WHEN_SLOW,
        )  # fmt: skip
        self._anvil = AsyncChannel(f"private/{ANVIL}", PATIENCE_S)
        self._queue = Queue.from_params(params)
        self._mailer = TranscriptMailer(params, self._queue, self._cleanup, self.log, self.worker.spawn)
        self._common = Common()
        self._deadlines = Deadlines(loop, min(params.smtpd_timeout, self._stressed.params.smtpd_timeout))
        self._opened.lend(asker(loop))
        self._calm_server, self._stressed_server = map(self._make_server, (self._calm, self._stressed))
        self.stress_changed()
        if params.smtpd_sasl_auth_enable:
            self._auth.prepare()

    def _make_server(self, mood: Mood) -> Server:
        params, tables = mood.params, mood.tables
        answers = Answers(
            self.log, tables.networks, Searcher.from_params(params, tables.local_domains), self._lookups,
            self._rewrite, self._proxymap, self._quota_status,
        )  # fmt: skip
        return Server(
            worker=self.worker, params=params, log=self.log, loop=asyncio.get_running_loop(), queue=self._queue,
            rules=tables.rules, stages=active_stages(tables.rules), answers=answers,
            peers=Peers(self._names, partial(_describe, tables, answers, self.log), self.log), cleanup=self._cleanup,
            mailer=self._mailer, disk=self._disk, forbidden=tables.forbidden, deadlines=self._deadlines,
            common=self._common, tls=self._tls, logins=self._make_logins(mood, answers),
            limits=Limits(params, self.worker.service, self._anvil, self.log),
            rewrites_headers_of_logins=tables.header_clients.with_login,
            rewrites_headers_of_certificates=tuple(tables.header_clients.with_certificate),
        )  # fmt: skip

    def _make_logins(self, mood: Mood, answers: Answers) -> Logins | None:
        if not mood.params.smtpd_sasl_auth_enable:
            return None
        announced = mood.tables.announced_mechanisms
        return Logins(mood.params, self.config, self._auth, announced, answers, self._mech_list)

    def stress_changed(self) -> None:
        """Have new clients get the time, the patience and the restrictions that there are for them."""
        self._server = self._stressed_server if self.worker.stress else self._calm_server

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the session of a new client."""
        return Session(self._server)

    def find_changed(self) -> Iterator[str]:
        return self._opened.find_changed()

    def find_changed_files(self) -> Iterator[str]:
        yield from self._tls.find_changed()
        yield from self._mech_file.find_changed()

    def system_stops(self) -> None:
        """Tell idle clients; the others finish their message."""
        self._common.is_stopping = True
        for session in self._deadlines:
            if isinstance(session, Session) and session.is_idle:
                session.say_goodbye()

    async def stop(self) -> None:
        """All sessions have ended: tell what there is to tell, and close the connections to the neighbours."""
        await self._mailer.finish()
        self._cleanup.close()
        self._rewrite.disconnect()
        self._proxymap.disconnect()
        self._quota_status.disconnect()
        self._auth.close()
        self._anvil.disconnect()
        self._disk.shutdown(wait=False)
        self._lookups.shutdown(wait=False)
        await asyncio.sleep(0)  # the loop closes what was closed above in its next turn


async def _describe(tables: Tables, answers: Answers, log: Log, name: str, address: str, reverse_name: str) -> Peer:
    if tables.standing_may_wait:
        standing = await answers.in_thread(lambda: tables.standing(name, address))
    else:
        standing = tables.standing(name, address)
    for warning in standing.warnings:
        log.warning(warning)
    return Peer(
        name, address, reverse_name, f"{name}[{address}]", "local" if standing.is_ours else "remote",
        standing.may_send_bare_newline, standing.is_told_of_auth, standing.is_unlimited,
    )  # fmt: skip


SERVICE = Service("smtpd", SmtpdDaemon, SmtpdParameters)
