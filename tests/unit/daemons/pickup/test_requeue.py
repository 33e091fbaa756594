"""A queue file that `postsuper -r` put into maildrop."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.daemons.pickup.requeue import requeue
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import Queue
from pyfix.mail.queue.maildrop import open_drop_file


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """A queue with what requeueing needs."""
    for name in ("incoming", "maildrop"):
        (tmp_path / name).mkdir()
    return Queue(str(tmp_path))


def drop(queue: Queue, sender: str) -> str:
    """Put a queue file into maildrop; return its path."""
    file = queue.create()
    file.commit(Envelope(sender, 1000.0, 0), [Recipient("a@x.y")], content=[b"\n"])
    queue.move(file.id, "incoming", "maildrop")
    return queue.path("maildrop", file.id)


def test_file_that_is_exchanged_after_its_owner_was_looked_at_is_not_read(queue: Queue, tmp_path: Path) -> None:
    """The name leads to another file by now, whose envelope nobody has vouched for; nothing is left in incoming."""
    path, other = drop(queue, "good@x.y"), drop(queue, "evil@x.y")
    params = Config.from_text("myhostname = mail.x.y").read(PickupParameters)
    log = MemoryLog()
    file = open_drop_file(path)
    os.rename(other, path)
    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        requeue(queue, params, log, os.path.basename(path), file)
    assert os.listdir(tmp_path / "incoming") == log.lines == []
    file.close()

    file = open_drop_file(path)
    _, request = requeue(queue, params, log, os.path.basename(path), file)
    assert request.envelope.sender == "evil@x.y"
    file.close()
