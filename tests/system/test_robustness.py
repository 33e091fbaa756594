"""Processes that hang, die at birth or fail, and clients that come all at once.

Setup: a private instance, with one service broken where that is the point.
Path: signals to workers, 300 connections in one moment. Check: the master throttles what fails, and only that; every
message arrives once.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
from collections import Counter

import pytest
from instance import Instance, field, mail, wait_until

pytestmark = pytest.mark.system
CROWD = 300


def worker(instance: Instance, program: str) -> int:
    """Return the process that logged last for a program."""
    instance.wait_for_log(rf"postfix/{program}\[(\d+)\]")
    return int(re.findall(rf"postfix/{program}\[(\d+)\]", instance.log)[-1])


@pytest.mark.parametrize("program", ["cleanup", "virtual", "qmgr"])
def test_stopped_worker_goes_on_where_it_was(running: Instance, program: str) -> None:
    """SIGSTOP delays mail at most; after SIGCONT every accepted message arrives once."""
    running.send(content=mail("before"))
    running.wait_for_mail()
    pid = worker(running, program)
    os.kill(pid, signal.SIGSTOP)
    client = running.connect()
    for command, arguments in (
        ("MAIL", "FROM:<sender@client.test>"),
        ("RCPT", f"TO:<{running.address}>"),
        ("DATA", ""),
    ):
        assert client.smtp.docmd(command, arguments)[0] in (250, 354)
    client.smtp.send(b"Subject: meanwhile\r\n\r\n\r\n.\r\n")
    running.connect().close()
    os.kill(pid, signal.SIGCONT)
    assert client.smtp.getreply()[0] == 250
    client.close()
    assert sorted(field(running.wait_for_mail(2), "Subject")) == ["before", "meanwhile"]
    running.wait_until_empty()
    assert len(running.messages()) == 2
    assert pid in running.processes()


def test_program_that_fails_at_start_is_throttled(instance: Instance) -> None:
    """The log has Postfix's words, once in each throttle time; mail for others flows, and mail for it waits."""
    instance.add_service("broken unix - - n - - pipe", "  user=no-such-user argv=/bin/true")
    instance.set(transport_maps="inline:{broken.test=broken:}", service_throttle_time="60s")
    instance.start()
    instance.send("x@broken.test", mail("waits"))
    instance.wait_for_log(r"master\[\d+\]: warning: process pipe pid \d+ exit status 1$")
    instance.wait_for_log(r"master\[\d+\]: warning: pipe: bad command startup -- throttling$")
    for number in range(5):
        instance.send("x@broken.test", mail(f"waits {number}"))
        instance.send(content=mail(f"flows {number}"))
    instance.wait_for_mail(5)
    assert len(re.findall(r"pipe: bad command startup", instance.log)) == 1
    waiting = instance.queue_files("incoming", "active", "deferred")
    assert len(waiting) >= 6


def test_throttled_service_is_tried_again(instance: Instance) -> None:
    """After service_throttle_time the service gets another process: what was wrong is right by now, and mail flows."""
    instance.set(
        virtual_transport="late", service_throttle_time="2s", queue_run_delay="1s", minimal_backoff_time="1s",
        maximal_backoff_time="1s", transport_retry_time="1s",
    )  # fmt: skip
    missing = instance.directory / "elsewhere"
    instance.add_service(f"late unix - n n - - virtual -o queue_directory={missing}")
    instance.start()
    instance.send(content=mail("late"))
    instance.wait_for_log(rf"virtual\[\d+\]: fatal: {missing}: No such file or directory$")
    instance.wait_for_log(r"virtual: bad command startup -- throttling")
    missing.symlink_to(instance.spool)
    (message,) = instance.wait_for_mail()
    assert message["Subject"] == "late"
    instance.wait_until_empty()


def test_setting_that_would_kill_every_process_refuses_the_start(instance: Instance) -> None:
    """What all processes read before anything else, the log service too, is checked before they are born."""
    instance.set(daemon_timeout="sometime")
    result = instance.pyfix("start")
    assert result.returncode == 1
    assert re.search(r"pyfix: fatal: .*main.cf, line \d+: .*daemon_timeout", result.stderr)
    assert instance.processes() == []


def test_failed_program_does_not_wait_for_its_throttle_after_a_reload(instance: Instance) -> None:
    """Whoever repairs a setting and reloads has mail again at once."""
    instance.set(service_throttle_time="1000s", queue_run_delay="1s", minimal_backoff_time="1s")
    instance.set(maximal_backoff_time="1s", transport_retry_time="1s", virtual_mailbox_limit="not-a-number")
    instance.start()
    instance.send(content=mail("late"))
    instance.wait_for_log(r"virtual\[\d+\]: fatal: .*virtual_mailbox_limit")
    instance.wait_for_log(r"virtual: bad command startup -- throttling")
    instance.set(virtual_mailbox_limit="51200000")
    assert instance.pyfix("reload").returncode == 0
    instance.wait_for_mail()


def test_stop_ends_a_process_that_hangs(instance: Instance) -> None:
    """After master_stop_grace it is killed; the message that it had is delivered after the next start."""
    instance.set(master_stop_grace="1s")
    instance.start()
    instance.send(content=mail("before"))
    instance.wait_for_mail()
    pid = worker(instance, "virtual")
    os.kill(pid, signal.SIGSTOP)
    instance.send(content=mail("held"))
    instance.stop()
    assert instance.processes() == []
    instance.wait_for_log(rf"warning: process virtual pid {pid} killed by signal 9")
    instance.start()
    assert set(field(instance.wait_for_mail(2), "Subject")) == {"before", "held"}


def test_workers_killed_again_and_again_throttle_nobody(running: Instance) -> None:
    """A signal from outside is no failure of the program: each dead process is replaced at once, and mail flows."""
    for number in range(6):
        with contextlib.suppress(ProcessLookupError):
            for pid in running.processes():
                if pid != running.master():
                    os.kill(pid, signal.SIGKILL)

        def accepted(number: int = number) -> bool:
            try:
                running.send(content=mail(str(number)))
            except (OSError, AssertionError, EOFError):
                return False
            return True

        wait_until(accepted, "an accepted message", 20)
    wait_until(lambda: {str(n) for n in range(6)} <= set(field(running.messages(), "Subject")), "six messages")
    running.wait_for_log("killed by signal 9")
    assert "throttling" not in running.log


def test_crowd_at_the_door_is_served(instance: Instance) -> None:
    """300 clients connect in the same moment: each is greeted, and each message arrives once."""
    instance.set(smtpd_client_connection_count_limit="0")
    instance.start()
    socks = [socket.socket() for _ in range(CROWD)]
    try:
        for sock in socks:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", instance.port))
        dialogue = [
            b"",
            b"HELO crowd.test\r\n",
            b"MAIL FROM:<sender@client.test>\r\n",
            f"RCPT TO:<{instance.address}>\r\n".encode(),
            b"DATA\r\n",
        ]
        for step in dialogue:
            exchange(socks, [step] * CROWD)
        exchange(socks, [mail(str(number)) + b".\r\n" for number in range(CROWD)])
    finally:
        for sock in socks:
            sock.close()
    subjects = Counter(field(instance.wait_for_mail(CROWD), "Subject"))
    assert subjects == Counter(map(str, range(CROWD)))
    instance.wait_until_empty()
    assert "throttling" not in instance.log


def exchange(socks: list[socket.socket], texts: list[bytes]) -> None:
    """Have everybody say a text and wait until each has been answered with success."""
    poll = select.poll()
    by_fd = {sock.fileno(): sock for sock in socks}
    for sock, text in zip(socks, texts, strict=True):
        if text:
            sock.send(text)
        poll.register(sock, select.POLLIN)
    waiting = set(by_fd)
    while waiting:
        ready = poll.poll(30_000)
        assert ready, f"{len(waiting)} of {len(socks)} were not answered"
        for fd, _ in ready:
            answer = by_fd[fd].recv(4096)
            assert answer[:1] in (b"2", b"3"), answer
            poll.unregister(fd)
            waiting.discard(fd)
