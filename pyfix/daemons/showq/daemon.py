"""The showq process."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyfix.base.accounts import shown_login_name
from pyfix.daemons.showq.params import ShowqParameters
from pyfix.mail.ipc.messages import AnyMessage, ListQueue, Message, QueueEnd, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.maps import STRING, MatchList, TableError
from pyfix.mail.queue import Queue
from pyfix.mail.queue.listing import list_queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage


class ShowqDaemon(OneClientDaemon[ShowqParameters]):
    """Answers ListQueue."""

    open_to_all = True

    def before_jail(self) -> None:
        """Open the list of those who may ask."""
        self._authorized = MatchList(
            self.params.authorized_mailq_users, "authorized_mailq_users", self.config, kind=STRING
        )

    def find_changed(self) -> Iterator[str]:
        if self._authorized.has_changed():
            yield self._authorized.parameter

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Send the listing; the last message is the answer."""
        if not isinstance(request, ListQueue):
            raise UnexpectedMessage(request)
        name = shown_login_name(peer.uid)
        if not self._is_authorized(name, peer.uid):
            return Refused(f"User {name}({peer.uid}) is not allowed to view the mail queue")
        for entry in list_queue(Queue.from_params(self.params), self.log.warning):
            peer.send(entry)
        return QueueEnd()

    def _is_authorized(self, name: str, uid: int) -> bool:
        if uid in (0, os.getuid()):
            return True
        try:
            return self._authorized.matches(name)
        except TableError as error:
            self.log.warning(f"authorized_mailq_users: {error}")
            return False


SERVICE = Service("showq", ShowqDaemon, ShowqParameters)
