"""What failed logins cost: time, and in the end a ban. Pure: the caller knows the time.

Counted are failures of a source, which is an address, or a network of 64 bits with IPv6, and of a login, whether there
is such a user or not.

- Each failure is answered later than the one before: twice the delay, up to 15 seconds.
- A source that has failed `limit` times is banned for `ban_s`. The same wrong password again does not count: a mail
  program that has the old one bans nobody. A login that succeeds takes the failures of its own off its source.
- A login that has failed `limit` times from anywhere can be tried once in `delay_s`, while others wait for their turn;
  who had it right before comes in as ever from the same source. There is no ban of a login: it would lock out its user.
- Failures are forgotten `ban_s` after the last one. Tables have room for `size` sources and logins; those that have
  been quiet for the longest time make room for new ones.
"""

from __future__ import annotations

import ipaddress
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

LONGEST_DELAY_S: Final = 15.0
_RECENT: Final = 8
"""Wrong passwords of a source that are remembered, as digests."""
_LOGINS: Final = 50
"""Logins of a source whose failures are told apart."""
_FRIENDS: Final = 8
"""Sources that a login came from."""
_IPV6_NETWORK: Final = 64
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the configuration says."""

    delay_s: float
    limit: int
    """Failures before a ban; 0: none."""
    ban_s: float
    size: int = 20_000
    """Entries of each table."""


@dataclass(frozen=True, slots=True)
class Proceed:
    """Go on, after so many seconds."""

    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Banned:
    """Refuse at once."""

    reason: str
    """For the log."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a failure costs."""

    delay_s: float
    """Between the request and the answer."""
    is_ban: bool = False
    """True when this failure was the one that is too many."""


@dataclass(slots=True)
class _Source:
    last: float
    failures: dict[str, int] = field(default_factory=dict)
    """By login."""
    recent: tuple[bytes, ...] = ()
    banned_until: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.failures.values())

    def add(self, login: str, digest: bytes) -> None:
        if login not in self.failures and len(self.failures) >= _LOGINS:
            login = ""
        self.failures[login] = self.failures.get(login, 0) + 1
        self.recent = (*self.recent, digest)[-_RECENT:]


@dataclass(slots=True)
class _Login:
    last: float
    count: int = 0
    next_turn: float = 0.0


class _Table(Generic[R]):
    """The newest entries."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.entries: OrderedDict[str, R] = OrderedDict()

    def put(self, key: str, entry: R) -> R:
        self.entries[key] = entry
        self.entries.move_to_end(key)
        if len(self.entries) > self._size:
            self.entries.popitem(last=False)
        return entry


class Penalties:
    """Who has failed, and how often."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sources: _Table[_Source] = _Table(limits.size)
        self._logins: _Table[_Login] = _Table(limits.size)
        self._friends: _Table[tuple[str, ...]] = _Table(limits.size)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return sum(len(table.entries) for table in (self._sources, self._logins, self._friends))

    def admit_source(self, source: str, now: float) -> Proceed | Banned:
        """Decide whether a source may try at all. source: see source_of; empty for one that is not counted."""
        record = self._sources.entries.get(source)
        if record is None or record.banned_until <= now:
            return Proceed()
        return Banned(f"too many failed logins from there; refused for {record.banned_until - now:.0f}s more")

    def places(self, source: str, now: float) -> int:
        """Return how many attempts of a source may be under way at once: one where the next failure is too many."""
        if not self._limits.limit:
            return sys.maxsize
        record = self._fresh_source(source, now)
        return max(1, self._limits.limit - (record.count if record is not None else 0))

    def admit_login(self, source: str, login: str, now: float) -> Proceed | Banned:
        """Decide when a login may be tried, once its name is known."""
        record = self._fresh_login(login, now) if source else None
        if record is None or not self._limits.limit or record.count < self._limits.limit:
            return Proceed()
        if source in self._friends.entries.get(login, ()):
            return Proceed()
        turn = max(now, record.next_turn)
        if turn - now > LONGEST_DELAY_S:
            return Banned("too many attempts at this login at once")
        record.next_turn = turn + self._limits.delay_s
        return Proceed(turn - now)

    def fail(self, source: str, login: str, digest: bytes, now: float) -> Cost:
        """Count a failure. login: empty where it never came to one; digest: of login and password, empty if unknown."""
        if not source:
            return Cost(self._limits.delay_s)
        record = self._fresh_source(source, now) or self._sources.put(source, _Source(now))
        is_known = bool(digest) and digest in record.recent
        count = self._count_login(login, now, is_known)
        if not is_known:
            record.add(login, digest)
        record.last = now
        self._sources.put(source, record)
        is_ban = 0 < self._limits.limit <= record.count and record.banned_until <= now
        if is_ban:
            record.banned_until = now + self._limits.ban_s
        return Cost(self._delay(max(record.count, count)), is_ban)

    def succeed(self, source: str, login: str, now: float) -> None:
        """Note that a login had it right."""
        if not source:
            return
        record = self._sources.entries.get(source)
        if record is not None:
            record.failures.pop(login, None)
        friends = [friend for friend in self._friends.entries.get(login, ()) if friend != source]
        self._friends.put(login, (*friends, source)[-_FRIENDS:])

    def _count_login(self, login: str, now: float, is_known: bool) -> int:
        if not login:
            return 0
        record = self._fresh_login(login, now) or _Login(now)
        record.count += 0 if is_known else 1
        record.last = now
        return self._logins.put(login, record).count

    def _delay(self, count: int) -> float:
        base = self._limits.delay_s
        return min(base * 2.0 ** min(max(count - 1, 0), 10), max(base, LONGEST_DELAY_S))

    def _fresh_source(self, source: str, now: float) -> _Source | None:
        """Return the record of a source unless its failures are forgotten."""
        record = self._sources.entries.get(source)
        if record is None or (now - record.last >= self._limits.ban_s and record.banned_until <= now):
            return None
        return record if record.banned_until == 0.0 or record.banned_until > now else None

    def _fresh_login(self, login: str, now: float) -> _Login | None:
        record = self._logins.entries.get(login)
        return None if record is None or now - record.last >= self._limits.ban_s else record


def source_of(address: str) -> str:
    """Return what failures of an address are counted for; empty for what is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        network = int(parsed) >> (128 - _IPV6_NETWORK) << (128 - _IPV6_NETWORK)
        return f"{ipaddress.IPv6Address(network)}/{_IPV6_NETWORK}"
    return str(parsed)
