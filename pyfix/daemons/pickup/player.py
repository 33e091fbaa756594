"""Submit the files in maildrop, one after the other.

Failures: a file stays while the trouble is temporary, and the rest waits with it unless it is the file's own. One that
makes no sense, or that is refused for good, goes to corrupt/ with a warning: nobody waits to be told, and nothing
is thrown away.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.daemons.pickup.requeue import requeue
from pyfix.daemons.pickup.submission import Rejected, Submission, Submitter
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import CLEANUP_BOUNCE, Submit, Submitted
from pyfix.mail.ipc.pool import AsyncPool
from pyfix.mail.queue import CorruptFile, Queue, scan_problem
from pyfix.mail.queue.maildrop import BadDropFile, DropFile, open_drop_file
from pyfix.service.worker import Worker

_NEVER: Final = (errno.EACCES, errno.ELOOP, errno.ENXIO)
"""What opening a file that we may not read, a link or a socket ends in, whenever it is tried."""
_EVERYBODY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Trouble that the next file would have too."""
_DEBRIS_AGE_S: Final = 24 * 3600.0


class MaildropPlayer:
    """See the module. `authorize` raises Rejected for a user who may not submit."""

    def __init__(
        self,
        worker: Worker,
        params: PickupParameters,
        queue: Queue,
        cleanup: AsyncPool,
        authorize: Callable[[Submitter], None],
    ) -> None:
        self._worker = worker
        self._log = worker.log
        self._params = params
        self._queue = queue
        self._cleanup = cleanup
        self._authorize = authorize

    async def play_all(self) -> None:
        """Submit every file that can be submitted now."""
        self._queue.remove_debris("maildrop", clock.now() - _DEBRIS_AGE_S, self._not_seen)
        for entry in list(self._queue.scan("maildrop", self._not_seen)):
            if entry.complete and not self._worker.is_retiring and not await self._play(entry.id):
                return

    def _not_seen(self, error: OSError) -> None:
        self._log.warning(scan_problem("maildrop", error))

    async def _play(self, name: str) -> bool:
        """Submit one file; return False when the trouble is temporary and not the file's own."""
        try:
            file = open_drop_file(self._queue.path("maildrop", name))
        except FileNotFoundError:
            return True
        except BadDropFile as error:
            return self._put_aside(name, str(error))
        except OSError as error:
            return self._put_aside(name, error.strerror) if error.errno in _NEVER else self._failed(name, error)
        try:
            return await self._submit_file(name, file)
        except (BadDropFile, CorruptFile) as error:
            return self._put_aside(name, str(error))
        except Rejected as error:
            if error.status.startswith("5"):
                return self._put_aside(name, error.reason)
            return False
        except OSError as error:
            return self._failed(name, error)
        except IpcError as error:
            self._log.warning(f"maildrop/{name}: {words_for(error)}")
            return False
        finally:
            file.close()

    def _failed(self, name: str, error: OSError) -> bool:
        """Leave a file that may be well next time where it is; others may be well now."""
        self._log.warning(f"maildrop/{name}: {words_for(error)}")
        return error.errno not in _EVERYBODY

    async def _submit_file(self, name: str, file: DropFile) -> bool:
        if file.is_queue_file:
            if file.uid not in (0, os.getuid()):  # an envelope is believed, so it must be one of ours
                raise BadDropFile(f"queue file of user {file.uid}")
            submission, request = requeue(self._queue, self._params, self._log, name, file)
        else:
            submission, request = self._replay(file)
        request.flags |= CLEANUP_BOUNCE
        self._log.flush()
        try:
            reply = await self._cleanup.call(request, Submitted)
        except IpcError:
            submission.abort()
            raise
        if reply.status.startswith("5"):
            return self._put_aside(name, f"uid={file.uid}: {reply.reason}")
        if not reply.reason:
            os.unlink(self._queue.path("maildrop", name))
        return not reply.reason

    def _replay(self, file: DropFile) -> tuple[Submission, Submit]:
        submitter = Submitter.of(file.uid, self._log)
        self._authorize(submitter)
        submission = Submission(self._queue, self._params, self._log, submitter, file.read_submission())
        try:
            for data in file.read_content():
                submission.add(data)
            return submission, submission.finish()
        except BaseException:
            submission.abort()
            raise

    def _put_aside(self, name: str, problem: str | None) -> bool:
        """Take a file that can't ever be submitted out of the way."""
        try:
            self._log.warning(f"maildrop/{name}: {problem}: {self._queue.quarantine('maildrop', name)}")
        except OSError as error:
            self._log.warning(f"maildrop/{name}: {problem}; rename to corrupt: {error.strerror}")
        return True
