"""What a client may do while the service has places left, and what when it has none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker
from neighbours import Neighbours
from player import Client
from test_dialogues import MAIN_CF

from pyfix.daemons.smtpd.daemon import SERVICE
from pyfix.service.status import RELAX, STRESS

UNKNOWN = "500 5.5.2 Error: command not recognized"
TOO_MANY = "421 4.7.0 mail.example.test Error: too many errors"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A queue directory with neighbours."""
    neighbours = Neighbours(make_queue_directory(tmp_path))
    yield tmp_path
    neighbours.close()


def connect(worker: RunningWorker) -> Client:
    """Return a client that has been greeted."""
    host, _, port = worker.path.rpartition(":")
    client = Client((host, int(port)))
    assert (client.read_line() or "").startswith("220 ")
    return client


def is_patient(client: Client) -> bool:
    """Make an error, and tell whether the session goes on."""
    client.sock.sendall(b"FOO\r\nNOOP\r\n")
    assert client.read_line() == UNKNOWN
    answer = client.read_line()
    assert answer in ("250 2.0.0 Ok", TOO_MANY)
    return answer != TOO_MANY


def wait_for_patience(worker: RunningWorker, expected: bool) -> None:
    """Connect until a new client is treated so."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        client = connect(worker)
        found = is_patient(client)
        client.close()
        if found is expected:
            return
        assert time.monotonic() < deadline


def test_stress_holds_for_clients_that_come_from_then_on(directory: Path) -> None:
    """One error is too many for them; who was there before keeps what was promised. It ends the same way."""
    with run_worker(SERVICE, MAIN_CF, directory, name="smtp", inet=True) as worker:
        old = connect(worker)
        worker.status.send(STRESS)
        wait_for_patience(worker, False)
        assert is_patient(old)
        worker.status.send(RELAX)
        wait_for_patience(worker, True)
        old.close()


RESTRICTIONS = """
smtpd_helo_restrictions = ${stress?{check_helo_access inline:{a.test=REJECT}}:{permit}}
smtpd_banner = ${stress?{$myhostname busy}:{$myhostname ESMTP}}
smtpd_delay_reject = no
max_idle = ${stress?{7}:{100}}
"""


def greeting(worker: RunningWorker) -> tuple[str, str]:
    """Return what a new client is told first, and then to EHLO."""
    host, _, port = worker.path.rpartition(":")
    client = Client((host, int(port)))
    first = client.read_line() or ""
    client.sock.sendall(b"HELO a.test\r\n")
    second = client.read_line() or ""
    client.close()
    return first, second


def test_stress_brings_restrictions_and_tables_of_its_own(directory: Path) -> None:
    """Everything in main.cf that depends on it counts, and ps shows it."""
    calm = ("220 mail.example.test ESMTP", "250 mail.example.test")
    busy = ("220 mail.example.test busy", "554 5.7.1 <a.test>: Helo command rejected: Access denied")
    with run_worker(SERVICE, MAIN_CF + RESTRICTIONS, directory, name="smtp", inet=True) as worker:
        assert greeting(worker) == calm
        for order, expected, shown in ((STRESS, busy, "-o stress=yes"), (RELAX, calm, "-o stress=")):
            worker.status.send(order)
            deadline = time.monotonic() + DEADLINE_S
            while greeting(worker) != expected:
                assert time.monotonic() < deadline
            title = Path(f"/proc/{worker.pid}/cmdline").read_text().rstrip("\0")
            assert title == f"smtpd -n smtp -t inet {shown}"


def test_open_relay_under_stress_does_not_start(directory: Path) -> None:
    """What guards against relaying must be there in both cases."""
    main_cf = "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = ${stress?{permit}:{reject}}"
    with run_worker(SERVICE, main_cf, directory, name="smtp", inet=True) as worker:
        worker.wait_for_line("fatal: in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify")
        assert worker.stop() == 1


def test_process_that_is_born_under_stress_knows(directory: Path) -> None:
    """From its first client on."""
    with run_worker(SERVICE, MAIN_CF, directory, name="smtp", inet=True, stress=True) as worker:
        client = connect(worker)
        assert not is_patient(client)
        client.close()


def test_master_cf_has_the_last_word_about_stress(directory: Path) -> None:
    """`-o stress=` turns it off for one service (STRESS_README)."""
    overrides = [("stress", "")]
    with run_worker(SERVICE, MAIN_CF, directory, name="smtp", inet=True, stress=True, overrides=overrides) as worker:
        client = connect(worker)
        assert is_patient(client)
        client.close()
