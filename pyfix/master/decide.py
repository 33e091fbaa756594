"""Every decision of the master, without a single system call: `decide(state, event, now) -> actions`.

Rules: a service gets another worker when a client waits and no worker is free, up to its process limit. A worker that
dies before it served anyone throttles its service, and no other. A public service at its client limit is under stress,
and for a while after. A reload ends a generation: old workers finish what
they have. A stop goes through the phases of `state.Phase`, each bounded in time.

The state is updated in place; the supervisor performs the actions in order and reports what comes of them as events.
"""

from __future__ import annotations

import signal
from typing import Final, assert_never

from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.master.events import (
    AbortWanted,
    Action,
    ClientWaits,
    Event,
    Exited,
    Kill,
    ReloadWanted,
    Reported,
    Retire,
    Spawn,
    Spawned,
    SpawnFailed,
    StopWanted,
    Stress,
    TellStop,
    TimePassed,
    Wake,
    Warn,
)
from pyfix.master.state import Key, MasterState, Phase, PublicFace, ServiceState, WorkerState
from pyfix.service.status import State

QUICK_DEATH_S: Final = 10.0
"""A worker that fails within this time, without having had a client, would fail again at once."""

KILLS_AT_BIRTH: Final = 10
"""So many workers in a row that somebody killed before they served anyone are no accident: out of memory, say."""

STRESS_STRETCH_S: Final = 1000.0
"""How long a service is under stress after it was last at its limit, and how often that is said: as in Postfix."""

_FAULTS: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGSYS)


def decide(state: MasterState, event: Event, now: float) -> list[Action]:
    """Update the state for one event and return what to do."""
    match event:
        case ClientWaits(key):
            return _wants_worker(state, state.services.get(key), now)
        case Spawned(key, pid):
            state.services[key].workers[pid] = WorkerState(pid, state.generation, now)
            return []
        case SpawnFailed(key, reason):
            return _throttle(state, state.services[key], now, f"cannot start a process: {reason}")
        case Reported(pid, generation, worker_state):
            return _reported(state, pid, generation, worker_state, now)
        case Exited(pid, code):
            return _exited(state, pid, code, now) + _advance_stop(state, now)
        case TimePassed():
            return _wakeups(state, now) + _relaxations(state, now) + _enforce_stop(state, now)
        case ReloadWanted(services):
            return _reload(state, services, now)
        case StopWanted():
            return _begin_stop(state, now)
        case AbortWanted():
            state.phase = Phase.STOPPED
            return [Kill(pid, signal.SIGKILL) for pid in all_pids(state)]
    assert_never(event)


def watched(state: MasterState, now: float) -> set[Key]:
    """Return the services whose listening sockets the master must watch itself: nobody else would see a client."""
    return {key for key, service in state.services.items() if _may_spawn(state, service, now)}


def next_deadline(state: MasterState) -> float | None:
    """Return when TimePassed is due at the latest."""
    times = [s.wakeup_at for s in state.services.values() if s.wakeup_at is not None and state.phase is Phase.RUNNING]
    times += [s.stress_until for s in state.services.values() if s.stress_until and state.phase is Phase.RUNNING]
    times += [s.throttled_until for s in state.services.values() if s.throttled_until]
    if state.phase is not Phase.RUNNING:
        times.append(state.phase_deadline)
    return min(times, default=None)


def all_pids(state: MasterState) -> list[int]:
    """Return every child."""
    return [pid for service in state.services.values() for pid in service.workers] + list(state.removed)


def first_wakeups(state: MasterState, now: float) -> None:
    """Make every wakeup timer due now: at start, queues are looked at without delay."""
    for service in state.services.values():
        service.wakeup_at = now if service.entry.wakeup else None


def _may_spawn(state: MasterState, service: ServiceState, now: float) -> bool:
    if service.throttled_until > now or state.phase >= service.stop_phase:
        return False
    if service.has_room(state.generation):
        return False
    return not service.process_limit or len(service.current) < service.process_limit


def _wants_worker(state: MasterState, service: ServiceState | None, now: float) -> list[Action]:
    if service is None or not _may_spawn(state, service, now):
        return []
    return [Spawn(service.key)]


def _reported(state: MasterState, pid: int, generation: int, worker_state: State, now: float) -> list[Action]:
    service = state.owner_of(pid)
    if service is None or pid not in service.workers:
        return []
    worker = service.workers[pid]
    if worker.generation != generation:
        return [Warn(f"process {pid} reports generation {generation}, expected {worker.generation}")]
    worker.is_starting = False
    worker.is_busy = worker_state is not State.FREE
    was_at_limit = service.is_at_limit
    worker.is_full = worker_state is State.FULL
    worker.is_retired |= worker_state is State.RETIRING
    actions = _press(service, now) if was_at_limit or service.is_at_limit else []
    worker.has_served |= worker.is_busy
    if worker.has_served:
        service.killed_at_birth = 0
    if service.wakeup_pending and worker_state is State.FREE:
        service.wakeup_pending = False
        actions.append(Wake(pid))
    return actions


def _press(service: ServiceState, now: float) -> list[Action]:
    """A public service is at its limit, or was a moment ago."""
    is_news = not service.stress_until
    service.stress_until = now + STRESS_STRETCH_S
    actions: list[Action] = []
    if service.public is not None and now >= service.limit_warning_at:
        service.limit_warning_at = now + STRESS_STRETCH_S
        actions += map(Warn, _limit_warnings(service.entry.name, service.public))
    if is_news:
        actions += [Stress(worker.pid, True) for worker in service.current]
    return actions


def _limit_warnings(name: str, public: PublicFace) -> tuple[str, ...]:
    """Return what Postfix says, whose words are known to those who watch logs."""
    return (
        f'service "{name}" ({public.endpoint}) has reached its process limit "{public.client_limit}":'
        " new clients may experience noticeable delays",
        "to avoid this condition, increase the process count in master.cf or reduce the service time per client",
        "see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings",
    )


def _relaxations(state: MasterState, now: float) -> list[Action]:
    """Stress ends with the time that it was stretched to, unless the service has been at its limit all along."""
    actions: list[Action] = []
    for service in state.services.values():
        if not service.stress_until or service.stress_until > now or state.phase is not Phase.RUNNING:
            continue
        if service.is_at_limit:
            actions += _press(service, now)
        else:
            service.stress_until = 0.0
            actions += [Stress(worker.pid, False) for worker in service.current]
    return actions


def _exited(state: MasterState, pid: int, code: int, now: float) -> list[Action]:
    service = state.owner_of(pid)
    state.removed.pop(pid, None)
    worker = service.workers.pop(pid, None) if service else None
    if service is None or worker is None or state.phase is Phase.STOPPED:
        return []
    if _has_timer(service) and not service.workers:
        service.wakeup_at = now  # whatever it was busy with is in the queue: look at once
    if code == 0:
        return []
    program = service.entry.program
    actions: list[Action] = [Warn(f"process {program} pid {pid} {_manner_of_death(code)}")]
    if not worker.has_served and now - worker.born_at < QUICK_DEATH_S and _will_repeat(service, code):
        actions += _throttle(state, service, now, f"{program}: bad command startup -- throttling")
        service.wakeup_at = None
    return actions


def _manner_of_death(code: int) -> str:
    if code == -signal.SIGALRM:
        return f"killed by signal {-code}: watchdog timeout, see daemon_timeout"
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def _will_repeat(service: ServiceState, code: int) -> bool:
    """True for an end at birth that the next worker would share; one kill says nothing about the program, many do."""
    if code > 0 or -code in _FAULTS:
        return True
    service.killed_at_birth += 1
    if service.killed_at_birth < KILLS_AT_BIRTH:
        return False
    service.killed_at_birth = 0
    return True


def _has_timer(service: ServiceState) -> bool:
    """Return whether the service is to be started by its wakeup timer (a "?" in master.cf says no)."""
    return service.entry.wakeup > 0 and service.entry.wakeup_always


def _throttle(state: MasterState, service: ServiceState, now: float, text: str) -> list[Action]:
    service.throttled_until = now + state.throttle_time
    return [Warn(text)]


def _wakeups(state: MasterState, now: float) -> list[Action]:
    actions: list[Action] = []
    for service in state.services.values():
        if service.throttled_until and service.throttled_until <= now:
            service.throttled_until = 0.0
            if _has_timer(service) and not service.workers:
                service.wakeup_at = now
        if service.wakeup_at is not None and service.wakeup_at <= now and state.phase is Phase.RUNNING:
            service.wakeup_at = now + service.entry.wakeup
            actions += _wake(state, service, now)
    return actions


def _wake(state: MasterState, service: ServiceState, now: float) -> list[Action]:
    """A "?" in master.cf: only a process that runs is woken, none is started for it."""
    current = [w for w in service.current if w.generation == state.generation and not w.is_starting]
    if current:
        return [Wake(current[0].pid)]
    if not service.entry.wakeup_always:
        return []
    actions = _wants_worker(state, service, now)
    service.wakeup_pending = bool(actions) or bool(service.workers)
    return actions


def _reload(state: MasterState, services: list[ServiceState], now: float) -> list[Action]:
    actions: list[Action] = []
    state.generation += 1
    old = state.services
    state.services = {service.key: service for service in services}
    for key, before in old.items():
        after = state.services.get(key)
        for pid, worker in before.workers.items():
            worker.is_retired = True
            actions.append(Retire(pid))
            if after is None:
                state.removed[pid] = before
            else:
                after.workers[pid] = worker
    first_wakeups(state, now)
    return actions + _wakeups(state, now)


def _begin_stop(state: MasterState, now: float) -> list[Action]:
    if state.phase is not Phase.RUNNING:
        return []
    return _enter_phase(state, Phase.STOP_NETWORK, now)


def _enter_phase(state: MasterState, phase: Phase, now: float) -> list[Action]:
    state.phase = phase
    state.phase_deadline = now + state.stop_grace
    actions: list[Action] = [
        TellStop(pid) for service in state.services.values() if service.stop_phase == phase for pid in service.workers
    ]
    return actions + _advance_stop(state, now)


def _advance_stop(state: MasterState, now: float) -> list[Action]:
    """Go on to the next phase once the current one has no workers left."""
    if state.phase in (Phase.RUNNING, Phase.STOPPED):
        return []
    if any(service.workers for service in state.services.values() if service.stop_phase <= state.phase):
        return []
    return _enter_phase(state, Phase(state.phase + 1), now)


def _enforce_stop(state: MasterState, now: float) -> list[Action]:
    """Workers that outstay the grace are killed: the queue has everything they were at."""
    if state.phase in (Phase.RUNNING, Phase.STOPPED) or now < state.phase_deadline:
        return []
    state.phase_deadline = now + state.stop_grace
    return [
        Kill(pid, signal.SIGKILL)
        for service in state.services.values()
        if service.stop_phase <= state.phase
        for pid in service.workers
    ]


def make_service(entry: ServiceEntry, process_limit: int, is_queue_manager: bool) -> ServiceState:
    """Return the state of a service that has no workers yet."""
    if entry.type == "inet":
        phase = Phase.STOP_NETWORK
    elif is_queue_manager:
        phase = Phase.STOP_QUEUE_MANAGER
    elif entry.type == "unix-dgram":
        phase = Phase.STOP_LOG
    else:
        phase = Phase.STOP_HELPERS
    return ServiceState(entry, process_limit, phase)
