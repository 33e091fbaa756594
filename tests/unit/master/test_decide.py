"""The master's decisions, without processes."""

from __future__ import annotations

import signal

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.master import decide as rules
from pyfix.master import events
from pyfix.master.decide import decide
from pyfix.master.state import MasterState, Phase, PublicFace, ServiceState
from pyfix.service.status import State


def entry(name: str = "cleanup", kind: ServiceType = ServiceType.UNIX, wakeup: int = 0) -> ServiceEntry:
    return ServiceEntry(name, kind, True, True, False, wakeup, True, None, name)


def service(
    name: str = "cleanup", limit: int = 0, kind: ServiceType = ServiceType.UNIX, wakeup: int = 0
) -> ServiceState:
    return rules.make_service(entry(name, kind, wakeup), limit, name == "qmgr")


def master(*services: ServiceState) -> MasterState:
    state = MasterState(throttle_time=60, stop_grace=10)
    state.services = {item.key: item for item in services}
    return state


def started(state: MasterState, item: ServiceState, pid: int, now: float = 0.0) -> None:
    """Go through the birth of one worker."""
    decide(state, events.Spawned(item.key, pid), now)
    decide(state, events.Reported(pid, state.generation, State.FREE), now)


def test_waiting_client_starts_a_worker() -> None:
    """No worker, a client: spawn, and do not look at the socket again before the worker had its chance."""
    item = service()
    state = master(item)
    assert decide(state, events.ClientWaits(item.key), 0) == [events.Spawn(item.key)]
    decide(state, events.Spawned(item.key, 100), 0)
    assert rules.watched(state, 0) == set()
    assert decide(state, events.ClientWaits(item.key), 0) == []


def test_free_worker_makes_another_one_needless_and_a_busy_one_does_not() -> None:
    """The socket is watched exactly while nobody could accept."""
    item = service()
    state = master(item)
    started(state, item, 100)
    assert rules.watched(state, 0) == set()
    decide(state, events.Reported(100, 1, State.BUSY), 0)
    assert rules.watched(state, 0) == {item.key}


def test_process_limit_is_never_exceeded() -> None:
    """With all workers busy at the limit a client waits."""
    item = service(limit=2)
    state = master(item)
    for pid in (100, 101):
        started(state, item, pid)
        decide(state, events.Reported(pid, 1, State.BUSY), 0)
    assert rules.watched(state, 0) == set()
    assert decide(state, events.ClientWaits(item.key), 0) == []


def test_end_by_the_watchdog_is_told_as_such() -> None:
    """The process itself had no last word: the master says what SIGALRM means."""
    item = service()
    state = master(item)
    started(state, item, 100)
    text = "process cleanup pid 100 killed by signal 14: watchdog timeout, see daemon_timeout"
    assert decide(state, events.Exited(100, -signal.SIGALRM), 100) == [events.Warn(text)]


def test_worker_that_fails_at_birth_throttles_its_service_only() -> None:
    """Its service rests for service_throttle_time; another one does not."""
    item, other = service("cleanup"), service("rewrite")
    state = master(item, other)
    decide(state, events.Spawned(item.key, 100), 0)
    actions = decide(state, events.Exited(100, 1), 0.1)
    assert events.Warn("process cleanup pid 100 exit status 1") in actions
    assert events.Warn("cleanup: bad command startup -- throttling") in actions
    assert rules.watched(state, 1) == {other.key}
    assert rules.watched(state, 61) == {item.key, other.key}


def test_worker_that_has_served_does_not_throttle() -> None:
    """A crash in the middle of work is followed by a new worker at once."""
    item = service()
    state = master(item)
    started(state, item, 100)
    decide(state, events.Reported(100, 1, State.BUSY), 0)
    assert decide(state, events.Exited(100, 1), 1) == [events.Warn("process cleanup pid 100 exit status 1")]
    assert rules.watched(state, 1) == {item.key}


def test_killed_worker_is_reported_with_its_signal() -> None:
    """A kill from outside is no reason to throttle, even at birth."""
    item = service()
    state = master(item)
    decide(state, events.Spawned(item.key, 100), 0)
    assert decide(state, events.Exited(100, -9), 0) == [events.Warn("process cleanup pid 100 killed by signal 9")]


def test_worker_that_crashes_at_birth_throttles_its_service() -> None:
    """A truncated table, say: every new process would get the same SIGBUS."""
    item = service()
    state = master(item)
    decide(state, events.Spawned(item.key, 100), 0)
    assert decide(state, events.Exited(100, -7), 0) == [
        events.Warn("process cleanup pid 100 killed by signal 7"),
        events.Warn("cleanup: bad command startup -- throttling"),
    ]
    assert rules.watched(state, 1) == set()


def kill_at_birth(state: MasterState, item: ServiceState, times: int) -> list[events.Action]:
    """Have so many workers be killed before they report; return what the last death leads to."""
    actions: list[events.Action] = []
    for pid in range(100, 100 + times):
        decide(state, events.Spawned(item.key, pid), 0)
        actions = decide(state, events.Exited(pid, -9), 0)
    return actions


def test_workers_that_are_all_killed_at_birth_throttle_their_service() -> None:
    """By the kernel, that is out of memory, for one: there would be no end to it. After a rest it is tried again."""
    item = service()
    state = master(item)
    kill_at_birth(state, item, rules.KILLS_AT_BIRTH - 1)
    assert rules.watched(state, 0) == {item.key}
    assert events.Warn("cleanup: bad command startup -- throttling") in kill_at_birth(state, item, 1)
    assert rules.watched(state, 1) == set()
    assert rules.watched(state, 61) == {item.key}
    kill_at_birth(state, item, rules.KILLS_AT_BIRTH - 1)
    assert rules.watched(state, 61) == {item.key}


def test_worker_that_serves_between_kills_shows_that_the_program_is_sound() -> None:
    """Somebody kills at random."""
    item = service()
    state = master(item)
    kill_at_birth(state, item, rules.KILLS_AT_BIRTH - 1)
    started(state, item, 50)
    decide(state, events.Reported(50, 1, State.BUSY), 0)
    decide(state, events.Exited(50, -9), 0)
    kill_at_birth(state, item, rules.KILLS_AT_BIRTH - 1)
    assert rules.watched(state, 0) == {item.key}


def test_wakeup_starts_a_worker_and_reaches_it_when_it_is_ready() -> None:
    """The queue manager is started by its timer and told once it runs, then every wakeup interval."""
    item = service("qmgr", limit=1, wakeup=300)
    state = master(item)
    rules.first_wakeups(state, 0)
    assert decide(state, events.TimePassed(), 0) == [events.Spawn(item.key)]
    decide(state, events.Spawned(item.key, 100), 0)
    assert decide(state, events.Reported(100, 1, State.FREE), 0) == [events.Wake(100)]
    assert rules.next_deadline(state) == 300
    assert decide(state, events.TimePassed(), 300) == [events.Wake(100)]


def test_killed_queue_manager_comes_back_at_once() -> None:
    """Nobody needs to knock: what it was at lies in the queue."""
    item = service("qmgr", limit=1, wakeup=300)
    state = master(item)
    rules.first_wakeups(state, 0)
    decide(state, events.TimePassed(), 0)
    started(state, item, 100)
    decide(state, events.Exited(100, -9), 5)
    assert decide(state, events.TimePassed(), 5) == [events.Spawn(item.key)]


def test_service_without_a_timer_is_never_woken() -> None:
    """Also not after its last worker died."""
    item = service("virtual")
    state = master(item)
    rules.first_wakeups(state, 0)
    started(state, item, 100)
    decide(state, events.Exited(100, -9), 5)
    assert decide(state, events.TimePassed(), 6) == []
    assert rules.next_deadline(state) is None


def test_reload_retires_old_workers_and_lets_new_ones_start() -> None:
    """Old workers lose their channel; they neither count as free nor, when they end, as failed."""
    item = service()
    state = master(item)
    started(state, item, 100)
    fresh = service()
    assert decide(state, events.ReloadWanted([fresh]), 1) == [events.Retire(100)]
    assert rules.watched(state, 1) == {fresh.key}
    assert decide(state, events.Exited(100, 0), 2) == []


def test_reload_without_a_service_lets_its_workers_end() -> None:
    """A removed service's workers are known until they are gone."""
    item = service()
    state = master(item)
    started(state, item, 100)
    assert decide(state, events.ReloadWanted([]), 1) == [events.Retire(100)]
    assert rules.all_pids(state) == [100]
    decide(state, events.Exited(100, 0), 2)
    assert rules.all_pids(state) == []


def test_sessions_that_outlive_reloads_do_not_stop_the_service() -> None:
    """Old workers finish beside the limit; after any number of reloads a new client finds a new worker."""
    item = service("25", limit=1, kind=ServiceType.INET)
    state = master(item)
    started(state, item, 100)
    decide(state, events.Reported(100, 1, State.BUSY), 0)
    for pid in (101, 102):
        item = service("25", limit=1, kind=ServiceType.INET)
        decide(state, events.ReloadWanted([item]), 1)
        assert rules.watched(state, 1) == {item.key}
        assert decide(state, events.ClientWaits(item.key), 1) == [events.Spawn(item.key)]
        started(state, item, pid, 1)
    assert sorted(rules.all_pids(state)) == [100, 101, 102]


def test_stop_goes_from_the_network_inwards() -> None:
    """smtpd first, then qmgr, then the helpers, then the log; each when the one before has gone."""
    smtpd, qmgr = service("25", kind=ServiceType.INET), service("qmgr")
    cleanup, postlog = service("cleanup"), service("postlog", kind=ServiceType.UNIX_DGRAM)
    state = master(smtpd, qmgr, cleanup, postlog)
    for pid, item in enumerate((smtpd, qmgr, cleanup, postlog), 100):
        started(state, item, pid)
    assert decide(state, events.StopWanted(), 0) == [events.TellStop(100)]
    assert decide(state, events.Exited(100, 0), 1) == [events.TellStop(101)]
    assert decide(state, events.Exited(101, 0), 1) == [events.TellStop(102)]
    assert decide(state, events.Exited(102, 0), 1) == [events.TellStop(103)]
    assert decide(state, events.Exited(103, 0), 1) == []
    assert state.phase is Phase.STOPPED


def test_stop_still_starts_helpers_that_running_sessions_need() -> None:
    """While smtpd finishes, cleanup can be started; a network service can not."""
    smtpd, cleanup = service("25", kind=ServiceType.INET), service("cleanup")
    state = master(smtpd, cleanup)
    started(state, smtpd, 100)
    decide(state, events.StopWanted(), 0)
    assert rules.watched(state, 0) == {cleanup.key}


def test_worker_that_outstays_the_grace_is_killed() -> None:
    """No stop hangs."""
    item = service("25", kind=ServiceType.INET)
    state = master(item)
    started(state, item, 100)
    decide(state, events.StopWanted(), 0)
    assert decide(state, events.TimePassed(), 9) == []
    assert decide(state, events.TimePassed(), 10) == [events.Kill(100, signal.SIGKILL)]


def test_abort_kills_everybody_at_once() -> None:
    """And the master ends."""
    item = service()
    state = master(item)
    started(state, item, 100)
    assert decide(state, events.AbortWanted(), 0) == [events.Kill(100, signal.SIGKILL)]
    assert state.phase is Phase.STOPPED


def crowded(limit: int = 2, *, is_public: bool = True) -> tuple[MasterState, ServiceState]:
    """Return a service with a full worker, and a second one that has room."""
    item = service("smtp", limit=limit, kind=ServiceType.INET)
    item.public = PublicFace("25", 100) if is_public else None
    state = master(item)
    for pid in (100, 101):
        started(state, item, pid)
    decide(state, events.Reported(100, 1, State.FULL), 0)
    return state, item


LIMIT_WARNINGS = [
    events.Warn(
        'service "smtp" (25) has reached its process limit "100": new clients may experience noticeable delays'
    ),
    events.Warn(
        "to avoid this condition, increase the process count in master.cf or reduce the service time per client"
    ),
    events.Warn("see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings"),
]


def test_public_service_whose_workers_are_all_full_is_under_stress() -> None:
    """In Postfix's words, and each worker is told; one that is merely busy has places left."""
    state, item = crowded()
    assert decide(state, events.Reported(101, 1, State.BUSY), 1) == []
    assert decide(state, events.Reported(101, 1, State.FULL), 2) == [
        *LIMIT_WARNINGS, events.Stress(100, True), events.Stress(101, True)
    ]  # fmt: skip
    assert item.stress_until == 1002


def test_service_that_may_have_another_worker_is_not_at_its_limit() -> None:
    """Nor is one that strangers can't reach: there a limit is what somebody wanted."""
    for state, _ in (crowded(limit=3), crowded(is_public=False)):
        assert decide(state, events.Reported(101, 1, State.FULL), 0) == []
        assert rules.next_deadline(state) is None


def test_stress_outlasts_the_limit_by_a_while() -> None:
    """The time counts from when a place became free; then the workers are told that it is over."""
    state, item = crowded()
    decide(state, events.Reported(101, 1, State.FULL), 0)
    assert decide(state, events.Reported(101, 1, State.BUSY), 500) == []
    assert rules.next_deadline(state) == 1500
    assert decide(state, events.TimePassed(), 1499) == []
    assert decide(state, events.TimePassed(), 1500) == [events.Stress(100, False), events.Stress(101, False)]
    assert item.stress_until == 0
    assert rules.next_deadline(state) is None


def test_service_that_stays_at_its_limit_stays_under_stress() -> None:
    """Nobody is told twice, but the log now and then."""
    state, item = crowded()
    decide(state, events.Reported(101, 1, State.FULL), 0)
    assert decide(state, events.TimePassed(), 1000) == LIMIT_WARNINGS
    assert item.stress_until == 2000
    decide(state, events.Reported(101, 1, State.BUSY), 1001)
    assert decide(state, events.Reported(101, 1, State.FULL), 1002) == []


def test_worker_that_a_reload_retired_counts_for_no_limit() -> None:
    """Its places are gone, and it is not told of what is no longer its own."""
    state, item = crowded()
    fresh = service("smtp", limit=2, kind=ServiceType.INET)
    fresh.public = item.public
    decide(state, events.ReloadWanted([fresh]), 1)
    assert decide(state, events.Reported(101, 1, State.FULL), 2) == []


def test_worker_that_retires_by_itself_makes_room_for_another() -> None:
    """A table or a certificate has changed, and a long session keeps the old worker."""
    item = service("smtp", limit=1)
    state = master(item)
    started(state, item, 101)
    assert rules.watched(state, 1) == set()
    decide(state, events.Reported(101, 1, State.RETIRING), 2)
    assert rules.watched(state, 3) == {item.key}
    assert decide(state, events.ClientWaits(item.key), 3) == [events.Spawn(item.key)]
    started(state, item, 102, 3)
    assert rules.watched(state, 4) == set()
    assert decide(state, events.Exited(101, 0), 5) == []


def test_failed_fork_throttles() -> None:
    """The reason is in the log."""
    item = service()
    state = master(item)
    assert decide(state, events.SpawnFailed(item.key, "Cannot allocate memory"), 0) == [
        events.Warn("cannot start a process: Cannot allocate memory")
    ]
    assert rules.watched(state, 1) == set()


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["client", "busy", "full", "free", "exit0", "exit1", "kill", "time", "reload", "stop", "retiring"]
        ),
        st.integers(0, 5),
        st.floats(0, 100),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(steps)
def test_no_sequence_of_events_breaks_the_limits(story: list[tuple[str, int, float]]) -> None:
    """Whatever happens in whatever order: never more workers than the limit, never an exception, and stop stops."""
    state = master(service("cleanup", limit=3), service("qmgr", limit=1, wakeup=300))
    state.services["unix", "cleanup"].public = PublicFace("25", 100)
    now, next_pid = 0.0, 100

    def run(event: events.Event) -> None:
        nonlocal next_pid
        todo = decide(state, event, now)
        for action in todo:
            if isinstance(action, events.Spawn):
                next_pid += 1
                decide(state, events.Spawned(action.key, next_pid), now)
        for item in state.services.values():
            assert len(item.current) <= item.process_limit

    for what, which, pause in story:
        now += pause
        pids = rules.all_pids(state)
        pid = pids[which % len(pids)] if pids else 0
        owner = state.owner_of(pid)
        generation = owner.workers[pid].generation if owner and pid in owner.workers else 0
        keys = list(state.services)
        match what:
            case "client":
                key = keys[which % len(keys)]
                if key in rules.watched(state, now):
                    run(events.ClientWaits(key))
            case "busy" | "full" | "free" | "retiring":
                run(events.Reported(pid, generation, State[what.upper()]))
            case "exit0" | "exit1" | "kill" if pid:
                run(events.Exited(pid, {"exit0": 0, "exit1": 1, "kill": -9}[what]))
            case "time":
                run(events.TimePassed())
            case "reload" if state.phase is Phase.RUNNING:
                run(events.ReloadWanted([service("cleanup", limit=3), service("qmgr", limit=1, wakeup=300)]))
            case "stop":
                run(events.StopWanted())
    run(events.StopWanted())
    for _ in range(100):
        for pid in rules.all_pids(state):
            run(events.Exited(pid, 0))
    assert state.phase is Phase.STOPPED
