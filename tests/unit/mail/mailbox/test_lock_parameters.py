"""What main.cf says about mailbox locks is what a delivery does."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from pyfix.base import clock
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.mailbox import LockPolicy, MailboxError
from pyfix.mail.mailbox.lock import DotLock, LockParameters


def policy(main_cf: str, *methods: str, waits: list[float] | None = None) -> LockPolicy:
    """The policy of a main.cf; it notes its pauses instead of making them."""
    params = Config.from_text(main_cf).read(LockParameters)
    made = LockPolicy.from_params(params, methods or ("dotlock",), "mailbox_delivery_lock")
    return dataclasses.replace(made, sleep=([] if waits is None else waits).append)


def held_by_another_program(tmp_path: Path) -> str:
    """A mailbox whose lock file tells nothing about its maker."""
    (tmp_path / "box.lock").touch()
    return str(tmp_path / "box")


@pytest.mark.parametrize(
    ("main_cf", "waits"),
    [
        ("", [1.0] * 19),
        ("deliver_lock_attempts = 1\n", []),
        ("deliver_lock_attempts = 3\ndeliver_lock_delay = 7s\n", [7.0, 7.0]),
        ("deliver_lock_attempts = 2\ndeliver_lock_delay = 1m\n", [60.0]),
    ],
)
def test_lock_file_of_another_is_waited_for(tmp_path: Path, main_cf: str, waits: list[float]) -> None:
    """deliver_lock_attempts times, deliver_lock_delay apart."""
    seen: list[float] = []
    with pytest.raises(MailboxError, match="File exists") as caught:
        DotLock(held_by_another_program(tmp_path), policy(main_cf, waits=seen)).take()
    assert (caught.value.status, seen) == ("4.2.0", waits)


@pytest.mark.parametrize("method", ["fcntl", "flock"])
def test_lock_of_the_kernel_is_waited_for(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same way."""
    seen: list[float] = []
    monkeypatch.setattr(f"fcntl.{'lockf' if method == 'fcntl' else method}", refuse)
    with open(tmp_path / "box", "w") as file, pytest.raises(MailboxError, match="unable to lock"):
        policy("deliver_lock_attempts = 3\ndeliver_lock_delay = 2s\n", method, waits=seen).lock_file(file.fileno())
    assert seen == [2.0, 2.0]


def refuse(fd: int, operation: int) -> None:
    """As the kernel answers when somebody else has the lock."""
    raise BlockingIOError(11, os.strerror(11))


@pytest.mark.parametrize(("main_cf", "stale_after"), [("", 500), ("stale_lock_time = 30s\n", 30)])
def test_forgotten_lock_file_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main_cf: str, stale_after: int
) -> None:
    """When it is older than stale_lock_time, not before."""
    mailbox = held_by_another_program(tmp_path)
    made = os.stat(f"{mailbox}.lock").st_ctime
    lock = DotLock(mailbox, policy(main_cf + "deliver_lock_attempts = 2\n"))
    monkeypatch.setattr(clock, "now", lambda: made + stale_after - 1)
    with pytest.raises(MailboxError, match="File exists"):
        lock.take()
    monkeypatch.setattr(clock, "now", lambda: made + stale_after + 1)
    lock.take()
    lock.release()
    assert not os.path.exists(f"{mailbox}.lock")


@pytest.mark.parametrize("parameter", ["mailbox_delivery_lock", "virtual_mailbox_lock"])
@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (["fcntl", "lockf"], 'unknown {} value "lockf" in "fcntl lockf"'),
        ([], "parameter {} specifies no applicable mailbox locking method"),
    ],
)
def test_methods_that_there_are_not(parameter: str, methods: list[str], message: str) -> None:
    """A mailbox without a lock would be a mistake that shows too late."""
    with pytest.raises(ConfigError) as caught:
        LockPolicy.from_params(Config.from_text("").read(LockParameters), methods, parameter)
    assert str(caught.value) == message.format(parameter)


@pytest.mark.parametrize("name", ["deliver_lock_attempts", "deliver_lock_delay", "stale_lock_time"])
def test_limits_have_a_lower_end(name: str) -> None:
    """None of them may be 0."""
    with pytest.raises(ConfigError, match=name):
        Config.from_text(f"{name} = 0\n").read(LockParameters)
