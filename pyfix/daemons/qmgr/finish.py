"""What happens to a message of which nothing is pending any more.

In this order, so that a kill between any two steps repeats a step and never drops one:

    bounce notice, trace report     while the file is still in active/, since they quote it
    put off                         a recipient has to be tried again: delay warning if due, rename to deferred/
    or removed                      every recipient is done: the defer log, then the file

A notice that can't be sent puts the message off as well: its logs stay, and the next attempt, which finds no
recipient to deliver to, comes straight to here.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.daemons.qmgr import log as events
from pyfix.daemons.qmgr.active import ActiveQueue
from pyfix.daemons.qmgr.backoff import BackoffLimits, is_warning_due, next_wait
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.record import LogService, Services
from pyfix.daemons.qmgr.recycle import Recycler
from pyfix.daemons.qmgr.trouble import lasting_fault
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Done, SendNotice
from pyfix.mail.queue import CorruptFile, Queue

_RETRY_S: Final = 10.0
"""Pause when the file system refuses to remove or rename."""


class Finisher:
    """See the module. `active` is set once both exist."""

    active: ActiveQueue

    def __init__(
        self,
        services: Services,
        queue: Queue,
        recycler: Recycler,
        limits: BackoffLimits,
        log: Log,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._services = services
        self._queue = queue
        self._recycler = recycler
        self._limits = limits
        self._log = log
        self._spawn = spawn
        self.under_way = 0
        """Messages that wait here for a service, or for the disk."""

    def finish(self, message: Message) -> None:
        """End the message's stay in the active queue, now or when the services have answered."""
        if message.corrupt:
            self._quarantine(message)
        elif message.scanned or message.bounced or message.traced or message.deferred:
            self.under_way += 1
            self._spawn(self._finish(message))
        else:
            self._remove(message)

    def _quarantine(self, message: Message) -> None:
        if self.active.quarantine(message.id, message.corrupt):
            self.active.drop(message)
        else:
            self._later(message)

    def _remove(self, message: Message) -> None:
        """Nearly all mail: new, and delivered to everybody."""
        self.under_way += 1
        self._recycler.recycle(message.id, functools.partial(self._removed, message))

    def _removed(self, message: Message, error: OSError | None) -> None:
        self.under_way -= 1
        if error is None:
            events.removed(self._log, message)
        elif not isinstance(error, FileNotFoundError):  # that is one where postsuper -d was faster
            events.remove_failed(self._log, message.id, error)
            self._later(message)
            return
        self.active.drop(message)

    async def _finish(self, message: Message) -> None:
        try:
            if message.expired:
                events.expired(self._log, message)
                message.expired = False
            if not await self._send_notices(message):
                message.deferred = True
            if message.deferred:
                await self._put_off(message)
            else:
                await self._drop_log(message)
                self._remove(message)
        finally:
            self.under_way -= 1

    async def _send_notices(self, message: Message) -> bool:
        """Turn the logs into mail; return False if that has to be tried again."""
        sent = True
        if message.bounced or self._has_log(message, self._services.bounce):
            sent = await self._notice(message, self._services.bounce)
            message.bounced = message.bounced and not sent
        if message.traced or self._has_log(message, self._services.trace):
            sent = await self._notice(message, self._services.trace) and sent
            message.traced = message.traced and not sent
        return sent

    async def _notice(self, message: Message, service: LogService) -> bool:
        request = SendNotice(message.id, "active", message.envelope, message.content_offset, message.content_length)
        try:
            await service.channel.call(request, Done)
        except IpcError as error:
            events.service_failed(self._log, message.id, service.name, error)
            return False
        return True

    def _has_log(self, message: Message, service: LogService) -> bool:
        """Tell whether an earlier attempt, cut short by a crash, left a log."""
        return message.scanned and os.path.lexists(self._queue.path(service.folder, message.id))

    async def _put_off(self, message: Message) -> None:
        """Rename to deferred/ with the time of the next attempt."""
        now = clock.now()
        if is_warning_due(message.age(now), message.envelope.delay_warned, self._limits) and await self._notice(
            message, self._services.defer
        ):
            self._mark_warned(message)
            message.envelope.delay_warned = True
        self._defer_now(message, now + next_wait(message.age(now), self._limits))

    def _defer_now(self, message: Message, due: float) -> None:
        try:
            self._queue.move(message.id, "active", "deferred", due)
        except FileNotFoundError:
            pass  # postsuper was faster
        except OSError as error:
            events.rename_failed(self._log, message.id, "active", "deferred", error)
            if error.errno == errno.EPERM:  # only who owns a file may set its time
                message.corrupt = lasting_fault(message.id, error)
                self._quarantine(message)
            else:
                self._later(message)
            return
        self.active.drop(message)

    def _mark_warned(self, message: Message) -> None:
        try:
            with self._queue.open("active", message.id, writable=True) as file:
                file.update_envelope(delay_warned=True)
                file.sync()
        except (FileNotFoundError, CorruptFile):
            return  # the next attempt meets it
        except OSError as error:
            events.file_failed(self._log, message.id, error)

    async def _drop_log(self, message: Message) -> None:
        """Remove the reasons of earlier deferrals: nobody is told of them any more."""
        if not self._has_log(message, self._services.defer):
            return
        try:
            await self._services.defer.drop_log(message.id)
        except IpcError as error:
            events.service_failed(self._log, message.id, self._services.defer.name, error)

    def _later(self, message: Message) -> None:
        asyncio.get_running_loop().call_later(_RETRY_S, self.finish, message)
