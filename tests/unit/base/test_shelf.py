"""What a process leaves for its successors."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pyfix.base.shelf import Shelf


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """An empty one."""
    made = Shelf("test")
    yield made
    made.close()


def test_pieces_are_there_for_a_child_and_from_it(shelf: Shelf) -> None:
    """The memory is shared, and what is written last counts."""
    assert shelf.read() == {}
    shelf.write({"/key": b"first " * 10_000, "/certificate": b""})
    pid = os.fork()
    if pid == 0:
        is_right = shelf.read() == {"/key": b"first " * 10_000, "/certificate": b""}
        shelf.write({"/key": b"second"})
        os._exit(0 if is_right else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert shelf.read() == {"/key": b"second"}


@pytest.mark.parametrize("left", [0, 10, 40])
def test_what_was_not_written_to_its_end_is_nothing(shelf: Shelf, left: int) -> None:
    """A process was killed in the middle of it."""
    shelf.write({"/key": b"x" * 100})
    os.ftruncate(shelf._fd, left)
    assert shelf.read() == {}
    shelf.write({"/key": b"y"})
    assert shelf.read() == {"/key": b"y"}
