"""cdb: what is written is read again, byte for byte the format of other programs; damage is a temporary error."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import TableError, open_maps
from pyfix.mail.maps.cdb_file import HEADER_SIZE, PAIR, TABLES, hash_of, open_cdb
from pyfix.mail.maps.cdb_writer import CdbWriter
from pyfix.mail.maps.table import UnavailableTable


def build(path: Path, entries: list[tuple[str, str]], *, replace: bool = False) -> list[bool]:
    """Write a file; return what add said of each entry."""
    with CdbWriter(str(path)) as writer:
        stored = [writer.add(key, value, replace=replace) for key, value in entries]
        writer.commit()
    return stored


def test_file_is_the_one_that_the_format_describes(tmp_path: Path) -> None:
    """One record: header, key length, data length, key, data, and a hash table of two slots."""
    build(tmp_path / "t.cdb", [("one", "Hello")])
    number = 193420161  # ((5381 * 33 ^ 111) * 33 ^ 110) * 33 ^ 101, in 32 bits
    data = (tmp_path / "t.cdb").read_bytes()
    record = PAIR.pack(3, 5) + b"oneHello"
    assert hash_of(b"one") == number
    assert data[HEADER_SIZE : HEADER_SIZE + len(record)] == record
    slots = [(0, 0), (0, 0)]
    slots[number // TABLES % 2] = (number, HEADER_SIZE)
    assert list(PAIR.iter_unpack(data[HEADER_SIZE + len(record) :])) == slots
    assert PAIR.unpack_from(data, number % TABLES * PAIR.size) == (HEADER_SIZE + len(record), 2)


def test_everything_written_is_found_and_nothing_else(tmp_path: Path) -> None:
    """Keys and values of all lengths; the order of entries stays."""
    chance = random.Random(1)
    wanted = {f"{number}{'k' * chance.randrange(80)}": "v" * chance.randrange(300) for number in range(5000)}
    build(tmp_path / "t.cdb", list(wanted.items()))
    index = open_cdb(str(tmp_path / "t.cdb"))
    assert {key: index.get(key) for key in wanted} == wanted
    assert list(index.items()) == list(wanted.items())
    assert [index.get(f"{key}x") for key in wanted] == [None] * len(wanted)


def test_key_that_comes_again_keeps_its_first_value_or_takes_the_last(tmp_path: Path) -> None:
    """As the writer is told; keys with equal hashes are no duplicates."""
    same_hash = ["bC", "cb"]
    assert hash_of(same_hash[0].encode()) == hash_of(same_hash[1].encode())
    entries = [("a", "1"), (same_hash[0], "x"), (same_hash[1], "y"), ("a", "2"), (same_hash[0], "z"), ("b", "")]
    assert build(tmp_path / "first.cdb", entries) == [True, True, True, False, False, True]
    assert list(open_cdb(str(tmp_path / "first.cdb")).items()) == [("a", "1"), ("bC", "x"), ("cb", "y"), ("b", "")]
    assert build(tmp_path / "last.cdb", entries, replace=True) == [True] * 6
    assert list(open_cdb(str(tmp_path / "last.cdb")).items()) == [("cb", "y"), ("a", "2"), ("bC", "z"), ("b", "")]
    last = open_cdb(str(tmp_path / "last.cdb"))
    assert [last.get(key) for key in ("a", "bC", "cb", "b")] == ["2", "z", "y", ""]


def test_keys_with_nul_at_the_end_are_found(tmp_path: Path) -> None:
    """`postmap -N` and other programs write them so."""
    build(tmp_path / "t.cdb", [("key\0", "value\0")])
    index = open_cdb(str(tmp_path / "t.cdb"))
    assert (index.get("key"), index.get("ke"), index.get("")) == ("value", None, None)
    assert list(index.items()) == [("key", "value")]


def test_build_that_fails_leaves_the_old_file_and_no_debris(tmp_path: Path) -> None:
    """Whoever looks up meanwhile sees the old table."""
    build(tmp_path / "t.cdb", [("a", "old")])
    with pytest.raises(ZeroDivisionError), CdbWriter(str(tmp_path / "t.cdb")) as writer:
        writer.add("a", "new")
        raise ZeroDivisionError
    assert open_cdb(str(tmp_path / "t.cdb")).get("a") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["t.cdb"]


def test_file_larger_than_its_numbers_can_say_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 GiB is what 32 bits reach."""
    monkeypatch.setattr("pyfix.mail.maps.cdb_writer._SIZE_LIMIT", HEADER_SIZE + 100)
    with CdbWriter(str(tmp_path / "t.cdb")) as writer:
        writer.add("a", "b")
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            writer.add("c", "d" * 100)
    assert not list(tmp_path.iterdir())


def test_empty_key_is_refused(tmp_path: Path) -> None:
    """As every index refuses it."""
    with CdbWriter(str(tmp_path / "t.cdb")) as writer, pytest.raises(TableError):
        writer.add("", "value")


def test_open_table_keeps_its_content_and_notices_the_new_file(tmp_path: Path) -> None:
    """A rebuild under a reader's feet."""
    build(tmp_path / "t.cdb", [("a", "old")])
    maps = open_maps([f"cdb:{tmp_path}/t"], "test_maps", Config.from_text(""))
    assert not maps.has_changed()
    build(tmp_path / "t.cdb", [("a", "new")])
    assert maps.lookup("A") == "old"
    assert maps.has_changed()


@pytest.mark.parametrize("position", [0, 4, 1000, HEADER_SIZE, HEADER_SIZE + 4])
def test_damaged_file_never_gives_more_than_an_error(tmp_path: Path, position: int) -> None:
    """Each number of the file replaced by one that leads nowhere."""
    path = tmp_path / "t.cdb"
    build(path, [(f"key{number}", "value") for number in range(20)])
    data = bytearray(path.read_bytes())
    data[position : position + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    [table] = open_maps([f"cdb:{tmp_path}/t"], "test_maps", Config.from_text("")).tables
    with pytest.raises(TableError):
        for number in range(20):
            table.lookup(f"key{number}")
    assert isinstance(table, UnavailableTable) == (position < HEADER_SIZE)
