"""Forward a message: queue it anew, for the addresses that an alias or .forward named.

Addresses with the same sender and the same Delivered-To: share one new message. It is complete before anything is said
about the recipient that it replaces: `send` returns the queue id when cleanup has answered that it is on stable
storage. The queue file is made with the rights of mail_owner, since cleanup, which takes it over, has no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.local.params import LocalParameters
from pyfix.daemons.local.state import State
from pyfix.mail.delivery import Content, ContentError
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import (
    CLEANUP_BOUNCE,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    Deliver,
    Envelope,
    Recipient,
    Submit,
    Submitted,
)
from pyfix.mail.message.dates import format_date
from pyfix.mail.queue import Queue, gather
from pyfix.service.rights import Identity, Rights

_FLAGS: Final = CLEANUP_BOUNCE | CLEANUP_MAP | CLEANUP_LOCAL


class ForwardError(Exception):
    """The new message is not queued, as far as is known: temporary, unless cleanup refused it for good."""

    def __init__(self, problem: str, status: str = "4.3.0", reason: str = "unable to forward message") -> None:
        super().__init__(problem)
        self.status = status
        self.reason = reason
        """What the sender may read."""


def _refused(reply: Submitted) -> ForwardError:
    """Return the error: trying again would get the same answer, and repeat the recipient's other deliveries."""
    problem = f"cleanup: {reply.reason}"
    if not reply.status.startswith("5"):
        return ForwardError(problem)
    return ForwardError(problem, reply.status, f"unable to forward message: {reply.reason}")


@dataclass(slots=True)
class Resubmission:
    """One new message in the making."""

    sender: str
    delivered: str
    envid: str
    ret: int
    recipients: list[Recipient] = field(default_factory=list)

    def add(self, state: State) -> None:
        """Add an address."""
        self.recipients.append(Recipient(state.address, state.original, state.orcpt, state.notify))


class Forwarder:
    """Makes queue files and gives them to cleanup."""

    def __init__(self, queue: Queue, cleanup: Channel, params: LocalParameters, rights: Rights) -> None:
        """Raises RightsError when root has no mail_owner to be."""
        self._queue = queue
        self._cleanup = cleanup
        self._rights = rights
        self._owner = Identity.of_name(params.mail_owner) if rights.can_switch else Identity(-1, -1)
        self._received = f"Received: by {params.myhostname} ({params.mail_name})\n\tid %s; %s\n"
        self._with_delivered_to = "forward" in params.prepend_delivered_header

    def send(self, message: Resubmission, request: Deliver, content: Content) -> str:
        """Queue the message durably and return its queue id; raises ForwardError."""
        try:
            with self._rights.as_user(self._owner.uid, self._owner.gid, self._owner.groups):
                file = self._queue.create()
        except OSError as error:
            raise ForwardError(f"create a queue file: {error.strerror}") from error
        try:
            body = gather(file, self._pieces(message, file.id, content))
            reply = self._cleanup.call(self._submit(message, request, file.id, body), Submitted)
            if reply.status:
                raise _refused(reply)
        except (IpcError, OSError, ContentError) as error:
            file.abort()
            raise ForwardError(words_for(error)) from error
        except ForwardError:
            file.abort()
            raise
        file.close()
        return file.id

    def _pieces(self, message: Resubmission, queue_id: str, content: Content) -> Iterator[bytes]:
        head = self._received % (queue_id, format_date(clock.now()))
        if self._with_delivered_to and message.delivered:
            head += f"Delivered-To: {message.delivered.lower()}\n"
        yield head.encode()
        yield from content.chunks()

    def _submit(self, message: Resubmission, request: Deliver, queue_id: str, body: bytes | None) -> Submit:
        old = request.envelope
        envelope = Envelope(
            message.sender,
            clock.now(),
            0,
            encoding=old.encoding,
            smtputf8=old.smtputf8,
            ret=message.ret,
            envid=message.envid,
            client=old.client,
            rewrite_context=old.rewrite_context,
            trace=old.trace,
        )
        return Submit(queue_id, envelope, message.recipients, body, _FLAGS)
