"""A connection of a local user, whose uid the kernel tells, and what one user may take up of this process.

Everybody may connect, so nobody may hold what others need: a connection on which nothing came for a while ends, a frame
is short, one message at a time is under way, and one request to try mail, and who does not read the answers gets no
more of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pyfix.daemons.pickup.submission import Submission
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage
from pyfix.mail.ipc.peer import credentials_of
from pyfix.mail.queue.maildrop import FRAME_LIMIT


class LocalConnection(Connection):
    """See the module."""

    def __init__(
        self,
        on_message: Callable[[AnyMessage, Connection], None],
        on_end: Callable[[Connection, str], None],
        on_start: Callable[[Connection], None],
        idle_s: float,
    ) -> None:
        super().__init__(on_message, on_end, on_start, limit=FRAME_LIMIT)
        self.uid = -1
        self.submission: Submission | None = None
        """The message that is coming in."""
        self.is_refused = False
        """The message that is coming in has been refused: what is left of it is of no use."""
        self.is_answering = False
        """cleanup has been asked: it is not the user who keeps us waiting."""
        self.is_flushing = False
        """qmgr is being asked to try mail: a second request before the answer is a flood."""
        self._idle_s = idle_s
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.uid = credentials_of(transport.get_extra_info("socket")).uid
        self._heard_at = asyncio.get_running_loop().time()
        self._look_at_clock()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._heard_at = asyncio.get_running_loop().time()
        super().data_received(data)

    def pause_writing(self) -> None:
        """Called by the loop when answers pile up."""
        self.abort("does not read the answers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def _look_at_clock(self) -> None:
        loop = asyncio.get_running_loop()
        left_s = self._heard_at + self._idle_s - loop.time()
        if left_s <= 0 and not self.is_answering:
            self._timer = None
            self.abort("idle for too long")
        else:
            self._timer = loop.call_later(left_s if left_s > 0 else self._idle_s, self._look_at_clock)
