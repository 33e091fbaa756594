"""Who is next, and that nobody waits for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.qmgr.destination import Destination, WindowLimits
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.scheduler import Entry, Job, Scheduler
from pyfix.mail.ipc.messages import Dsn, Envelope, Recipient


def make_job(name: str = "M") -> Job:
    """The job of a message of this name."""
    return Job(Message(name, Envelope("a@b.test", 0.0, 1), 0, 1, 0.0))


def add(scheduler: Scheduler, job: Job, domain: str, count: int = 1) -> None:
    """Queue requests of one recipient each."""
    destination = scheduler.destination(domain, domain)
    for number in range(count):
        scheduler.add(job, destination, [Recipient(f"user{number}@{domain}", position=number)])


def take(scheduler: Scheduler, count: int) -> list[str]:
    """Select this many requests; return "message domain" of each."""
    found: list[str] = []
    for _ in range(count):
        entry = scheduler.select()
        if entry is None:
            break
        found.append(f"{entry.job.message.id} {entry.destination.key}")
    return found


def test_nothing_queued_gives_none() -> None:
    """An empty scheduler has nothing to select."""
    assert Scheduler(WindowLimits()).select() is None


def test_requests_of_one_peer_keep_their_order() -> None:
    """Recipients go out in the order of the file."""
    scheduler = Scheduler(WindowLimits(initial=10))
    add(scheduler, make_job(), "x.test", 4)
    taken = [scheduler.select() for _ in range(4)]
    assert [entry.recipients[0].position for entry in taken if entry] == [0, 1, 2, 3]


def test_window_bounds_what_is_selected() -> None:
    """No more than the window, until one is released."""
    scheduler = Scheduler(WindowLimits(initial=2))
    add(scheduler, make_job(), "x.test", 5)
    first = scheduler.select()
    assert first is not None
    assert scheduler.select() is not None
    assert scheduler.select() is None
    scheduler.release(first.destination)
    assert scheduler.select() is not None
    assert scheduler.select() is None


def test_single_message_behind_a_mailing_is_second() -> None:
    """A mailing to many destinations is one job: it and the newcomer take turns."""
    scheduler = Scheduler(WindowLimits())
    mailing, single = make_job("mailing"), make_job("single")
    for number in range(1000):
        add(scheduler, mailing, f"d{number}.test")
    add(scheduler, single, "other.test")
    assert take(scheduler, 2) == ["mailing d0.test", "single other.test"]


def test_single_message_at_a_busy_destination_gets_the_next_place_but_one() -> None:
    """The mailing's peer was waiting first; it takes one delivery and queues up again."""
    scheduler = Scheduler(WindowLimits(initial=1, limit=1))
    mailing, single = make_job("mailing"), make_job("single")
    add(scheduler, mailing, "x.test", 100)
    assert take(scheduler, 5) == ["mailing x.test"]
    add(scheduler, single, "x.test")
    order = []
    for _ in range(3):
        scheduler.release(scheduler.destinations["x.test"])
        order += take(scheduler, 5)
    assert order == ["mailing x.test", "single x.test", "mailing x.test"]


def test_newcomer_does_not_pass_those_who_wait() -> None:
    """A window that has just widened belongs to the peers that wait at the destination."""
    scheduler = Scheduler(WindowLimits(initial=1))
    add(scheduler, make_job("first"), "x.test", 2)
    assert take(scheduler, 5) == ["first x.test"]
    scheduler.destinations["x.test"].succeed()
    add(scheduler, make_job("second"), "x.test")
    assert take(scheduler, 5) == []
    scheduler.release(scheduler.destinations["x.test"])
    assert take(scheduler, 5) == ["first x.test", "second x.test"]


def test_one_slow_destination_does_not_hold_up_a_job() -> None:
    """Peers wait at their own destination only."""
    scheduler = Scheduler(WindowLimits(initial=1, limit=1))
    job = make_job("M")
    add(scheduler, job, "slow.test", 10)
    add(scheduler, job, "fast.test", 1)
    assert take(scheduler, 10) == ["M slow.test", "M fast.test"]


def test_withdrawn_requests_are_never_selected() -> None:
    """All that no agent has come back; the other destinations go on."""
    scheduler = Scheduler(WindowLimits(initial=2))
    job = make_job("M")
    add(scheduler, job, "dead.test", 5)
    add(scheduler, job, "alive.test", 1)
    assert take(scheduler, 1) == ["M dead.test"]
    withdrawn = scheduler.withdraw(scheduler.destinations["dead.test"])
    assert len(withdrawn) == 4
    assert take(scheduler, 10) == ["M alive.test"]
    assert scheduler.promised == 0


def test_destination_takes_requests_again_after_a_withdrawal() -> None:
    """What was promised to withdrawn peers is free again."""
    scheduler = Scheduler(WindowLimits(initial=2))
    add(scheduler, make_job("M"), "x.test", 5)
    scheduler.withdraw(scheduler.destinations["x.test"])
    add(scheduler, make_job("N"), "x.test", 5)
    assert take(scheduler, 10) == ["N x.test", "N x.test"]


def test_withdraw_all_empties_the_transport() -> None:
    """As when its agents can't be reached."""
    scheduler = Scheduler(WindowLimits())
    for number in range(3):
        add(scheduler, make_job(), f"d{number}.test", 2)
    assert len(scheduler.withdraw_all()) == 6
    assert scheduler.select() is None
    assert scheduler.promised == 0


def test_idle_destinations_are_forgotten_and_others_kept() -> None:
    """Dead, busy and waiting ones are kept."""
    scheduler = Scheduler(WindowLimits(initial=1))
    for name in ("idle.test", "dead.test"):
        scheduler.destination(name, name)
    scheduler.destinations["dead.test"].fail(Dsn("4.4.1", "down"), 100)
    add(scheduler, make_job(), "waiting.test")
    add(scheduler, make_job(), "busy.test")
    while (entry := scheduler.select()) is not None and entry.destination.key != "busy.test":
        scheduler.destinations["waiting.test"].busy = 0
        add(scheduler, make_job(), "waiting.test")
    scheduler.forget_idle()
    assert set(scheduler.destinations) == {"dead.test", "waiting.test", "busy.test"}


def test_held_destination_gives_no_place_until_it_is_admitted() -> None:
    """The pause of a rate delay."""
    scheduler = Scheduler(WindowLimits(initial=1, rate_delay=5))
    add(scheduler, make_job(), "x.test", 2)
    entry = scheduler.select()
    assert entry is not None
    entry.destination.held = True
    scheduler.release(entry.destination)
    assert scheduler.select() is None
    entry.destination.held = False
    scheduler.admit(entry.destination)
    assert scheduler.select() is not None


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "select", "release", "withdraw"]), st.integers(0, 4), st.integers(0, 3)),
    max_size=150,
)


class Model:
    """Plays steps against a scheduler and counts what must add up."""

    def __init__(self, window: int) -> None:
        self.scheduler = Scheduler(WindowLimits(initial=window, limit=window))
        self.jobs = [make_job(str(number)) for number in range(5)]
        self.added = 0
        self.taken: list[Entry] = []
        self.busy: list[Destination] = []
        self.withdrawn = 0
        self.window = window

    def play(self, step: Step) -> None:
        """Do one step and check the window."""
        verb, job, domain = step
        if verb == "add":
            self.added += 1
            add(self.scheduler, self.jobs[job], f"d{domain}.test")
        elif verb == "select" and (entry := self.scheduler.select()) is not None:
            self.taken.append(entry)
            self.busy.append(entry.destination)
        elif verb == "release" and self.busy:
            self.scheduler.release(self.busy.pop(job % len(self.busy)))
        elif verb == "withdraw":
            self.withdrawn += len(self.scheduler.withdraw(self.scheduler.destination(f"d{domain}.test", "")))
        for destination in self.scheduler.destinations.values():
            assert destination.granted >= 0
            assert destination.busy + destination.granted <= self.window

    def drain(self) -> None:
        """Select and release until nothing is left."""
        while (entry := self.scheduler.select()) is not None or self.busy:
            if entry is not None:
                self.taken.append(entry)
                self.busy.append(entry.destination)
            else:
                self.scheduler.release(self.busy.pop())


@given(STEPS, st.integers(1, 4))
def test_every_request_is_selected_or_withdrawn_exactly_once(steps: list[Step], window: int) -> None:
    """Nothing is lost and nothing doubled, whatever the order of events; promises add up to nothing in the end."""
    model = Model(window)
    for step in steps:
        model.play(step)
    model.drain()
    assert len(model.taken) + model.withdrawn == model.added
    assert len({id(entry) for entry in model.taken}) == len(model.taken)
    assert model.scheduler.promised == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=120))
def test_no_job_starves_while_agents_are_scarce(requests: list[tuple[int, int]]) -> None:
    """With room in every window, between two turns of one job each other job has at most one."""
    scheduler = Scheduler(WindowLimits(initial=1000, limit=0))
    jobs = [make_job(str(number)) for number in range(6)]
    for job, domain in requests:
        add(scheduler, jobs[job], f"d{domain}.test")
    left = Counter(str(job) for job, _ in requests)
    since: dict[str, Counter[str]] = {name: Counter() for name in left}
    while (entry := scheduler.select()) is not None:
        name = entry.job.message.id
        left[name] -= 1
        since[name].clear()
        for other in since:
            if left[other] and other != name:
                since[other][name] += 1
                assert since[other][name] <= 1, f"{name} had two turns while {other} waited"


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 3))
def test_no_job_starves_at_a_narrow_destination(order: list[int], window: int) -> None:
    """At one destination, too: places go to those who wait longest."""
    scheduler = Scheduler(WindowLimits(initial=window, limit=window))
    jobs = [make_job(str(number)) for number in range(5)]
    for number in range(5):
        add(scheduler, jobs[number], "x.test", 1 + order.count(number))
    turns: list[str] = []
    busy: list[Destination] = []
    while (entry := scheduler.select()) is not None or busy:
        if entry is not None:
            turns.append(entry.job.message.id)
            busy.append(entry.destination)
        else:
            scheduler.release(busy.pop())
    first = [turns.index(str(number)) for number in range(5)]
    assert max(first) <= 5 + 2 * window
