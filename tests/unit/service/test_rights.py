"""Whose rights are in force: taken on, kept, given back."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pyfix.service.rights import Rights, RightsError

CALLS = ("setgroups", "setegid", "seteuid")


def ids() -> tuple[int, int, list[int]]:
    """What is in force."""
    return os.geteuid(), os.getegid(), os.getgroups()


@pytest.fixture
def rights() -> Iterator[Rights]:
    """Rights that are given back, whatever the test does."""
    groups = os.getgroups()
    made = Rights()
    yield made
    made.restore()
    os.setgroups(groups)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the system calls that are made."""
    seen: list[str] = []

    def spy(name: str) -> None:
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda value: (seen.append(name), real(value)))

    for name in CALLS:
        spy(name)
    return seen


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act as somebody else")
def test_blocks_nest(rights: Rights) -> None:
    """The end of an inner block gives back the rights of the outer one, not root's."""
    with rights.as_user(7001, 7001):
        with rights.as_user(7002, 7003, (7003, 7004)):
            assert ids() == (7002, 7003, [7003, 7004])
        assert ids() == (7001, 7001, [7001])
    assert ids() == (0, 0, [])


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act as somebody else")
def test_no_call_is_made_in_vain(rights: Rights, calls: list[str]) -> None:
    """Root is not made root, nor a user the same user."""
    rights.restore()
    assert calls == []
    rights.switch(7001, 7001)
    rights.switch(7001, 7001)
    assert calls == ["setgroups", "setegid", "seteuid"]
    rights.switch(7002, 7002)
    assert calls[3:] == ["seteuid", "setgroups", "setegid", "seteuid"]
    assert ids() == (7002, 7002, [7002])


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act as somebody else")
@pytest.mark.parametrize("before", [None, 7001])
def test_switch_that_fails_leaves_root(rights: Rights, monkeypatch: pytest.MonkeyPatch, before: int | None) -> None:
    """And nothing of it: the caller must not go on with half of somebody's rights, and the next switch works."""
    if before is not None:
        rights.switch(before, before)
    real = os.seteuid

    def refuse(uid: int) -> None:
        if uid == 7002:
            raise PermissionError(1, "Operation not permitted")
        real(uid)

    monkeypatch.setattr(os, "seteuid", refuse)
    with pytest.raises(RightsError, match="set user id 7002, group id 7002: Operation not permitted"):
        rights.switch(7002, 7002)
    assert ids() == (0, 0, [])
    with rights.as_user(7003, 7003):
        assert ids() == (7003, 7003, [7003])


def test_user_that_is_not_root_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    """Nothing is tried."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    made = Rights()
    with made.as_user(7001, 7001):
        pass
    made.restore()
    assert calls == []
