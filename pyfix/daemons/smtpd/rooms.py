"""Ask quota-status whether a mailbox has room.

It may be slow, or not be there: mail is taken then, and the delivery decides. The log says so, once a minute at most.
"""

from __future__ import annotations

from typing import Final

from pyfix.base import clock
from pyfix.base.log import Log
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import HasRoom as HasRoomMessage
from pyfix.mail.ipc.messages import Room
from pyfix.mail.restrictions.questions import HasRoom

_COMPLAINT_EVERY_S: Final = 60.0
_YES: Final = Room()


class Rooms:
    """The service, as seen from here."""

    def __init__(self, log: Log, channel: AsyncChannel) -> None:
        self._log = log
        self._channel = channel
        self._silent_until = 0.0

    async def ask(self, question: HasRoom) -> Room:
        """Return the answer."""
        try:
            return await self._channel.call(HasRoomMessage(question.address, question.size), Room)
        except IpcError as problem:
            if clock.monotonic() >= self._silent_until:
                self._silent_until = clock.monotonic() + _COMPLAINT_EVERY_S
                self._log.warning(f"{problem}; full mailboxes are not refused meanwhile")
            return _YES
