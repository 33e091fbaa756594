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
