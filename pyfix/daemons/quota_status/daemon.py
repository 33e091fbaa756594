"""The process: one question, one mailbox, one answer."""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.daemons.quota_status.params import QuotaStatusParameters
from pyfix.mail.ipc.messages import AnyMessage, HasRoom, Message, Room
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.mailbox.errors import MailboxError
from pyfix.mail.mailbox.locate import LookupFailed
from pyfix.mail.mailbox.quota.account import OverQuota
from pyfix.mail.mailbox.quota.mailboxes import QuotaMailbox, Quotas
from pyfix.service.rights import RightsError
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_YES = Room()


class QuotaStatusDaemon(OneClientDaemon[QuotaStatusParameters]):
    """Answers HasRoom."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables."""
        self._quotas = Quotas.open(self.config, self.params, self.log.warning, with_ids=self.worker.rights.can_switch)

    def find_changed(self) -> Iterator[str]:
        return (maps.name for maps in self._quotas.maps if maps.has_changed())

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Answer one question."""
        if not isinstance(request, HasRoom):
            raise UnexpectedMessage(request)
        try:
            found = self._quotas.find(request.address.lower())
            return self._look(found, request) if found is not None else _YES
        except (LookupFailed, RightsError) as problem:
            self.log.warning(f"quota of <{request.address}>: {problem}")
            return _YES

    def _look(self, found: QuotaMailbox, request: HasRoom) -> Room:
        try:
            with self.worker.rights.as_user(found.mailbox.uid, found.mailbox.gid):
                found.check_room(request.size)
        except OverQuota as full:
            return Room(full.status, self._quotas.message(request.address.lower()))
        except MailboxError as error:
            self.log.warning(f"quota of <{request.address}>: {error.reason}")
        return _YES


SERVICE = Service("quota-status", QuotaStatusDaemon, QuotaStatusParameters)
