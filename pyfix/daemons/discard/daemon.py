"""The process."""

from __future__ import annotations

from pyfix.daemons.discard.params import DiscardParameters
from pyfix.mail.delivery import Job, JobError
from pyfix.mail.delivery.reason import split_reason
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Message, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.queue import Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage


class DiscardDaemon(OneClientDaemon[DiscardParameters]):
    """Ends every recipient with success."""

    depth = 8

    def after_jail(self) -> None:
        """Nothing to open but the queue."""
        self._queue = Queue.from_params(self.params)

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Throw the message away for all its recipients."""
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        dsn = split_reason(request.nexthop, "2.0.0")
        try:
            with Job(request, self._queue, self.log, self.params) as job:
                for rcpt in request.recipients:
                    job.sent(rcpt, dsn.reason, dsn.status)
                return job.finish()
        except JobError as error:
            self.log.warning(str(error))
            return Refused(str(error))


SERVICE = Service("discard", DiscardDaemon, DiscardParameters)
