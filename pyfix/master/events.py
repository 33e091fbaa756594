"""What happens to the master, and what it can do about it: the words in which `decide` is asked and answers."""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.master.state import Key, ServiceState
from pyfix.service.status import State

# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientWaits:
    """A listening socket that is watched became readable."""

    key: Key


@dataclass(frozen=True, slots=True)
class Spawned:
    """A fork succeeded."""

    key: Key
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """A fork did not succeed."""

    key: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A worker told its state."""

    pid: int
    generation: int
    state: State


@dataclass(frozen=True, slots=True)
class Exited:
    """A child is gone; `code` is negative for a signal, as in subprocess."""

    pid: int
    code: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing happened until the next deadline."""


@dataclass(frozen=True, slots=True)
class ReloadWanted:
    """master.cf and main.cf were read anew."""

    services: list[ServiceState]


@dataclass(frozen=True, slots=True)
class StopWanted:
    """SIGTERM."""


@dataclass(frozen=True, slots=True)
class AbortWanted:
    """SIGINT: at once."""


Event = ClientWaits | Spawned | SpawnFailed | Reported | Exited | TimePassed | ReloadWanted | StopWanted | AbortWanted

# --- actions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker."""

    key: Key


@dataclass(frozen=True, slots=True)
class Wake:
    """Pass the wakeup to a worker."""

    pid: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Close the worker's status channel: its generation is over."""

    pid: int


@dataclass(frozen=True, slots=True)
class TellStop:
    """Tell a worker that the system stops."""

    pid: int


@dataclass(frozen=True, slots=True)
class Stress:
    """Tell a worker that its service is under stress, or no longer."""

    pid: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """Send a signal."""

    pid: int
    signal: int


@dataclass(frozen=True, slots=True)
class Warn:
    """Log a warning."""

    text: str


Action = Spawn | Wake | Retire | TellStop | Stress | Kill | Warn
