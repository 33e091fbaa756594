"""Deliver one request: try the hosts of its next hops until every recipient has a verdict.

    for each next hop (those of the request, then the fallback relays)
        find its hosts; for each of them, up to the address and session limits
            connect or take a kept connection, greet, send

A permanent failure ends a recipient at once. A temporary one keeps it for the next host, and ends it when this was the
last one. What is left at the end has not met a server: it gets the last reason. The destination is reported dead to
qmgr only when no server had a complete conversation with us.

See: smtp_mx_address_limit, smtp_mx_session_limit, smtp_fallback_relay; smtp(8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pyfix.base.failure import words_for
from pyfix.base.log import Log, one_line
from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.cache import ConnectionCache
from pyfix.daemons.smtp.connection import Connection, Endpoint, Message
from pyfix.daemons.smtp.destination import (
    SMTP_PORT,
    Destination,
    DestinationError,
    parse_destination,
    split_nexthops,
)
from pyfix.daemons.smtp.generic import GenericMapper, Outgoing
from pyfix.daemons.smtp.settings import ClientSettings
from pyfix.mail.delivery import Job
from pyfix.mail.delivery.content import ContentError
from pyfix.mail.dns.hosts import Host, HostFinder, Route
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    NOTIFY_SUCCESS,
    RET_FULL,
    RET_HDRS,
    Delivered,
    Dsn,
    Envelope,
    Recipient,
)
from pyfix.mail.rewrite.address_map import MapError
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.reply import Reply

OnTrouble = Callable[[Connection], None]
Connect = Callable[[Endpoint, OnTrouble | None], Awaitable[Connection | Dsn]]

_RET: Final = {RET_FULL: "FULL", RET_HDRS: "HDRS"}
_NOTIFY: Final = (
    (NOTIFY_NEVER, "NEVER"),
    (NOTIFY_SUCCESS, "SUCCESS"),
    (NOTIFY_FAILURE, "FAILURE"),
    (NOTIFY_DELAY, "DELAY"),
)
_HEADER_LIMIT: Final = 256 * 1024


class Delivery:
    """One request under way. Listens to its connection for the verdicts."""

    def __init__(
        self,
        job: Job,
        settings: ClientSettings,
        finder: HostFinder,
        cache: ConnectionCache,
        connect: Connect,
        log: Log,
        relayhost: str = "",
        on_trouble: OnTrouble | None = None,
        generic: GenericMapper | None = None,
    ) -> None:
        """`generic` is None when no address changes on its way out."""
        self._job = job
        self._generic = generic
        self._outgoing = Outgoing(job.envelope.sender, job.content, {})
        self._request = job.request
        self._settings = settings
        self._finder = finder
        self._cache = cache
        self._connect = connect
        self._log = log
        self._relayhost = relayhost
        self._on_trouble = on_trouble
        self._left: list[Recipient] = list(job.request.recipients)
        """Recipients without a verdict."""
        self._attempted: list[Recipient] = []
        """Those of the present session, in the order of its RCPT commands."""
        self._marked: set[int] = set()
        """Indexes of the attempted that the present session has decided."""
        self._kept: list[Recipient] = []
        """Those that the next host shall try."""
        self._why: Dsn | None = None
        self._dead: Dsn | None = None
        self._is_last_nexthop = False
        self._is_last_server = False
        self._had_session = False
        self._is_stale = self._is_broken = False
        self._on_fallback = False
        self._all_done = True
        self._sessions = 0
        self._connection: Connection | None = None

    async def run(self) -> Delivered:
        """Return the answer for qmgr; every recipient has a verdict then."""
        nexthop = self._request.nexthop
        self._cache.begin(nexthop)
        try:
            await self._try()
            return await self._finish()
        finally:
            self._cache.end(nexthop)
            self._job.close()

    async def _try(self) -> None:
        """Contain what nobody expected: Job.finish defers those without a verdict, other deliveries go on."""
        try:
            if await self._prepare():
                await self._try_nexthops()
            self._fail_leftovers()
        except Exception as error:  # noqa: BLE001 - an unknown fault of one delivery is temporary, and its own
            self._log.warning(f"{self._request.queue_id}: {one_line(error)}")
            self._all_done = False
            if self._connection is not None:
                self._connection.abandon()

    async def _prepare(self) -> bool:
        """Change the addresses that are others elsewhere; return False, with the reason kept, when that can't be."""
        if self._generic is None:
            return True
        try:
            self._outgoing = await self._generic.rewrite(self._request, self._job.content)
        except MapError as error:
            self._log.warning(f"{self._request.queue_id}: {error}")
            self._why = verdict.not_rewritten()
        except (OSError, ContentError) as error:
            self._log.warning(f"read message content: {words_for(error)}")
            self._why = verdict.unreadable()
        return self._why is None

    async def _finish(self) -> Delivered:
        """Marks that must be made stable are synced in a thread, so that others go on."""
        if self._request.last and self._all_done:
            return self._job.finish(self._dead)
        return await asyncio.get_running_loop().run_in_executor(None, self._job.finish, self._dead)

    # --- next hops and hosts --------------------------------------------------------------------------------------

    async def _try_nexthops(self) -> None:
        lmtp = self._settings.session.lmtp
        if lmtp and self._request.nexthop.startswith("unix:"):
            self._is_last_nexthop = True
            await self._try_socket(self._request.nexthop[5:])
            return
        own = split_nexthops(self._request.nexthop)
        names = [*own, *self._settings.fallback_relay]
        self._why = None if names else Dsn("4.3.5", "Server configuration error: no destination")
        for count, name in enumerate(names, 1):
            self._is_last_nexthop = count == len(names)
            try:
                destination = parse_destination(name, self._settings.default_port, lmtp=lmtp)
            except DestinationError as error:
                self._log.warning(f"{error} in server description: {name}")
                self._why = Dsn("4.3.5", "Server configuration error")
                continue
            self._on_fallback = count > len(own)
            await self._try_nexthop(destination)
            if not self._left or self._is_last_nexthop:
                return

    async def _try_nexthop(self, destination: Destination) -> None:
        route = await self._find(destination)
        if route.is_own_backup or route.loops:
            self._is_last_nexthop = True
        if route.failure is not None:
            self._why = route.failure
            return
        limit = self._settings.address_limit
        hosts = self._kept_first(route.hosts[:limit] if limit else route.hosts, destination.port)
        self._sessions = 0
        best = route.hosts[0].preference
        for index, host in enumerate(hosts):
            endpoint = Endpoint(host.name, host.address, destination.port)
            is_best = host.preference == best
            is_last = index == len(hosts) - 1
            if await self._try_server(endpoint, is_last=is_last, is_best=is_best) or not self._left:
                return

    async def _find(self, destination: Destination) -> Route:
        detect_loop = destination.port == SMTP_PORT and not self._settings.session.lmtp
        if destination.lookup_mx and self._settings.use_mx:
            return await self._finder.find_domain(destination.host, detect_loop=detect_loop)
        return await self._finder.find_host(destination.host, detect_loop=detect_loop)

    def _kept_first(self, hosts: tuple[Host, ...], port: int) -> list[Host]:
        """Among the best hosts, prefer one that a connection is kept to."""
        if len(hosts) < 2:
            return list(hosts)
        best = hosts[0].preference
        first = next((h for h in hosts if h.preference == best and self._cache.has((h.address, port))), None)
        return list(hosts) if first is None else [first, *(host for host in hosts if host is not first)]

    async def _try_socket(self, path: str) -> None:
        if self._settings.fallback_relay:
            text = ", ".join(self._settings.fallback_relay)
            self._log.warning(f'ignoring "lmtp_fallback_relay = {text}" setting for non-TCP connections')
        await self._try_server(Endpoint(self._settings.myhostname, path, 0), is_last=True, is_best=True)

    async def _try_server(self, endpoint: Endpoint, *, is_last: bool, is_best: bool) -> bool:
        """Use one server; return True when the session limit forbids another."""
        kept = self._cache.take((endpoint.address, endpoint.port))
        if kept is not None and await self._converse(kept, is_last=is_last):
            return self._sessions == self._settings.session_limit
        connected = await self._connect(endpoint, self._on_trouble)
        if isinstance(connected, Dsn):
            self._why = connected
            self._log.info(connected.reason)
            return False
        self._start(connected, is_last=is_last)
        failure = await connected.handshake() or self._check_greeting(connected, is_best=is_best)
        if failure is not None:
            self._fail_all(failure, throttle=True)
            self._end()
            connected.quit()
            return False
        await self._converse(connected, is_last=is_last)
        return self._sessions == self._settings.session_limit

    def _check_greeting(self, connection: Connection, *, is_best: bool) -> Dsn | None:
        """Look whether the server is this machine, which only a wrong DNS or route can cause."""
        if connection.endpoint.port != SMTP_PORT or self._settings.session.lmtp:
            return None
        me = self._settings.myhostname.lower()
        relay = connection.endpoint.relay
        if connection.greeting_name.lower() == me:
            self._log.warning(f"host {relay} greeted me with my own hostname {self._settings.myhostname}")
        if connection.session.features.server_name.lower() == me:
            self._log.warning(f"host {relay} replied to HELO/EHLO with my own hostname {self._settings.myhostname}")
            return verdict.loops(self._request.nexthop, best=is_best)
        return None

    # --- one session ------------------------------------------------------------------------------------------------

    def _start(self, connection: Connection, *, is_last: bool) -> None:
        self._connection = connection
        connection.on_trouble = self._on_trouble
        self._attempted = self._left
        self._marked = set()
        self._kept = []
        self._is_last_server = self._is_last_nexthop and is_last

    def _end(self) -> None:
        self._connection = None
        self._left = self._kept

    async def _converse(self, connection: Connection, *, is_last: bool) -> bool:
        """Send the message; return False when a kept connection turned out to be dead, and nothing happened."""
        self._start(connection, is_last=is_last or self._sessions + 1 == self._settings.session_limit)
        self._is_stale = self._is_broken = False
        self._job.connected(connection.uses + 1)
        failure = self._check_features(connection)
        if failure is not None:
            self._fail_all(failure, throttle=False)
            connection.quit()
        else:
            connection.wants_keep = self._wants_keep
            await connection.deliver(self._message(connection), self)
            if self._is_stale:
                return False
        self._sessions += 1
        self._had_session = self._had_session or not self._is_broken
        self._end()
        return True

    def _wants_keep(self, connection: Connection) -> bool:
        return self._cache.is_wanted(self._request.nexthop, connection)

    def _check_features(self, connection: Connection) -> Dsn | None:
        """Look whether the server can take this message at all."""
        features = connection.session.features
        envelope = self._request.envelope
        peer = connection.endpoint.peer
        if envelope.smtputf8 and not features.smtputf8 and self._requires_smtputf8():
            return verdict.needs_smtputf8(peer)
        if features.size_limit and features.size_limit < envelope.size:
            return verdict.too_big(envelope.size, features.size_limit, peer)
        return None

    def _requires_smtputf8(self) -> bool:
        """Return whether an address or a header needs more than ASCII; a flag alone is no obstacle."""
        request = self._request
        if not request.envelope.sender.isascii() or not all(rcpt.address.isascii() for rcpt in self._left):
            return True
        head = self._job.content.read_range(0, _HEADER_LIMIT)
        end = head.find(b"\n\n")
        return not (head if end < 0 else head[:end]).isascii()

    def _message(self, connection: Connection) -> Message:
        envelope = self._request.envelope
        mail = Mail(
            self._outgoing.sender,
            envelope.size,
            envelope.encoding,
            envelope.smtputf8,
            _RET.get(envelope.ret, ""),
            envelope.envid,
        )
        address = self._outgoing.recipient
        if connection.session.features.dsn:
            recipients = [_rcpt_with_dsn(rcpt, address(rcpt.address), envelope) for rcpt in self._attempted]
        else:
            recipients = [Rcpt(address(rcpt.address)) for rcpt in self._attempted]
        features = connection.session.features
        to_7bit = self._settings.convert_8bit and not features.eight_bit and envelope.encoding != "7bit"
        return Message(mail, recipients, self._outgoing.content, probe=self._job.is_trace_only, to_7bit=to_7bit)

    # --- what the connection reports --------------------------------------------------------------------------------

    def accepted(self, index: int | None, reply: Reply) -> None:
        """The server has taken responsibility."""
        if index is not None:
            self._marked.add(index)
            self._send_done(self._attempted[index], reply)
            return
        for position, rcpt in enumerate(self._attempted):
            if position not in self._marked:
                self._marked.add(position)
                self._send_done(rcpt, reply)

    def recipient_refused(self, index: int, dsn: Dsn) -> None:
        """The server does not take this one."""
        rcpt = self._attempted[index]
        self._why = dsn
        self._marked.add(index)
        if self._is_soft(dsn) and not self._is_last_server:
            self._log.info(f"{self._request.queue_id}: {dsn.reason}")
            self._kept.append(rcpt)
        else:
            self._fail(rcpt, dsn)

    def message_refused(self, dsn: Dsn) -> None:
        """The server does not take the message."""
        self._fail_all(dsn, throttle=False)

    def connection_failed(self, dsn: Dsn) -> None:
        """The connection is gone, or the server is silent."""
        self._is_broken = True
        self._fail_all(dsn, throttle=True)

    def line_broken(self, limit: int) -> None:
        """The content had a line that is too long for the wire."""
        self._log.info(f"{self._request.queue_id}: breaking line > {limit} bytes with <CR><LF>SPACE")

    def connection_stale(self) -> None:
        """A kept connection was dead: try again with a new one."""
        self._is_stale = True

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def _send_done(self, rcpt: Recipient, reply: Reply) -> None:
        connection = self._connection
        assert connection is not None
        features = connection.session.features
        final = self._settings.assume_final and not features.dsn
        line = reply.line
        self._job.sent(
            rcpt,
            line,
            reply.status,
            connection.endpoint.relay,
            action="delivered" if final else "relayed",
            reported=features.dsn,
            mta=connection.endpoint.host,
            diagnostic=line,
        )

    def _is_soft(self, dsn: Dsn) -> bool:
        return dsn.status.startswith("4") or self._settings.soft_bounce

    def _fail_all(self, dsn: Dsn, *, throttle: bool) -> None:
        """End, or keep for the next host, all recipients that have no verdict in this session."""
        self._why = dsn
        rest = [rcpt for index, rcpt in enumerate(self._attempted) if index not in self._marked]
        self._marked.update(range(len(self._attempted)))
        if self._is_soft(dsn) and not self._is_last_server:
            self._log.info(f"{self._request.queue_id}: {dsn.reason}")
            self._kept += rest
            return
        for rcpt in rest:
            self._fail(rcpt, dsn)
        if throttle and rest and self._is_soft(dsn) and not self._had_session and self._dead is None:
            self._dead = dsn

    def _fail(self, rcpt: Recipient, dsn: Dsn) -> None:
        if not self._job.stages.connected:
            self._job.connected()
        self._all_done = False
        self._job.failed(rcpt, dsn, self._connection.endpoint.relay if self._connection is not None else None)

    def _fail_leftovers(self) -> None:
        """End the recipients that met no server which would decide."""
        if not self._left:
            return
        why = self._why or Dsn("4.3.0", "server unavailable or unable to receive mail")
        if not why.status.startswith("4"):
            why = self._blame_configuration(why)
        self._attempted, self._marked, self._kept = self._left, set(), []
        self._is_last_server = True
        self._connection = None
        self._fail_all(why, throttle=True)

    def _blame_configuration(self, why: Dsn) -> Dsn:
        """A relay of ours that does not exist is our mistake: such mail waits."""
        if self._on_fallback:
            name = "lmtp_fallback_relay" if self._settings.session.lmtp else "smtp_fallback_relay"
        elif self._relayhost and split_nexthops(self._request.nexthop)[:1] == [self._relayhost]:
            name = "relayhost"
        else:
            return why
        self._log.warning(f"{name} configuration problem")
        return Dsn("4.3.5", why.reason, why.diagnostic_type, why.diagnostic, why.mta)


def _rcpt_with_dsn(rcpt: Recipient, address: str, envelope: Envelope) -> Rcpt:
    """Return the command for a recipient that the server knows by this address."""
    orcpt = rcpt.orcpt
    if not orcpt and rcpt.original:
        kind = "utf-8" if envelope.smtputf8 and not rcpt.original.isascii() else "rfc822"
        orcpt = f"{kind};{rcpt.original}"
    return Rcpt(address, orcpt, ",".join(word for flag, word in _NOTIFY if rcpt.notify & flag))
