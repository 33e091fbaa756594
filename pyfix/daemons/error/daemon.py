"""The process."""

from __future__ import annotations

from pyfix.daemons.error.params import ErrorParameters
from pyfix.mail.delivery import Job, JobError
from pyfix.mail.delivery.reason import split_reason
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Message, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.queue import Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

RETRY_SERVICE = "retry"


class ErrorDaemon(OneClientDaemon[ErrorParameters]):
    """Ends every recipient with the failure that the request carries."""

    depth = 8

    def after_jail(self) -> None:
        """Nothing to open but the queue."""
        self._queue = Queue.from_params(self.params)

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Fail all recipients of the request."""
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        try:
            with Job(request, self._queue, self.log, self.params) as job:
                self._fail(job)
                return job.finish()
        except JobError as error:
            self.log.warning(str(error))
            return Refused(str(error))

    def _fail(self, job: Job) -> None:
        is_retry = self.worker.service == RETRY_SERVICE
        dsn = split_reason(job.request.nexthop, "4.0.0" if is_retry else "5.0.0")
        for rcpt in job.open_recipients:
            if is_retry:
                job.deferred(rcpt, dsn)
            else:
                job.bounced(rcpt, dsn)


SERVICE = Service("error", ErrorDaemon, ErrorParameters)
