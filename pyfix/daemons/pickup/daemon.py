"""The pickup process: dialogues on the socket, and files in maildrop."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Final

from pyfix.daemons.pickup.connection import LocalConnection
from pyfix.daemons.pickup.flush import FlushRelay
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.daemons.pickup.player import MaildropPlayer
from pyfix.daemons.pickup.submission import Rejected, Submission, Submitter
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import (
    AnyMessage,
    ContentChunk,
    ContentEnd,
    LocalSubmit,
    Message,
    Refused,
    Submit,
    Submitted,
    Trigger,
)
from pyfix.mail.ipc.pool import AsyncPool
from pyfix.mail.maps import STRING, MatchList, TableError
from pyfix.mail.queue import Queue
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

CLEANUP_CONNECTIONS: Final = 4


class PickupDaemon(ManyClientsDaemon[PickupParameters]):
    """Takes submissions and hands them to cleanup."""

    open_to_all = True
    solitary = True
    idle_s: ClassVar[float] = 300.0
    """How long a user's program may be silent."""
    connections_per_user: ClassVar[int] = 100
    """At once; the mail system itself and root have no limit."""

    def before_jail(self) -> None:
        """Open the lists of those who may submit, and who may have the queue tried."""
        self._authorized = MatchList(
            self.params.authorized_submit_users, "authorized_submit_users", self.config, kind=STRING
        )
        flushers = MatchList(self.params.authorized_flush_users, "authorized_flush_users", self.config, kind=STRING)
        self._lists = (self._authorized, flushers)
        self._relay = FlushRelay(f"public/{self.params.queue_service_name}", flushers, self.log)

    async def start(self) -> None:
        """Look into maildrop once: the mail system may have been down."""
        self._queue = Queue.from_params(self.params)
        path = f"public/{self.params.cleanup_service_name}"
        self._cleanup = AsyncPool(path, self.params.ipc_timeout, CLEANUP_CONNECTIONS)
        self._users: Counter[int] = Counter()
        self._finishing: set[asyncio.Task[None]] = set()
        self._scan: asyncio.Task[None] | None = None
        self._player = MaildropPlayer(self.worker, self.params, self._queue, self._cleanup, self._authorize)
        self.wakeup()

    def find_changed(self) -> Iterator[str]:
        return (listed.parameter for listed in self._lists if listed.has_changed())

    async def stop(self) -> None:
        """Wait for what cleanup has been asked."""
        under_way = self._finishing | ({self._scan} if self._scan is not None else set())
        if under_way:
            await asyncio.wait(under_way)
        for connection in self.connections:
            self._drop(_local(connection))
        self._cleanup.close()

    def system_stops(self) -> None:
        """Do not wait for those who have not sent everything: the end of the connection tells them to try again."""
        for connection in list(self.connections):
            if not _local(connection).is_answering:
                connection.close()

    def protocol(self, listener: Listener) -> LocalConnection:
        """Return a connection that knows its user."""
        return LocalConnection(self.receive, self._ended, self._started, self.idle_s)

    def _started(self, connection: Connection) -> None:
        """Greet, or refuse a user who has enough connections."""
        uid = _local(connection).uid
        self._users[uid] += 1
        if self._users[uid] <= self.connections_per_user or self.is_trusted(uid):
            super()._started(connection)
            return
        self.log.warning(f"uid={uid}: too many connections")
        self.connections.add(connection)
        self.worker.client_opened()
        connection.send(Refused(f"too many connections of user ID {uid}"))
        connection.close()

    def is_trusted(self, uid: int) -> bool:
        """True for root and the owner of the mail system."""
        return uid in (0, os.getuid())

    # --- the socket

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """Take one message of a dialogue."""
        local = _local(connection)
        try:
            self._take(message, local)
        except Rejected as error:
            reply = Submitted("", error.status, error.code, error.reason)
        except OSError as error:
            self.log.warning(f"write queue file: {error.strerror}")
            reply = Submitted("", "4.3.0", 451, f"error writing queue file: {error.strerror}")
        else:
            return
        self._drop(local)
        local.is_refused = not isinstance(message, ContentEnd)
        local.send(reply)

    def _take(self, message: AnyMessage, connection: LocalConnection) -> None:
        submission = connection.submission
        match message:
            case ContentChunk() if connection.is_refused:
                pass  # the sender has not seen yet that it was refused
            case ContentEnd() if connection.is_refused:
                connection.is_refused = False
            case LocalSubmit() if submission is None and not connection.is_answering:
                connection.submission = self._begin(message, connection)
                connection.is_refused = False
            case ContentChunk(data=data) if submission is not None:
                submission.add(data)
            case ContentEnd() if submission is not None:
                self._hand_over(submission, connection)
            case Trigger(what="scan"):
                self.wakeup()
            case Trigger() if not connection.is_flushing:
                connection.is_flushing = True
                self.worker.spawn(self._flush(message, connection))
            case _:
                connection.abort(f"unexpected message {type(message).__name__}")

    def _hand_over(self, submission: Submission, connection: LocalConnection) -> None:
        request = submission.finish()
        connection.submission = None
        connection.is_answering = True
        task = self.worker.spawn(self._finish(submission, request, connection))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _flush(self, request: Trigger, connection: LocalConnection) -> None:
        is_trusted = self.is_trusted(connection.uid)
        try:
            user = Submitter(connection.uid, "") if is_trusted else Submitter.of(connection.uid, self.log)
        except Rejected as error:
            reply: Message = Refused(error.reason)
        else:
            reply = await self._relay.pass_on(request, user, is_trusted)
        connection.is_flushing = False
        connection.send(reply)

    def _begin(self, request: LocalSubmit, connection: LocalConnection) -> Submission:
        submitter = Submitter.of(connection.uid, self.log)
        self._authorize(submitter)
        return Submission(self._queue, self.params, self.log, submitter, request)

    def _authorize(self, submitter: Submitter) -> None:
        try:
            is_authorized = self._authorized.matches(submitter.login or "unknown")
        except TableError as error:
            self.log.warning(f"authorized_submit_users: {error}")
            raise Rejected(451, "4.3.0", "table lookup problem") from error
        if not is_authorized:
            raise Rejected(
                550, "5.7.1", f"User {submitter.login or 'unknown'}({submitter.uid}) is not allowed to submit mail"
            )

    async def _finish(self, submission: Submission, request: Submit, connection: LocalConnection) -> None:
        self.log.flush()
        try:
            reply: Message = await self._cleanup.call(request, Submitted)
        except IpcError as error:
            self.log.warning(f"{request.queue_id}: {error}")
            self._abort(submission)
            reply = Submitted("", "4.3.0", 451, "mail system is down")
        connection.is_answering = False
        connection.send(reply)

    def _drop(self, connection: LocalConnection) -> None:
        if (submission := connection.submission) is not None:
            connection.submission = None
            self._abort(submission)

    def _abort(self, submission: Submission) -> None:
        try:
            submission.abort()
        except OSError as error:
            self.log.warning(f"{submission.id}: remove queue file: {error.strerror}")

    def connection_lost(self, connection: Connection) -> None:
        """A sender that left in the middle leaves nothing behind."""
        local = _local(connection)
        self._users[local.uid] -= 1
        if not self._users[local.uid]:
            del self._users[local.uid]
        self._drop(local)

    # --- maildrop

    def wakeup(self) -> None:
        """Play the files in maildrop, unless that is under way."""
        if self._scan is None or self._scan.done():
            self._scan = self.worker.spawn(self._player.play_all())


def _local(connection: Connection) -> LocalConnection:
    """All connections of this process are of this kind: `protocol` makes no others."""
    assert isinstance(connection, LocalConnection)
    return connection


SERVICE = Service("pickup", PickupDaemon, PickupParameters)
