"""Who is next: the jobs of one transport, in a fair order. Pure.

A *job* is what one message has for one transport, a *peer* what a job has for one destination, an *entry* the
recipients that go to an agent in one request.

    transport  ready: jobs in rotation          each turn takes one entry of the job in front
      job      ready: its peers in rotation     each of them holds a place in its destination's window
        peer   entries, in the order of the file

A peer becomes ready only with a place in the window (Destination.granted); without one it waits at the destination,
in the order of arrival. A place that becomes free goes to the peer that waits longest.

What that promises, and the tests hold: a mailing to 100,000 recipients is one job, so a single message behind it
starts after one delivery of the mailing (with n jobs, after n deliveries), however many destinations the mailing
has. At a destination that is busy it is the next but the peers that came before it, each of which takes one
delivery and queues up again. No search: every step costs the same whatever the number of jobs and destinations.

Postfix lets a job preempt another with earned slots instead. That lowers the mean delay a little when several
mailings meet, for six parameters and a good deal of code; rotation gives the guarantee that matters without them.
"""

from __future__ import annotations

from collections import deque

from pyfix.daemons.qmgr.destination import Destination, WindowLimits
from pyfix.daemons.qmgr.message import Message
from pyfix.mail.ipc.messages import Recipient


class Entry:
    """One request to be made: recipients of one message for one destination."""

    __slots__ = ("attempts", "destination", "job", "recipients")

    def __init__(self, job: Job, destination: Destination, recipients: list[Recipient], attempts: int) -> None:
        self.job = job
        self.destination = destination
        self.recipients = recipients
        self.attempts = attempts
        """How many agents died with it."""


class Peer:
    """The entries of one job for one destination."""

    __slots__ = ("destination", "entries", "is_ready", "job")

    def __init__(self, job: Job, destination: Destination) -> None:
        self.job = job
        self.destination = destination
        self.entries: deque[Entry] = deque()
        self.is_ready = False
        """It holds a place in the window."""


class Job:
    """What one message has for one transport."""

    __slots__ = ("is_queued", "message", "ready")

    def __init__(self, message: Message) -> None:
        self.message = message
        self.ready: deque[Peer] = deque()
        self.is_queued = False


class Scheduler:
    """The destinations and jobs of one transport."""

    __slots__ = ("_limits", "_ready", "destinations", "promised")

    def __init__(self, limits: WindowLimits) -> None:
        self.destinations: dict[str, Destination] = {}
        self.promised = 0
        """Peers that hold a place in a window: deliveries that only lack an agent."""
        self._limits = limits
        self._ready: deque[Job] = deque()

    def destination(self, key: str, nexthop: str) -> Destination:
        """Return the destination of this key, which is made when it is new."""
        found = self.destinations.get(key)
        if found is None:
            found = self.destinations[key] = Destination(key, nexthop, self._limits)
        return found

    def add(self, job: Job, destination: Destination, recipients: list[Recipient], attempts: int = 0) -> None:
        """Queue a request."""
        entry = Entry(job, destination, recipients, attempts)
        peer = destination.peers.get(job)
        if peer is not None:
            peer.entries.append(entry)
            return
        peer = destination.peers[job] = Peer(job, destination)
        peer.entries.append(entry)
        self._line_up(peer)

    def select(self) -> Entry | None:
        """Return the request that is to go to an agent now; it counts as under way from here on. None for none."""
        while self._ready:
            job = self._ready.popleft()
            job.is_queued = False
            peer = job.ready.popleft()
            entry = self._take(peer) if peer.is_ready else None
            if job.ready:
                self._queue(job)
            if entry is not None:
                return entry
        return None

    def _take(self, peer: Peer) -> Entry:
        destination = peer.destination
        peer.is_ready = False
        self.promised -= 1
        destination.granted -= 1
        destination.busy += 1
        entry = peer.entries.popleft()
        if peer.entries:
            self._line_up(peer)
        else:
            del destination.peers[peer.job]
        return entry

    def release(self, destination: Destination) -> None:
        """A delivery that select gave out has ended (feedback has been given): its place is free."""
        destination.busy -= 1
        if destination.waiting:
            self.admit(destination)

    def admit(self, destination: Destination) -> None:
        """Hand the free places of a destination to the peers that wait."""
        while destination.waiting and destination.has_room:
            self._grant(destination.waiting.popleft())

    def withdraw(self, destination: Destination) -> list[Entry]:
        """Take back every request for this destination that no agent has; the caller decides what becomes of them."""
        taken: list[Entry] = []
        for peer in destination.peers.values():
            taken.extend(peer.entries)
            if peer.is_ready:  # stays in its job's rotation, where select passes over it
                peer.is_ready = False
                destination.granted -= 1
                self.promised -= 1
        destination.peers.clear()
        destination.waiting.clear()
        return taken

    def withdraw_all(self) -> list[Entry]:
        """Take back every request of the transport."""
        return [entry for destination in self.destinations.values() for entry in self.withdraw(destination)]

    def forget_idle(self) -> None:
        """Drop destinations about which nothing is worth knowing."""
        for key in [key for key, destination in self.destinations.items() if destination.is_idle]:
            del self.destinations[key]

    def _line_up(self, peer: Peer) -> None:
        """Give the peer a place if one is free and nobody waits for it; else let it wait."""
        destination = peer.destination
        if not destination.waiting and destination.has_room:
            self._grant(peer)
        else:
            destination.waiting.append(peer)

    def _grant(self, peer: Peer) -> None:
        peer.is_ready = True
        peer.destination.granted += 1
        self.promised += 1
        peer.job.ready.append(peer)
        if not peer.job.is_queued:
            self._queue(peer.job)

    def _queue(self, job: Job) -> None:
        if not job.is_queued:
            job.is_queued = True
            self._ready.append(job)
