"""kill -9 before every system call of a delivery, or a deletion, in a mailbox with a quota.

No message is lost or half there, nobody is locked out, and the worst that is left is a sum that is off by this one
change: the next recount mends it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from test_mailbox_kill import killed_at
from test_quota_concurrency import count_of, sum_of

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import MaildirWriter
from pyfix.mail.mailbox.quota import WHOLE_TREE, Ledger, Usage, size_in_name
from pyfix.mail.mailbox.quota.account import Account, Policy

DATA = b"Subject: x\n\n" + b"text\n" * 20
LIMIT = Quota(10**6)
LAST = 80


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """A message; its descriptor lives as long as the test process."""
    (tmp_path / "content").write_bytes(DATA)
    return Content(os.open(tmp_path / "content", os.O_RDONLY), 0, len(DATA))


def deliverer(box: Path, content: Content) -> Callable[[], None]:
    """Return what delivers once."""

    def deliver() -> None:
        account = Account(f"{box}/", LIMIT, Policy(WHOLE_TREE), None)
        writer = MaildirWriter(content, names_sizes=True)
        account.check(writer.size(b""))
        writer.finish(writer.begin(f"{box}/", b""), account)

    return deliver


def check(box: Path, before: int, countdown: int) -> int:
    """Assert what must hold after a kill; return how many messages there are."""
    for message in (box / "new").iterdir():
        assert message.read_bytes() == DATA
        assert size_in_name(message.name) == len(DATA)
    counted = count_of(box)
    assert abs(counted.messages - before) <= 1
    if (box / "maildirsize").exists():
        summed = sum_of(box)
        difference = Usage(abs(summed.size - counted.size), abs(summed.messages - counted.messages))
        assert difference in (Usage(), Usage(len(DATA), 1)), f"killed at call {countdown}"
    with Ledger.open(str(box), patience_s=0.0) as ledger:
        assert ledger.recount(LIMIT) == counted
    assert sum_of(box) == counted
    return counted.messages


@pytest.mark.parametrize("has_file", [True, False], ids=["maildirsize", "none"])
def test_killed_delivery_leaves_a_mailbox_that_counts(tmp_path: Path, content: Content, has_file: bool) -> None:
    """With a line to add, and with a count to write."""
    box = tmp_path / "box"
    deliver = deliverer(box, content)
    deliver()
    survived = 0
    messages = 1
    for countdown in range(1, LAST):
        if not has_file:
            (box / "maildirsize").unlink()
        if not killed_at(countdown, deliver):
            survived = countdown
            break
        messages = check(box, messages, countdown)
    assert survived > 10, "no kill hit the delivery"
    os.close(content.fd)


def test_killed_deletion_leaves_a_mailbox_that_counts(tmp_path: Path, content: Content) -> None:
    """A reader that dies between a removal and its line."""
    box = tmp_path / "box"
    deliver = deliverer(box, content)

    def delete() -> None:
        with Ledger.open(str(box)) as ledger:
            os.unlink(next((box / "new").iterdir()))
            ledger.note_removed(len(DATA), 1)

    survived = 0
    for countdown in range(1, LAST):
        deliver()
        before = count_of(box).messages
        if not killed_at(countdown, delete):
            survived = countdown
            break
        check(box, before, countdown)
    assert survived > 3, "no kill hit the deletion"
    os.close(content.fd)
