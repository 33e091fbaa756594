"""How many logins of one source are tried at once: no more than may still fail.

Without this, who guesses a thousand passwords at the same time would have all of them tried before the first failure
is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from pyfix.base import clock
from pyfix.daemons.auth.penalty import Banned, Penalties, Proceed


@dataclass(slots=True)
class _Place:
    inside: int = 0
    coming: int = 0
    """Those who have waited, and will look again in a moment."""
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Gate:
    """One for all sources."""

    def __init__(self, penalties: Penalties) -> None:
        self._penalties = penalties
        self._places: dict[str, _Place] = {}

    async def enter(self, source: str) -> Proceed | Banned:
        """Wait for a place; Banned takes none. Who gets one must `leave`."""
        if not source:
            return Proceed()
        place = self._places.setdefault(source, _Place())
        while True:
            now = clock.monotonic()
            admission = self._penalties.admit_source(source, now)
            free = self._penalties.places(source, now) - place.inside
            if isinstance(admission, Banned):
                self._pass_on(source, place)
                return admission
            if free > 0:
                place.inside += 1
                if free > 1:
                    self._pass_on(source, place)
                return admission
            future = asyncio.get_running_loop().create_future()
            place.waiting.append(future)
            await future
            place.coming -= 1

    def leave(self, source: str) -> None:
        """Give the place back."""
        if source:
            place = self._places[source]
            place.inside -= 1
            self._pass_on(source, place)

    def _pass_on(self, source: str, place: _Place) -> None:
        """Have the next one look who waits; forget a source that nobody is at."""
        if place.waiting:
            place.coming += 1
            place.waiting.popleft().set_result(None)
        elif not place.inside and not place.coming:
            self._places.pop(source, None)
