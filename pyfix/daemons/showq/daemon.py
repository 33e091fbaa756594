"""The showq process."""

from __future__ import annotations

from pyfix.daemons.showq.params import ShowqParameters
from pyfix.mail.ipc.messages import AnyMessage, ListQueue, Message, QueueEnd
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.queue import Queue
from pyfix.mail.queue.listing import list_queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage


class ShowqDaemon(OneClientDaemon[ShowqParameters]):
    """Answers ListQueue."""

    open_to_all = True

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Send the listing; the last message is the answer."""
        if not isinstance(request, ListQueue):
            raise UnexpectedMessage(request)
        for entry in list_queue(Queue.from_params(self.params), self.log.warning):
            peer.send(entry)
        return QueueEnd()


SERVICE = Service("showq", ShowqDaemon, ShowqParameters)
