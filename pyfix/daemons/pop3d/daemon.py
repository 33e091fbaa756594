"""The process: takes sessions over, opens their mailboxes, keeps them alive."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pyfix.base import clock
from pyfix.base.log import one_line
from pyfix.daemons.pop3d.arrival import (
    Arrivals,
    Guests,
    Limits,
    Refused,
    accept_session,
    admit,
    refuse_session,
)
from pyfix.daemons.pop3d.box import Box, Owner, Workshop
from pyfix.daemons.pop3d.params import Pop3dParameters
from pyfix.daemons.pop3d.session import Session, Shared
from pyfix.daemons.pop3d.summary import compile_format
from pyfix.mail.config import ConfigError
from pyfix.mail.ipc.handover import Receiver
from pyfix.mail.ipc.messages import HandOver
from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.quota.account import scope_of
from pyfix.mail.mailbox.reading import ReadingError
from pyfix.mail.pop3 import AUTH_SOCKET, capability_policy
from pyfix.mail.sasl.client import AuthClient
from pyfix.service.deadlines import Deadlines
from pyfix.service.raw_server import RawServer
from pyfix.service.rights import RightsError
from pyfix.service.service import ManyClientsDaemon, Server, Service
from pyfix.service.thread_rights import ThreadRights
from pyfix.service.worker import Listener

_THREADS: Final = 4
_REFRESH_S: Final = 60.0
"""How often locks are kept young; Dovecot's live for five minutes."""


class Pop3dDaemon(ManyClientsDaemon[Pop3dParameters]):
    """Sessions on an event loop."""

    descriptors = 3
    is_prompt = True

    def before_jail(self) -> None:
        """Check what is configured."""
        params = self.params
        self._policy = capability_policy(self.config, params)
        try:
            self._summary = compile_format(params.pop3_logout_format)
        except ValueError as problem:
            raise self.config.refuse("pop3_logout_format", f"bad pop3_logout_format: {problem}") from None
        try:
            self._locking = LockPolicy.of_readers(params)
        except ConfigError as error:
            raise self.config.refuse("mailbox_delivery_lock", str(error)) from None
        self._givers = frozenset({0, os.geteuid(), *_user_id(params.mail_owner)})

    async def start(self) -> None:
        """Put together what the sessions share."""
        params, loop = self.params, asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_THREADS, "mailbox")
        self._workshop = Workshop(
            ThreadRights(),
            self._threads,
            params.virtual_mailbox_base,
            scope_of(params),
            self._locking,
            locks=params.pop3_lock_session,
        )
        self._auth = AuthClient(AUTH_SOCKET, self.log)
        self._guests = Guests(Limits(params.mail_max_userip_connections, params.pop3_login_delay))
        self._arrivals = Arrivals(loop, self.log, self._givers, self._arrived)
        self._shared = Shared(
            worker=self.worker, log=self.log, loop=loop, params=params, policy=self._policy,
            deadlines=Deadlines(loop, params.pop3_timeout), summary=self._summary,
        )  # fmt: skip
        self._sessions: set[Session] = set()
        self._refreshed = clock.monotonic()

    async def listen(self, listener: Listener, sock: socket.socket, backlog: int) -> Server:
        """Accept givers of sessions; their descriptors are of no use to a transport."""
        return RawServer(asyncio.get_running_loop(), sock, self._arrivals.accept)

    def _arrived(self, message: HandOver, receiver: Receiver, sock: socket.socket) -> None:
        self.worker.client_opened()
        self.worker.spawn(self._guard(self._serve(message, receiver, sock)))

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A fault of the program ends the session in which it shows, not the process with those of everybody else."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - see above
            self.log.error(f"internal error: {one_line(error)}")

    async def _serve(self, message: HandOver, receiver: Receiver, sock: socket.socket) -> None:
        """Take a session over, or have the giver refuse it."""
        try:
            owner = await admit(message, self._auth.redeem, self._guests, self.log)
            client = receiver.take_socket()
            accept_session(sock)
        except Refused as refused:
            refuse_session(sock, refused)
            self.worker.client_closed()
            return
        finally:
            receiver.close()
        await self._begin(message, owner, client)

    async def _begin(self, message: HandOver, owner: Owner, client: socket.socket) -> None:
        name = f"pop3({owner.user})<{os.getpid()}><{message.session}>"

        def ended() -> None:
            self._sessions.discard(session)
            self._guests.leave(owner.user, message.remote)
            self.worker.client_closed()

        session = Session(self._shared, name, message.rest, ended)
        self._sessions.add(session)
        client.setblocking(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: session, client)
        except OSError:
            client.close()
            session.connection_lost(None)
            return
        try:
            box = await Box.open(self._workshop, owner, lambda: session.is_wanted)
        except (ReadingError, RightsError) as error:
            session.refuse(error)
            return
        except Exception as error:  # a fault of the program: the client is told before _guard logs it
            session.refuse(error)
            raise
        if box is not None:
            session.begin(box)
        else:
            session.abandon()

    def idle(self) -> None:
        """Keep the locks young."""
        super().idle()
        if clock.monotonic() - self._refreshed >= _REFRESH_S:
            self._refreshed = clock.monotonic()
            for session in list(self._sessions):
                session.refresh()

    def system_stops(self) -> None:
        """Tell clients that are waited for; the others get what they are getting."""
        for session in list(self._sessions):
            session.say_goodbye()

    async def stop(self) -> None:
        """All sessions have ended."""
        self._auth.close()
        self._threads.shutdown(wait=False)
        await asyncio.sleep(0)


def _user_id(name: str) -> tuple[int, ...]:
    try:
        return (pwd.getpwnam(name).pw_uid,)
    except KeyError:
        return ()


SERVICE = Service("pop3d", Pop3dDaemon, Pop3dParameters, serves_mailboxes=True)
