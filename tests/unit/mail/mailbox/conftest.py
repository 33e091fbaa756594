"""A content in a file, as the queue has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyfix.mail.delivery import Content

MakeContent = Callable[[bytes], Content]


@pytest.fixture
def make_content(tmp_path: Path) -> Iterator[MakeContent]:
    """Return a function that puts bytes behind some others in a file and gives the Content of them."""
    fds: list[int] = []

    def make(data: bytes) -> Content:
        path = tmp_path / f"content{len(fds)}"
        path.write_bytes(b"preamble" + data + b"envelope")
        fds.append(os.open(path, os.O_RDONLY))
        return Content(fds[-1], 8, len(data))

    yield make
    for fd in fds:
        os.close(fd)
