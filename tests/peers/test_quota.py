"""maildirsize shared with Courier's programs and with Dovecot: each believes what the other has written."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.delivery import Content
from pyfix.mail.mailbox import MaildirWriter
from pyfix.mail.mailbox.quota import WHOLE_TREE, Ledger, Usage
from pyfix.mail.mailbox.quota.account import Account, OverQuota, Policy
from pyfix.mail.mailbox.quota.ledger import glance

MESSAGE = b"Subject: x\n\n" + b"some text\n" * 100
SIZE = len(MESSAGE)
LIMIT = Quota(3 * SIZE, 100)
UID = 2525
DOVECOT = """
base_dir = {top}/run
log_path = {top}/log
ssl = no
protocols =
mail_location = maildir:{top}/box
mail_home = {top}
mail_plugins = quota
first_valid_uid = 0
mail_uid = {uid}
mail_gid = {uid}
plugin {{
  quota = maildir:User quota
}}
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that Dovecot's user reaches too."""
    with tempfile.TemporaryDirectory(prefix="pyfix-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def deliver(box: Path, limit: Quota = LIMIT) -> None:
    """One message of ours."""
    fd = os.memfd_create("message")
    os.write(fd, MESSAGE)
    account = Account(f"{box}/", limit, Policy(WHOLE_TREE), None)
    writer = MaildirWriter(Content(fd, 0, SIZE), names_sizes=True)
    try:
        account.check(SIZE)
        writer.finish(writer.begin(f"{box}/", b""), account)
    finally:
        os.close(fd)


def used(box: Path) -> Usage:
    """What maildirsize says."""
    found = glance(f"{box}/")
    assert found is not None
    return found.used


@pytest.mark.peer("deliverquota")
def test_deliverquota_and_ours_fill_one_mailbox(box: Path, need: Callable[[str], str]) -> None:
    """Each adds its line to the other's file; who comes when it is full is refused, whoever that is."""
    program = need("deliverquota")

    def deliver_theirs() -> int:
        return subprocess.run([program, str(box)], input=MESSAGE, check=False, timeout=30).returncode

    deliver(box)
    assert deliver_theirs() == 0
    assert used(box) == Usage(2 * SIZE, 2)
    deliver(box)
    assert used(box) == Usage(3 * SIZE, 3)
    assert deliver_theirs() == 77
    with pytest.raises(OverQuota):
        deliver(box)
    next((box / "new").iterdir()).unlink()
    os.utime(box / "maildirsize", (1, 1))
    assert deliver_theirs() == 0
    assert used(box) == Usage(3 * SIZE, 3)
    with Ledger.open(str(box)) as ledger:
        assert ledger.recount(LIMIT) == Usage(3 * SIZE, 3)


@pytest.mark.peer("maildirmake")
def test_first_line_is_what_maildirmake_writes(box: Path, need: Callable[[str], str]) -> None:
    """And its count is ours, folders and trash included."""
    for place, name in (
        ("new", "1.a,S=100"), ("cur", "2.b,S=10:2,S"), ("cur", "3.c,S=1000:2,T"), (".Sent/cur", "4.d:2,S"),
        (".Trash/new", "5.e,S=5000"),
    ):  # fmt: skip
        (box / place).mkdir(parents=True, exist_ok=True)
        (box / place / name).write_bytes(b"x" * 7)
    subprocess.run([need("maildirmake"), "-q", f"{LIMIT.size}S,100C", str(box)], check=True, timeout=30)
    theirs = (box / "maildirsize").read_bytes().split()
    with Ledger.open(str(box)) as ledger:
        ledger.recount(LIMIT)
    assert (box / "maildirsize").read_bytes().split() == theirs == [f"{3 * SIZE}S,100C".encode(), b"117", b"3"]


@pytest.fixture
def doveadm(tmp_path: Path, box: Path, need: Callable[[str], str]) -> Callable[..., str]:
    """Calls doveadm with the quota plugin on the mailbox."""
    program = need("doveadm")
    uid = UID if os.getuid() == 0 else os.getuid()
    (tmp_path / "conf").write_text(DOVECOT.format(top=tmp_path, uid=uid))

    def call(*arguments: str, data: bytes = b"") -> str:
        _give(box, uid)
        done = subprocess.run(
            [program, "-c", str(tmp_path / "conf"), *arguments], input=data, capture_output=True, timeout=30,
            env={**os.environ, "USER": "someone", "HOME": str(tmp_path)}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    return call


def _give(box: Path, uid: int) -> None:
    if os.getuid() == 0:
        for path in (box, *box.rglob("*")):
            os.chown(path, uid, uid, follow_symlinks=False)


@pytest.mark.peer("doveadm")
@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="doveadm wants a user of its own")
def test_dovecot_reads_and_writes_it(box: Path, doveadm: Callable[..., str]) -> None:
    """It shows our numbers and our limit; what it saves and expunges is in our sum."""
    limit = Quota(1024 * 1024, 50)
    for _ in range(2):
        deliver(box, limit)
    rows = [line.split() for line in doveadm("quota", "get").splitlines()]
    assert [row[3:5] for row in rows[1:]] == [[str(-(-2 * SIZE // 1024)), "1024"], ["2", "50"]]
    doveadm("save", "-m", "INBOX", data=MESSAGE)
    assert used(box) == Usage(3 * SIZE, 3)
    doveadm("expunge", "mailbox", "INBOX", "1")
    assert used(box) == Usage(2 * SIZE, 2)
    sizes = {path.name.partition(",S=")[2].partition(":")[0] for path in box.glob("[nc]*/*")}
    assert sizes == {f"{SIZE},W={SIZE + MESSAGE.count(10)}"}, "Dovecot's names are not like ours"
    doveadm("quota", "recalc")
    assert used(box) == Usage(2 * SIZE, 2)
