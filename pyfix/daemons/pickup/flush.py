"""Ask qmgr to try mail now, for users who may not reach qmgr themselves.

`postqueue -f` and `sendmail -q` of an ordinary user come here, since pickup's socket is open to all and the kernel
tells who calls. See: authorized_flush_users.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pyfix.base.failure import words_for
from pyfix.base.log import Log
from pyfix.daemons.pickup.submission import Submitter
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Done, Message, Refused, Trigger
from pyfix.mail.maps import MatchList, TableError

_PATIENCE_S: Final = 30.0


class FlushRelay:
    """Passes requests on to the socket of qmgr; those for the same thing that come together are one."""

    def __init__(self, path: str, authorized: MatchList, log: Log) -> None:
        self._path = path
        self._authorized = authorized
        self._log = log
        self._under_way: dict[str, asyncio.Task[Message]] = {}

    async def pass_on(self, request: Trigger, user: Submitter, is_trusted: bool) -> Message:
        """Return Done once qmgr has the request, or Refused with the reason for the user."""
        name = user.login or "unknown"
        try:
            if not is_trusted and not self._authorized.matches(name):
                return Refused(f"User {name}({user.uid}) is not allowed to flush the mail queue")
        except TableError as error:
            self._log.warning(f"authorized_flush_users: {error}")
            return Refused("table lookup problem")
        task = self._under_way.get(request.what)
        if task is None:
            task = self._under_way[request.what] = asyncio.create_task(self._send(request))
            task.add_done_callback(lambda _: self._under_way.pop(request.what))
        return await asyncio.shield(task)

    async def _send(self, request: Trigger) -> Message:
        try:
            qmgr = await self._connect()
        except OSError as error:
            self._log.warning(f"connect to {self._path}: {words_for(error)}")
            return Refused("mail system is down")
        qmgr.send(request)
        qmgr.close()
        return Done()

    async def _connect(self) -> Connection:
        """Return a connection whose greeting has come; raises OSError.

        Whoever closes before that makes the greeting fail, and qmgr drops a connection that it cannot write to, with
        what stands in it.
        """
        loop = asyncio.get_running_loop()
        greeting: asyncio.Future[None] = loop.create_future()

        def greeted(message: AnyMessage, connection: Connection) -> None:
            if not greeting.done():
                greeting.set_result(None)

        def ended(connection: Connection, problem: str) -> None:
            if not greeting.done():
                greeting.set_exception(ConnectionError(problem))

        _, qmgr = await loop.create_unix_connection(lambda: Connection(greeted, ended), self._path)
        try:
            await asyncio.wait_for(greeting, _PATIENCE_S)
        except TimeoutError:
            qmgr.close()
            raise TimeoutError("no greeting") from None
        return qmgr
