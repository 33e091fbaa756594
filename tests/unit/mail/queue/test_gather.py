"""Content in memory or in the queue file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.queue import MEMORY_LIMIT, NewFile, Queue, gather


@pytest.fixture
def file(tmp_path: Path) -> NewFile:
    """A new queue file."""
    (tmp_path / "incoming").mkdir()
    return Queue(str(tmp_path)).create()


def test_small_content_stays_in_memory(file: NewFile) -> None:
    """Up to the limit; none is content, too."""
    assert gather(file, []) == b""
    assert gather(file, [b"a" * MEMORY_LIMIT]) == b"a" * MEMORY_LIMIT
    assert not file.spooled
    file.abort()


@pytest.mark.parametrize("sizes", [[MEMORY_LIMIT + 1], [1, MEMORY_LIMIT], [100_000] * 9, [MEMORY_LIMIT + 1, 5]])
def test_large_content_is_in_the_file_whole(file: NewFile, sizes: list[int]) -> None:
    """However it was cut."""
    pieces = [bytes([65 + index]) * size for index, size in enumerate(sizes)]
    assert gather(file, pieces) is None
    assert file.read_spooled(0, file.spooled) == b"".join(pieces)
    file.abort()


def test_memory_does_not_grow_with_the_content(file: NewFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of the file is written as soon as it is larger than the limit."""
    written: list[int] = []
    spool = NewFile.spool

    def note(self: NewFile, data: bytes) -> None:
        written.append(len(data))
        spool(self, data)

    monkeypatch.setattr(NewFile, "spool", note)
    gather(file, iter([b"x" * 60_000] * 20))
    assert sum(written) == 1_200_000
    assert max(written) <= MEMORY_LIMIT + 60_000
    assert len(written) == 4
    file.abort()
