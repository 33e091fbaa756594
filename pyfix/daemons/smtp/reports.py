"""Tell the listener of a message what the server's replies, its silence and its end mean."""

from __future__ import annotations

from pyfix.daemons.smtp import verdict
from pyfix.daemons.smtp.transaction import Endpoint, Listener
from pyfix.mail.ipc.messages import Dsn
from pyfix.proto.smtp_client.actions import (
    Accepted,
    Lost,
    MessageRefused,
    RecipientRefused,
    SiteRefused,
    Stage,
    Unsendable,
    Violated,
)
from pyfix.proto.smtp_client.reply import Reply


class Reports:
    """Of one connection, for one message after another."""

    def __init__(self, endpoint: Endpoint, *, skip_5xx_greeting: bool) -> None:
        self.handshake_failure: Dsn | None = None
        """Why the server can't be used at all."""
        self.has_trouble = False
        """The protocol was broken in this dialogue."""
        self.has_heard = True
        """The server has said something about this message."""
        self.is_late = False
        """It has been waited for in vain."""
        self._endpoint = endpoint
        self._skip_5xx_greeting = skip_5xx_greeting
        self._listener: Listener | None = None
        self._is_reused = False

    @property
    def is_wanted(self) -> bool:
        """True while somebody listens."""
        return self._listener is not None

    def begin(self, listener: Listener, *, is_reused: bool) -> None:
        """A message begins, on a connection that had another one before or not."""
        self._listener = listener
        self._is_reused = is_reused
        self.has_heard = False

    def end(self) -> None:
        """The listener has heard of everything."""
        self._listener = None

    def accepted(self, action: Accepted) -> None:
        if self._listener is not None:
            self._listener.accepted(action.index, action.reply)

    def recipient_refused(self, action: RecipientRefused) -> None:
        self._look_for_trouble(action.reply)
        if self._listener is not None:
            self._listener.recipient_refused(action.index, self._refused(action))

    def message_refused(self, action: MessageRefused) -> None:
        self._look_for_trouble(action.reply)
        if self._listener is None:
            return
        if self._is_reused and action.stage is Stage.MAIL and action.reply.code == 421:
            self._listener.connection_stale()
        else:
            self._listener.message_refused(self._refused(action))

    def unsendable(self, action: Unsendable) -> None:
        if self._listener is None:
            return
        if action.index is None:
            self._listener.message_refused(verdict.unsendable(sender=True))
        else:
            self._listener.recipient_refused(action.index, verdict.unsendable(sender=False))

    def content_failed(self, dsn: Dsn) -> None:
        """The content can't be sent to its end."""
        if self._listener is not None:
            self._listener.message_refused(dsn)

    def line_broken(self, limit: int) -> None:
        if self._listener is not None:
            self._listener.line_broken(limit)

    def site_refused(self, action: SiteRefused) -> None:
        self._look_for_trouble(action.reply)
        host, peer = self._endpoint.host, self._endpoint.peer
        skip = self._skip_5xx_greeting
        self._fail(verdict.site_refused(action.reply, action.stage, host, peer, skip_5xx_greeting=skip))

    def lost(self, action: Lost) -> None:
        say = verdict.timed_out if self.is_late else verdict.lost
        self._fail(say(action.stage, self._endpoint.peer))

    def violated(self, action: Violated) -> None:
        self._fail(verdict.violated(action.reason, self._endpoint.peer))

    def _fail(self, dsn: Dsn) -> None:
        if self._listener is None:
            self.handshake_failure = dsn
        elif self._is_reused and not self.has_heard and not self.is_late:
            self._listener.connection_stale()
        else:
            self._listener.connection_failed(dsn)

    def _refused(self, action: RecipientRefused | MessageRefused) -> Dsn:
        return verdict.refused(action.reply, action.stage, self._endpoint.host, self._endpoint.peer)

    def _look_for_trouble(self, reply: Reply) -> None:
        self.has_trouble = self.has_trouble or verdict.breaks_protocol(reply)
