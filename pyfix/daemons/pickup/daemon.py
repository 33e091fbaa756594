"""The pickup process: dialogues on the socket, and files in maildrop."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from pyfix.base import clock
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.daemons.pickup.requeue import requeue
from pyfix.daemons.pickup.submission import Rejected, Submission, Submitter
from pyfix.mail.ipc.aclient import AsyncPool
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import (
    CLEANUP_BOUNCE,
    AnyMessage,
    ContentChunk,
    ContentEnd,
    LocalSubmit,
    Message,
    Submit,
    Submitted,
    Trigger,
)
from pyfix.mail.ipc.peer import credentials_of
from pyfix.mail.maps import STRING, MatchList, TableError
from pyfix.mail.queue import CorruptFile, Queue
from pyfix.mail.queue.maildrop import BadDropFile, DropFile, open_drop_file
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

CLEANUP_CONNECTIONS: Final = 4
_DEBRIS_AGE_S: Final = 24 * 3600.0


class LocalConnection(Connection):
    """A connection of a local user, whose uid the kernel tells."""

    uid = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.uid = credentials_of(transport.get_extra_info("socket")).uid
        super().connection_made(transport)


class PickupDaemon(ManyClientsDaemon[PickupParameters]):
    """Takes submissions and hands them to cleanup."""

    open_to_all = True
    solitary = True

    def before_jail(self) -> None:
        """Open the list of those who may submit."""
        self._authorized = MatchList(
            self.params.authorized_submit_users, "authorized_submit_users", self.config, kind=STRING
        )

    async def start(self) -> None:
        """Look into maildrop once: the mail system may have been down."""
        self._queue = Queue.from_params(self.params)
        self._cleanup = AsyncPool(f"public/{self.params.cleanup_service_name}", CLEANUP_CONNECTIONS)
        self._open: dict[Connection, Submission] = {}
        self._refused: set[Connection] = set()
        self._answering: set[Connection] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        self._scan: asyncio.Task[None] | None = None
        self.wakeup()

    async def stop(self) -> None:
        """Wait for what cleanup has been asked."""
        under_way = self._finishing | ({self._scan} if self._scan is not None else set())
        if under_way:
            await asyncio.wait(under_way)
        for submission in self._open.values():
            submission.abort()
        self._open.clear()
        self._cleanup.close()

    def system_stops(self) -> None:
        """Do not wait for those who have not sent everything: the end of the connection tells them to try again."""
        for connection in self.connections - self._answering:
            connection.close()

    def protocol(self, listener: Listener) -> LocalConnection:
        """Return a connection that knows its user."""
        return LocalConnection(self.receive, self._ended, self._started)

    # --- the socket

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """Take one message of a dialogue."""
        try:
            self._take(message, connection)
        except Rejected as error:
            self._refuse(connection)
            connection.send(Submitted("", error.status, error.code, error.reason))
        except OSError as error:
            self._refuse(connection)
            self.log.warning(f"write queue file: {error.strerror}")
            connection.send(Submitted("", "4.3.0", 451, f"error writing queue file: {error.strerror}"))

    def _take(self, message: AnyMessage, connection: Connection) -> None:
        submission = self._open.get(connection)
        match message:
            case ContentChunk() if connection in self._refused:
                pass  # the sender has not seen yet that it was refused
            case ContentEnd() if connection in self._refused:
                self._refused.discard(connection)
            case LocalSubmit() if submission is None:
                self._open[connection] = self._begin(message, connection)
            case ContentChunk(data=data) if submission is not None:
                submission.add(data)
            case ContentEnd() if submission is not None:
                task = self.worker.spawn(self._finish(submission, submission.finish(), connection))
                self._finishing.add(task)
                task.add_done_callback(self._finishing.discard)
            case Trigger():
                self.wakeup()
            case _:
                connection.abort(f"unexpected message {type(message).__name__}")

    def _begin(self, request: LocalSubmit, connection: Connection) -> Submission:
        assert isinstance(connection, LocalConnection)
        submitter = Submitter.of(connection.uid)
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

    async def _finish(self, submission: Submission, request: Submit, connection: Connection) -> None:
        self._open.pop(connection, None)
        self._answering.add(connection)
        self.log.flush()
        try:
            reply: Message = await self._cleanup.call(request, Submitted)
        except IpcError as error:
            self.log.warning(f"{request.queue_id}: {error}")
            submission.abort()
            reply = Submitted("", "4.3.0", 451, "mail system is down")
        self._answering.discard(connection)
        connection.send(reply)

    def _drop(self, connection: Connection) -> None:
        if (submission := self._open.pop(connection, None)) is not None:
            submission.abort()

    def _refuse(self, connection: Connection) -> None:
        """The rest of what is being sent is of no use."""
        self._drop(connection)
        self._refused.add(connection)

    def connection_lost(self, connection: Connection) -> None:
        """A sender that left in the middle leaves nothing behind."""
        self._refused.discard(connection)
        self._drop(connection)

    # --- maildrop

    def wakeup(self) -> None:
        """Play the files in maildrop, unless that is under way."""
        if self._scan is None or self._scan.done():
            self._scan = self.worker.spawn(self._play_all())

    async def _play_all(self) -> None:
        self._queue.remove_debris("maildrop", clock.now() - _DEBRIS_AGE_S)
        for entry in list(self._queue.scan("maildrop")):
            if entry.complete and not self.worker.is_retiring and not await self._play(entry.id):
                return

    async def _play(self, name: str) -> bool:
        """Submit one file; return False when the trouble is temporary and not the file's own."""
        try:
            file = open_drop_file(self._queue.path("maildrop", name))
        except FileNotFoundError:
            return True
        except (OSError, BadDropFile) as error:
            return self._put_aside(name, str(error))
        try:
            return await self._submit_file(name, file)
        except (BadDropFile, CorruptFile) as error:
            return self._put_aside(name, str(error))
        except Rejected as error:
            if error.status.startswith("5"):
                return self._put_aside(name, error.reason)
            return False
        except (OSError, IpcError) as error:
            self.log.warning(f"maildrop/{name}: {error}")
            return False
        finally:
            file.close()

    async def _submit_file(self, name: str, file: DropFile) -> bool:
        if file.is_queue_file:
            if file.uid not in (0, os.getuid()):  # an envelope is believed, so it must be one of ours
                raise BadDropFile(f"queue file of user {file.uid}")
            submission, request = requeue(self._queue, self.params, self.log, name, file)
        else:
            submission, request = self._replay(file)
        request.flags |= CLEANUP_BOUNCE
        self.log.flush()
        try:
            reply = await self._cleanup.call(request, Submitted)
        except IpcError:
            submission.abort()
            raise
        if not reply.reason or reply.status.startswith("5"):
            if reply.reason:
                self.log.warning(f"maildrop/{name}: uid={file.uid}: {reply.reason}")
            os.unlink(self._queue.path("maildrop", name))
            return True
        return False

    def _replay(self, file: DropFile) -> tuple[Submission, Submit]:
        submitter = Submitter.of(file.uid)
        self._authorize(submitter)
        submission = Submission(self._queue, self.params, self.log, submitter, file.read_submission())
        try:
            for data in file.read_content():
                submission.add(data)
            return submission, submission.finish()
        except BaseException:
            submission.abort()
            raise

    def _put_aside(self, name: str, problem: str) -> bool:
        """Take a file that can't ever be submitted out of the way."""
        try:
            self.log.warning(f"maildrop/{name}: {problem}: {self._queue.quarantine('maildrop', name)}")
        except OSError as error:
            self.log.warning(f"maildrop/{name}: {problem}; rename to corrupt: {error.strerror}")
        return True


SERVICE = Service("pickup", PickupDaemon, PickupParameters)
