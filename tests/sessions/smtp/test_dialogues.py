"""Every golden dialogue, against a live smtpd with faked neighbours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from harness import RunningWorker, make_queue_directory, run_worker
from neighbours import Neighbours
from player import TIMEOUT_S, play, read_dialogue, without_id

from pyfix.daemons.smtpd.daemon import SERVICE

DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))
MAIN_CF = """
compatibility_level = 3.7
mydestination = local.test
mynetworks = 10.0.0.0/8
virtual_mailbox_domains = virtual.test
virtual_mailbox_maps = inline:{u1@virtual.test=u1, u2@virtual.test=u2}
virtual_alias_domains = alias.test
virtual_alias_maps = inline:{a@alias.test=u1@virtual.test}
relay_domains = relay.test
local_recipient_maps = inline:{postmaster=x, joe=x}
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
"""


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_dialogue(path: Path, tmp_path: Path) -> None:
    """The replies, and the log lines that the file names, are exactly these."""
    dialogue = read_dialogue(path)
    neighbours = Neighbours(make_queue_directory(tmp_path))
    main_cf = "\n".join([MAIN_CF, *dialogue.configuration])
    try:
        with run_worker(SERVICE, main_cf, tmp_path, name="smtp", inet=True) as worker:
            host, _, port = worker.path.rpartition(":")
            play(dialogue, (host, int(port)), lambda text: wait_for_log(worker, text))
    finally:
        neighbours.close()
    assert not [entry for entry in (tmp_path / "incoming").iterdir() if entry.stat().st_mode & 0o100 == 0]


def wait_for_log(worker: RunningWorker, text: str) -> None:
    """Wait until a line of the log, queue ids replaced, equals text."""
    deadline = time.monotonic() + TIMEOUT_S
    while text not in map(without_id, worker.log_lines()):
        if time.monotonic() > deadline:
            raise AssertionError(f"no line {text!r} in {worker.lines}")
        worker.wait_for_line("")
