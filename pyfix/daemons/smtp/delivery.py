"""Deliver one request: try the hosts of its next hops until every recipient has a verdict.

    for each next hop (those of the request, then the fallback relays)
        find its hosts; for each of them, up to the address and session limits
            connect or take a kept connection, greet, send

What becomes of each recipient is the ledger's to know. What is left at the end has not met a server: it gets the last
reason.

See: smtp_mx_address_limit, smtp_mx_session_limit, smtp_fallback_relay; smtp(8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pyfix.base.failure import words_for
from pyfix.base.log import Log, one_line
from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.cache import ConnectionCache
from pyfix.daemons.smtp.completion import Completion
from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.destination import (
    SMTP_PORT,
    Destination,
    DestinationError,
    parse_destination,
    split_nexthops,
)
from pyfix.daemons.smtp.fitness import check_features, check_greeting
from pyfix.daemons.smtp.generic import GenericMapper, Outgoing
from pyfix.daemons.smtp.ledger import Ledger
from pyfix.daemons.smtp.settings import ClientSettings
from pyfix.daemons.smtp.transaction import Endpoint, Message, make_mail, make_rcpts
from pyfix.mail.address.quote import unquote_address
from pyfix.mail.delivery import Job
from pyfix.mail.delivery.content import ContentError
from pyfix.mail.dns.hosts import Host, HostFinder, Route
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Delivered, Dsn
from pyfix.mail.rewrite.address_map import MapError

OnTrouble = Callable[[Connection], None]
Connect = Callable[[Endpoint, OnTrouble | None], Awaitable[Connection | Dsn]]


@dataclass(frozen=True, slots=True)
class Means:
    """What all deliveries of a process share."""

    settings: ClientSettings
    finder: HostFinder
    cache: ConnectionCache
    connect: Connect
    log: Log
    relayhost: str
    completion: Completion
    generic: GenericMapper | None
    """None when no address changes on its way out."""


class Delivery:
    """One request under way."""

    def __init__(self, job: Job, means: Means, on_trouble: OnTrouble | None = None) -> None:
        """`on_trouble` is told of connections on which the protocol was broken."""
        self._job = job
        self._request = job.request
        self._means = means
        self._settings = means.settings
        self._log = means.log
        self._on_trouble = on_trouble
        self._ledger = Ledger(job, means.settings, means.log)
        self._outgoing = Outgoing(job.envelope.sender, job.content, {})
        self._originals: Mapping[str, str] = {}
        """The complete forms of what local users wrote."""
        self._is_last_nexthop = False
        self._on_fallback = False
        self._sessions = 0

    async def run(self) -> Delivered:
        """Return the answer for qmgr; every recipient has a verdict then."""
        nexthop = self._request.nexthop
        self._means.cache.begin(nexthop)
        try:
            await self._try()
            return await self._finish()
        finally:
            self._means.cache.end(nexthop)
            self._job.close()

    async def _try(self) -> None:
        """Contain what nobody expected: Job.finish defers those without a verdict, other deliveries go on."""
        ledger = self._ledger
        try:
            if await self._prepare():
                await self._try_nexthops()
            if ledger.left:
                ledger.fail_leftovers(self._explain_leftovers())
        except Exception as error:  # noqa: BLE001 - an unknown fault of one delivery is temporary, and its own
            self._log.warning(f"{self._request.queue_id}: {one_line(error)}")
            ledger.all_done = False
            if ledger.connection is not None:
                ledger.connection.abandon()

    async def _prepare(self) -> bool:
        """Change the addresses that are others elsewhere; return False, with the reason kept, when that can't be."""
        self._originals = await self._complete_originals()
        if self._means.generic is None:
            return True
        try:
            self._outgoing = await self._means.generic.rewrite(self._request, self._job.content)
        except MapError as error:
            self._log.warning(f"{self._request.queue_id}: {error}")
            self._ledger.why = verdict.not_rewritten()
        except (OSError, ContentError) as error:
            self._log.warning(f"read message content: {words_for(error)}")
            self._ledger.why = verdict.unreadable()
        return self._ledger.why is None

    async def _complete_originals(self) -> Mapping[str, str]:
        """An ORCPT must mean something elsewhere (RFC 3461 section 4.2), but the mail does not wait for it."""
        if self._request.envelope.client.protocol:
            return {}
        originals = [rcpt.original for rcpt in self._request.recipients if not rcpt.orcpt]
        try:
            return await self._means.completion.complete(originals)
        except IpcError:
            return {}

    async def _finish(self) -> Delivered:
        """Marks that must be made stable are synced in a thread, so that others go on."""
        dead = self._ledger.dead
        if self._request.last and self._ledger.all_done:
            return self._job.finish(dead)
        return await asyncio.get_running_loop().run_in_executor(None, self._job.finish, dead)

    # --- next hops and hosts --------------------------------------------------------------------------------------

    async def _try_nexthops(self) -> None:
        lmtp = self._settings.session.lmtp
        ledger = self._ledger
        if lmtp and self._request.nexthop.startswith("unix:"):
            self._is_last_nexthop = True
            await self._try_socket(self._request.nexthop[5:])
            return
        own = split_nexthops(self._request.nexthop)
        names = [*own, *self._settings.fallback_relay]
        ledger.why = None if names else Dsn("4.3.5", "Server configuration error: no destination")
        for count, name in enumerate(names, 1):
            self._is_last_nexthop = count == len(names)
            try:
                destination = parse_destination(name, self._settings.default_port, lmtp=lmtp)
            except DestinationError as error:
                self._log.warning(f"{error} in server description: {name}")
                ledger.why = Dsn("4.3.5", "Server configuration error")
                continue
            self._on_fallback = count > len(own)
            await self._try_nexthop(destination)
            if not ledger.left or self._is_last_nexthop:
                return

    async def _try_nexthop(self, destination: Destination) -> None:
        route = await self._find(destination)
        if route.is_own_backup or route.loops:
            self._is_last_nexthop = True
        if route.failure is not None:
            self._ledger.why = route.failure
            return
        limit = self._settings.address_limit
        hosts = self._kept_first(route.hosts[:limit] if limit else route.hosts, destination.port)
        self._sessions = 0
        best = route.hosts[0].preference
        for index, host in enumerate(hosts):
            endpoint = Endpoint(host.name, host.address, destination.port)
            is_best = host.preference == best
            is_last = index == len(hosts) - 1
            if await self._try_server(endpoint, is_last=is_last, is_best=is_best) or not self._ledger.left:
                return

    async def _find(self, destination: Destination) -> Route:
        detect_loop = destination.port == SMTP_PORT and not self._settings.session.lmtp
        if destination.lookup_mx and self._settings.use_mx:
            return await self._means.finder.find_domain(destination.host, detect_loop=detect_loop)
        return await self._means.finder.find_host(destination.host, detect_loop=detect_loop)

    def _kept_first(self, hosts: tuple[Host, ...], port: int) -> list[Host]:
        """Among the best hosts, prefer one that a connection is kept to."""
        if len(hosts) < 2:
            return list(hosts)
        best = hosts[0].preference
        cache = self._means.cache
        first = next((h for h in hosts if h.preference == best and cache.has((h.address, port))), None)
        return list(hosts) if first is None else [first, *(host for host in hosts if host is not first)]

    async def _try_socket(self, path: str) -> None:
        if self._settings.fallback_relay:
            text = ", ".join(self._settings.fallback_relay)
            self._log.warning(f'ignoring "lmtp_fallback_relay = {text}" setting for non-TCP connections')
        await self._try_server(Endpoint(self._settings.myhostname, path, 0), is_last=True, is_best=True)

    # --- one server -------------------------------------------------------------------------------------------------

    async def _try_server(self, endpoint: Endpoint, *, is_last: bool, is_best: bool) -> bool:
        """Use one server; return True when the session limit forbids another."""
        kept = self._means.cache.take((endpoint.address, endpoint.port))
        if kept is not None and await self._converse(kept, is_last=is_last):
            return self._sessions == self._settings.session_limit
        connected = await self._means.connect(endpoint, self._on_trouble)
        if isinstance(connected, Dsn):
            self._ledger.why = connected
            self._log.info(connected.reason)
            return False
        self._start(connected, is_last=is_last)
        failure = await connected.handshake() or check_greeting(
            connected, self._settings, self._log, self._request.nexthop, is_best=is_best
        )
        if failure is not None:
            self._ledger.fail_all(failure, throttle=True)
            self._ledger.end()
            connected.quit()
            return False
        await self._converse(connected, is_last=is_last)
        return self._sessions == self._settings.session_limit

    def _start(self, connection: Connection, *, is_last: bool) -> None:
        connection.on_trouble = self._on_trouble
        self._ledger.start(connection, is_last=self._is_last_nexthop and is_last)

    async def _converse(self, connection: Connection, *, is_last: bool) -> bool:
        """Send the message; return False when a kept connection turned out to be dead, and nothing happened."""
        self._start(connection, is_last=is_last or self._sessions + 1 == self._settings.session_limit)
        self._job.connected(connection.uses + 1)
        failure = check_features(connection, self._request, self._job.content, self._ledger.left)
        if failure is not None:
            self._ledger.fail_all(failure, throttle=False)
            connection.quit()
        else:
            connection.wants_keep = self._wants_keep
            await connection.deliver(self._message(connection), self._ledger)
        if not self._ledger.end_conversation():
            return False
        self._sessions += 1
        return True

    def _wants_keep(self, connection: Connection) -> bool:
        return self._means.cache.is_wanted(self._request.nexthop, connection)

    def _message(self, connection: Connection) -> Message:
        envelope, outgoing = self._request.envelope, self._outgoing
        features = connection.session.features
        return Message(
            make_mail(envelope, self._spoken(outgoing.sender)),
            make_rcpts(
                envelope,
                self._ledger.attempted,
                lambda address: self._spoken(outgoing.recipient(address)),
                self._originals,
                dsn=features.dsn,
            ),
            outgoing.content,
            probe=self._job.is_trace_only,
            to_7bit=self._settings.convert_8bit and not features.eight_bit and envelope.encoding != "7bit",
        )

    def _spoken(self, address: str) -> str:
        """Return an address as commands have it."""
        return address if self._settings.quotes_envelope else unquote_address(address)

    # --- no server --------------------------------------------------------------------------------------------------

    def _explain_leftovers(self) -> Dsn:
        """Return why nobody has decided about the recipients that are left."""
        why = self._ledger.why or Dsn("4.3.0", "server unavailable or unable to receive mail")
        return why if why.status.startswith("4") else self._blame_configuration(why)

    def _blame_configuration(self, why: Dsn) -> Dsn:
        """A relay of ours that does not exist is our mistake: such mail waits."""
        relayhost = self._means.relayhost
        if self._on_fallback:
            name = "lmtp_fallback_relay" if self._settings.session.lmtp else "smtp_fallback_relay"
        elif relayhost and split_nexthops(self._request.nexthop)[:1] == [relayhost]:
            name = "relayhost"
        else:
            return why
        self._log.warning(f"{name} configuration problem")
        return Dsn("4.3.5", why.reason, why.diagnostic_type, why.diagnostic, why.mta)
