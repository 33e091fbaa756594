"""The smtp service: takes requests from qmgr and runs a Delivery for each."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from typing import ClassVar, Final

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.base.log import one_line
from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.cache import ConnectionCache
from pyfix.daemons.smtp.completion import Completion
from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.delivery import Delivery, Means, OnTrouble
from pyfix.daemons.smtp.generic import GenericMapper
from pyfix.daemons.smtp.params import ClientParameters
from pyfix.daemons.smtp.settings import ClientSettings, make_settings
from pyfix.daemons.smtp.transaction import Endpoint
from pyfix.mail.config import ConfigError
from pyfix.mail.delivery import Job, JobError
from pyfix.mail.delivery.job import UNKNOWN_ERROR
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.dns.hosts import HostFinder
from pyfix.mail.dns.resolver import AsyncResolver, ResolverSettings
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.connection import Connection as Client
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Delivered, Dsn, Outcome
from pyfix.mail.ipc.pool import AsyncPool
from pyfix.mail.maillog import Stages, delivery_status
from pyfix.mail.maps.lending import asker
from pyfix.mail.notices.mailer import TranscriptMailer
from pyfix.mail.notices.transcript import client_transcript
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.queue import Queue
from pyfix.mail.rewrite.generic import GenericTables
from pyfix.service.service import ManyClientsDaemon, Service

_CLEANUPS: Final = 1
"""Connections to cleanup: for notices, which can wait for each other."""


class SmtpDaemon(ManyClientsDaemon[ClientParameters]):
    """Delivers over SMTP or LMTP."""

    depth: ClassVar[int] = 1000
    concurrent: ClassVar[bool] = True
    resolver_settings: ClassVar[ResolverSettings | None] = None
    """For tests; None: /etc/resolv.conf."""

    def before_jail(self) -> None:
        if self.worker.argv:
            raise ConfigError(
                f"service {self.worker.service}: unknown argument {self.worker.argv[0]}: "
                f"{self.worker.program} takes none (flags= is not available)"
            )
        self.settings: ClientSettings = make_settings(self.config, self.params, lmtp=self.worker.program == "lmtp")
        name = "lmtp_generic_maps" if self.worker.program == "lmtp" else "smtp_generic_maps"
        self._tables = GenericTables(self.config, self.params, name, self.settings.generic_maps)
        filter_name = f"{self.worker.program}_delivery_status_filter"
        self._filter = StatusFilter.open(
            self.settings.status_filter, filter_name, self.config, self.log, may_wait=False
        )
        self._resolver = AsyncResolver(self.resolver_settings)
        self._resolver.prepare()
        self._queue = Queue.from_params(self.params)
        self._silent_senders = ("", f"{self.params.double_bounce_sender}@{self.params.myhostname}")
        """Trouble with a notice makes no further notice."""

    async def start(self) -> None:
        self._finder = HostFinder(self._resolver, self.settings.hosts, self.log)
        self._cache = ConnectionCache(self.settings.cache)
        self._deliveries: set[asyncio.Task[None]] = set()
        params = self.params
        self._cleanup = AsyncPool(f"public/{params.cleanup_service_name}", params.ipc_timeout, _CLEANUPS)
        self._rewrite = AsyncChannel(f"private/{params.rewrite_service_name}", params.ipc_timeout)
        self._mailer = TranscriptMailer(params, self._queue, self._cleanup, self.log, self.worker.spawn)
        completion = Completion(self._rewrite)
        self._means = Means(
            self.settings, self._finder, self._cache, self._connect, self.log, params.relayhost, completion,
            self._make_mapper(completion),
        )  # fmt: skip

    def _make_mapper(self, completion: Completion) -> GenericMapper | None:
        if self._tables.is_empty:
            return None
        self._tables.lend(asker(asyncio.get_running_loop()))
        return GenericMapper(self._tables, completion, self.log)

    def find_changed(self) -> Iterator[str]:
        yield from self._tables.find_changed()
        yield from self._filter.find_changed()

    async def stop(self) -> None:
        if self._deliveries:
            await asyncio.wait(self._deliveries)
        self._cache.close()
        await self._mailer.finish()
        self._cleanup.close()
        self._rewrite.disconnect()

    def receive(self, message: AnyMessage, connection: Client) -> None:
        """Start on a request; the answer comes when it is done."""
        if not isinstance(message, Deliver):
            super().receive(message, connection)
            return
        task = self.worker.spawn(self._deliver(message, connection))
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, request: Deliver, client: Client) -> None:
        """Answer in any case: Refused would not say which of many requests on the connection is meant."""
        try:
            client.send(await self._run(request))
        except JobError as error:
            self.log.warning(str(error))
            client.send(self._defer(request))
        except Exception as error:  # noqa: BLE001 - one message must not end the deliveries of a thousand others
            self.log.warning(f"{request.queue_id}: {one_line(error)}")
            client.send(self._defer(request))

    async def _run(self, request: Deliver) -> Delivered:
        job = Job(request, self._queue, self.log, self.params, status_filter=self._filter)
        is_silent = request.envelope.sender in self._silent_senders
        delivery = Delivery(job, self._means, None if is_silent else self._tell_of_trouble)
        return await delivery.run()

    def _tell_of_trouble(self, connection: Connection) -> None:
        """Mail the postmaster what a connection and its server said to each other."""
        if connection.dialogue is not None:
            protocol = "LMTP" if self.settings.session.lmtp else "SMTP"
            transcript = client_transcript(protocol, connection.endpoint.relay, connection.dialogue)
            self._mailer.send(transcript, Trouble.PROTOCOL)

    def _defer(self, request: Deliver) -> Delivered:
        """The queue file can't be used. Who is marked done in it stays so."""
        delays = Stages(request.envelope.arrival, request.active_since, clock.now()).text(
            clock.now(), self.params.delay_logging_resolution_limit
        )
        for rcpt in request.recipients:
            delivery_status(
                self.log, request.queue_id, rcpt.address, rcpt.original, "none", delays, UNKNOWN_ERROR.status,
                "deferred", UNKNOWN_ERROR.reason,
            )  # fmt: skip
        outcomes = [Outcome(rcpt.position, "deferred", UNKNOWN_ERROR, rcpt.address) for rcpt in request.recipients]
        return Delivered(request.seq, outcomes)

    async def _connect(self, endpoint: Endpoint, on_trouble: OnTrouble | None) -> Connection | Dsn:
        """Return a connection, or why there is none."""
        source = self.settings.bind_ipv6 if ":" in endpoint.address else self.settings.bind_ipv4
        if source and endpoint.port:
            source = source.strip("[]")
            problem = _bind_problem(source)
            if problem:
                self.log.warning(f"bind {source}: {problem}")
                if self.settings.bind_enforce:
                    return Dsn("4.4.0", "server configuration error")
                source = ""
        try:
            return await self._open(endpoint, source, on_trouble)
        except TimeoutError:
            reason = os.strerror(errno.ETIMEDOUT)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
        return verdict.not_connected(endpoint.host, endpoint.address, endpoint.port, reason)

    async def _open(self, endpoint: Endpoint, source: str, on_trouble: OnTrouble | None) -> Connection:
        loop = asyncio.get_running_loop()
        settings = self.settings
        keeps_dialogue = Trouble.PROTOCOL in self._mailer.wanted
        connection = Connection(endpoint, settings, self.log, keeps_dialogue=keeps_dialogue)
        connection.on_trouble = on_trouble
        key = (endpoint.address, endpoint.port)
        connection.on_idle = lambda idle: self._cache.keep(key, idle)
        async with asyncio.timeout(settings.connect_timeout_s or None):
            if endpoint.port:
                await loop.create_connection(
                    lambda: connection,
                    endpoint.address,
                    endpoint.port,
                    local_addr=(source, 0) if source else None,
                )
            else:
                await loop.create_unix_connection(lambda: connection, endpoint.address)
        return connection


def _bind_problem(source: str) -> str:
    """Return why connections can't come from this address, "" when they can."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as probe:
            probe.bind((source, 0))
    except OSError as error:
        return words_for(error)
    return ""


SERVICE = Service("smtp", SmtpDaemon, ClientParameters, takes_arguments=True)
LMTP_SERVICE = Service("lmtp", SmtpDaemon, ClientParameters, takes_arguments=True)
"""The same program under its other name in master.cf."""
