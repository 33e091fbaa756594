"""The log on disk: durable records, torn records, and recipients that come twice."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.bounce.recipient_log import RecipientLog
from pyfix.mail.ipc.messages import Dsn, Outcome, Recipient


def record(address: str, reason: str = "no such user", position: int = 0) -> tuple[Recipient, Outcome]:
    """Return a recipient that failed."""
    return Recipient(address, position=position), Outcome(position, "bounced", Dsn("5.1.1", reason), address)


def read(log: RecipientLog) -> tuple[list[tuple[str, str]], list[int]]:
    """Return (address, reason) of each entry, and the damaged offsets."""
    with log.open() as entries:
        return [(entry.recipient.address, entry.outcome.dsn.reason) for entry in entries], entries.damaged


@pytest.fixture
def log(tmp_path: Path) -> RecipientLog:
    """A log that does not exist yet, in a directory that does not exist yet."""
    return RecipientLog(str(tmp_path / "defer" / "A" / "ABC"))


def test_records_come_back_in_order(log: RecipientLog) -> None:
    """Also what is hard to write: quotes, line ends, non-ASCII."""
    log.append(*record("a@x.test", 'say "no"\nand\r\0'))
    log.append(*record("ü@x.test", "nö", 1))
    assert read(log) == ([("a@x.test", 'say "no"\nand\r\0'), ("ü@x.test", "nö")], [])


def test_entries_can_be_read_twice(log: RecipientLog) -> None:
    """A notice tells each recipient to people and to programs."""
    log.append(*record("a@x.test"))
    with log.open() as entries:
        assert list(entries) == list(entries)
        assert len(entries) == 1


def test_missing_log_is_file_not_found(log: RecipientLog) -> None:
    """Reading makes no file; removing what is not there is no error."""
    with pytest.raises(FileNotFoundError), log.open():
        pass
    log.remove()


def test_same_recipient_twice_counts_once_and_the_last_is_right(log: RecipientLog) -> None:
    """qmgr was restarted before it had marked the first recipient done."""
    log.append(*record("a@x.test", "first"))
    log.append(*record("b@x.test", "other", 1))
    log.append(*record("a@x.test", "second"))
    assert read(log)[0] == [("a@x.test", "second"), ("b@x.test", "other")]


def test_same_address_at_two_positions_is_two_recipients(log: RecipientLog) -> None:
    """The sender gave it twice; each has its own end."""
    log.append(*record("a@x.test", "first", 0))
    log.append(*record("a@x.test", "second", 1))
    assert len(read(log)[0]) == 2


@given(cut=st.integers(min_value=1), rest=st.integers(0, 2))
def test_torn_record_spoils_nothing_but_itself(tmp_path_factory: pytest.TempPathFactory, cut: int, rest: int) -> None:
    """Cut the file anywhere inside its last record and go on: all others are there, the torn one is reported."""
    log = RecipientLog(str(tmp_path_factory.mktemp("log") / "ABC"))
    log.append(*record("a@x.test"))
    whole = os.stat(log.path).st_size
    log.append(*record("torn@x.test", position=1))
    end = os.stat(log.path).st_size
    os.truncate(log.path, whole + 1 + cut % (end - whole - 1))
    for number in range(rest):
        log.append(*record(f"{number}@x.test", position=number + 2))
    entries, damaged = read(log)
    kept = [address for address, _ in entries if address != "torn@x.test"]
    assert kept == ["a@x.test", *(f"{number}@x.test" for number in range(rest))]
    assert len(damaged) == (0 if "torn@x.test" in dict(entries) else 1)


def test_full_disk_leaves_the_log_as_it_was(log: RecipientLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half way is undone, so that the next one starts clean."""
    log.append(*record("a@x.test"))
    before = Path(log.path).read_bytes()
    write = os.write

    def fail_half_way(fd: int, data: bytes) -> int:
        if len(data) > 10:
            return write(fd, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", lambda fd, data: fail_half_way(fd, data[:20] if len(data) > 20 else b""))
    with pytest.raises(OSError, match="No space left"):
        log.append(*record("b@x.test", position=1))
    assert Path(log.path).read_bytes() == before


def test_symbolic_link_is_not_followed(log: RecipientLog, tmp_path: Path) -> None:
    """Nobody can make the daemon append to another file."""
    (tmp_path / "defer" / "A").mkdir(parents=True)
    (tmp_path / "target").touch()
    os.symlink(tmp_path / "target", log.path)
    with pytest.raises(OSError, match="symbolic links"):
        log.append(*record("a@x.test"))
    assert (tmp_path / "target").read_bytes() == b""
