"""One recipient of one request, and requests in handy groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyfix.mail.delivery import Job
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Recipient
from pyfix.mail.mailbox import MaildirWriter
from pyfix.mail.mailbox.errors import system_error
from pyfix.mail.mailbox.filter import make_folder
from pyfix.mail.mailbox.locate import Mailbox
from pyfix.mail.mailbox.quota import Scope
from pyfix.mail.mailbox.quota.account import Account
from pyfix.mail.mailbox.quota.limits import Limit
from pyfix.service.service import UnexpectedMessage


@dataclass(slots=True)
class Delivery:
    """One recipient of one request, and its mailbox."""

    job: Job
    writer: MaildirWriter
    """Writes the content of the job's message."""
    rcpt: Recipient
    mailbox: Mailbox
    limit: Limit | None
    """What the mailbox may hold; None without quotas."""
    account: Account | None
    """The same for a Maildir, where quotas are in force."""
    place: str
    """The Maildir, or the folder in it, that gets the message."""

    def move_to(self, folder: str, scope: Scope) -> None:
        """Deliver into a folder; one that does not count has room. Raises MailboxError."""
        try:
            self.place = make_folder(self.mailbox.path, folder)
        except OSError as error:
            raise system_error(f"make folder {folder}", error, "4.2.0") from error
        if not scope.has_folder(folder):
            self.account = None


def as_deliveries(requests: Sequence[AnyMessage]) -> list[Deliver]:
    """Return the requests; raise UnexpectedMessage before any of them is begun."""
    deliveries = []
    for request in requests:
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        deliveries.append(request)
    return deliveries


def grouped(requests: list[Deliver], size: int) -> Iterator[list[Deliver]]:
    """Yield runs of requests with at most `size` recipients together, or one request that has more."""
    group: list[Deliver] = []
    count = 0
    for request in requests:
        count += len(request.recipients)
        if group and count > size:
            yield group
            group, count = [], len(request.recipients)
        group.append(request)
    if group:
        yield group


def owner(delivery: Delivery) -> tuple[int, int]:
    """Return whose rights a delivery takes."""
    return delivery.mailbox.uid, delivery.mailbox.gid


def batched(items: list[Delivery], size: int) -> Iterator[list[Delivery]]:
    """Yield the items `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
