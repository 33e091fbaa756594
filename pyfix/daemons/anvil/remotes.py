"""Who did how much. Pure: the caller passes the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

CONNECTION: Final = "connection"
KINDS: Final = (CONNECTION, "message", "recipient", "newtls", "auth")
"""In the order of the log, as Postfix has it; others come behind them."""


@dataclass(slots=True)
class Remote:
    """What one client of one service, or one login, did since `start`."""

    unit_s: float
    start: float
    rates: Counter[str] = field(default_factory=Counter)
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest value of its kind."""

    value: int
    unit_s: float
    ident: str
    at: float


class Remotes:
    """All of them; an ident is service:address or login:name."""

    def __init__(self, unit_s: float) -> None:
        self._unit_s = unit_s
        self._known: dict[str, Remote] = {}
        self._held: dict[object, Counter[str]] = {}
        self._peaks: dict[str, Peak] = {}
        self._most = (0, 0.0)

    def connect(self, holder: object, ident: str, now: float) -> tuple[int, int]:
        """Count a connection that `holder` answers for; return how many there are, and the rate of new ones."""
        rate = self.count(ident, CONNECTION, 1, 0.0, now)
        remote = self._known[ident]
        remote.connections += 1
        self._held.setdefault(holder, Counter())[ident] += 1
        self._note("connection count", Peak(remote.connections, 0.0, ident, now))
        return remote.connections, rate

    def disconnect(self, holder: object, ident: str) -> None:
        """A connection has ended; one that is not known to is left alone."""
        held = self._held.get(holder)
        if held is None or not held[ident]:
            return
        held[ident] -= 1
        if not held[ident]:
            del held[ident]
        self._drop(ident, 1)

    def forget(self, holder: object) -> None:
        """The process that answered for connections has gone, and they with it."""
        for ident, number in self._held.pop(holder, Counter()).items():
            self._drop(ident, number)

    def count(self, ident: str, kind: str, amount: int, unit_s: float, now: float) -> int:
        """Count something; return how much of it there was within the time. unit_s: 0 for the one of clients."""
        remote = self._known.get(ident)
        if remote is None:
            remote = self._known[ident] = Remote(unit_s or self._unit_s, now)
            if len(self._known) > self._most[0]:
                self._most = (len(self._known), now)
        elif remote.start + remote.unit_s < now:
            remote.start, remote.rates = now, Counter()
        remote.unit_s = unit_s or self._unit_s
        remote.rates[kind] += amount
        self._note(f"{kind} rate", Peak(remote.rates[kind], remote.unit_s, ident, now))
        return remote.rates[kind]

    def prune(self, now: float) -> None:
        """Forget those that nothing is known of any more."""
        self._known = {
            ident: remote
            for ident, remote in self._known.items()
            if remote.connections or remote.start + remote.unit_s >= now
        }

    def take_peaks(self) -> Iterator[tuple[str, Peak]]:
        """Yield the name and the value of each peak, in the order of the log, and begin anew."""
        peaks, self._peaks = self._peaks, {}
        order = [f"{CONNECTION} rate", "connection count", *(f"{kind} rate" for kind in KINDS[1:])]
        for name in sorted(peaks, key=lambda name: (order.index(name) if name in order else len(order), name)):
            yield name, peaks[name]
        size, at = self._most
        self._most = (0, 0.0)
        if size:
            yield "cache size", Peak(size, 0.0, "", at)

    def _drop(self, ident: str, number: int) -> None:
        remote = self._known.get(ident)
        if remote is not None:
            remote.connections = max(0, remote.connections - number)

    def _note(self, name: str, peak: Peak) -> None:
        known = self._peaks.get(name)
        if known is None or peak.value > known.value:
            self._peaks[name] = peak
