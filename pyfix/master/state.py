"""What the master knows: services, their workers, and when something is due. Plain data for `decide`."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from pyfix.mail.config.mastercf import ServiceEntry

Key = tuple[str, str]
"""(type, name) of a master.cf line."""


class Phase(enum.IntEnum):
    """A stop goes outside in: who talks to the network ends first, then the queue manager, then what both lean on."""

    RUNNING = 0
    STOP_NETWORK = 1
    STOP_QUEUE_MANAGER = 2
    STOP_HELPERS = 3
    STOP_LOG = 4
    STOPPED = 5


@dataclass(frozen=True, slots=True)
class PublicFace:
    """What strangers see of a service that they can reach."""

    endpoint: str
    """The port, behind an address if it has one of its own."""
    client_limit: int
    """Clients that all its processes serve together."""


@dataclass(slots=True)
class WorkerState:
    """One child."""

    pid: int
    generation: int
    born_at: float
    is_starting: bool = True
    """Until its first report: it will serve whoever it was started for."""
    is_busy: bool = True
    is_full: bool = False
    """It can't take another client."""
    has_served: bool = False
    """It has been busy, or was woken."""
    is_retired: bool = False
    """A reload, or its own decision, has ended its generation: it finishes what it has."""


@dataclass(slots=True)
class ServiceState:
    """One line of master.cf."""

    entry: ServiceEntry
    process_limit: int
    """0: none."""
    stop_phase: Phase
    workers: dict[int, WorkerState] = field(default_factory=dict)
    throttled_until: float = 0.0
    killed_at_birth: int = 0
    """Workers, one after the other, that somebody killed before they served anyone."""
    wakeup_at: float | None = None
    wakeup_pending: bool = False
    """A worker was started for a wakeup and has not reported yet."""
    public: PublicFace | None = None
    """None for a service that only this machine can reach, or that serves one client at a time anyway."""
    stress_until: float = 0.0
    """0: not under stress."""
    limit_warning_at: float = 0.0
    """When it may be said again that the service is at its limit."""

    @property
    def key(self) -> Key:
        """Its identity across reloads."""
        return (self.entry.type, self.entry.name)

    @property
    def stress(self) -> bool | None:
        """Whether it is under stress; None for one that never is."""
        return bool(self.stress_until) if self.public is not None else None

    @property
    def current(self) -> list[WorkerState]:
        """The workers that count for the process limit: those that are retired finish beside it."""
        return [worker for worker in self.workers.values() if not worker.is_retired]

    @property
    def is_at_limit(self) -> bool:
        """True when strangers wait for one of its clients to go."""
        if self.public is None or not self.process_limit:
            return False
        current = self.current
        return len(current) >= self.process_limit and all(worker.is_full for worker in current)

    def has_room(self, generation: int) -> bool:
        """Return whether a worker of this generation is free, or will be in a moment."""
        return any(
            (w.is_starting or not w.is_busy) and w.generation == generation and not w.is_retired
            for w in self.workers.values()
        )


@dataclass(slots=True)
class MasterState:
    """All of it."""

    throttle_time: float
    stop_grace: float
    services: dict[Key, ServiceState] = field(default_factory=dict)
    removed: dict[int, ServiceState] = field(default_factory=dict)
    """Workers, by pid, of services that a reload took away."""
    generation: int = 1
    phase: Phase = Phase.RUNNING
    phase_deadline: float = 0.0

    def owner_of(self, pid: int) -> ServiceState | None:
        """Return the service that a child belongs to."""
        for service in self.services.values():
            if pid in service.workers:
                return service
        return self.removed.get(pid)
