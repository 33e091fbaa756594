"""memcache: both programs ask one memcached."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import Database, memcached
from postmap_pair import Postmaps, some_keys, some_value

pytestmark = pytest.mark.peer("postmap", "memcached")
CHANCE = random.Random("memcache")
KEYS = some_keys(CHANCE, 1200)
ENTRIES = {key.casefold(): some_value(CHANCE) for key in KEYS[:800]}


@pytest.fixture(scope="module")
def server(need: Callable[[str], str]) -> Iterator[Database]:
    """A server with many keys; those with `t:` before them have other values."""
    with memcached(need) as running:
        for key, value in ENTRIES.items():
            store(running, key, value)
            store(running, f"t:{key}", f"other {value}")
        yield running


def store(server: Database, key: str, value: str) -> None:
    """Store a value."""
    data = value.encode()
    with socket.create_connection(("127.0.0.1", server.port)) as client, client.makefile("rb") as replies:
        client.sendall(b"set %s 0 0 %d\r\n%s\r\n" % (key.encode(), len(data), data))
        assert replies.readline() == b"STORED\r\n"


def kept(server: Database, key: str) -> bytes:
    """Return the server's reply to a question."""
    with socket.create_connection(("127.0.0.1", server.port)) as client, client.makefile("rb") as replies:
        client.sendall(b"get %s\r\n" % key.encode())
        return replies.readline()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key_format = t:%s",
        "key_format = %u@%d",
        "key_format = %S",
        "key_format = t:%u@%2.%1",
        "domain = example.com, localhost",
        "key_format = 100%%",
    ],
)
def test_keys_give_the_same_answers(text: str, server: Database, postmaps: Postmaps) -> None:
    """Thousands of keys."""
    table = postmaps.directory.parent / "t.cf"
    table.write_text(f"memcache = inet:127.0.0.1:{server.port}\n{text}\n")
    found = postmaps.assert_same_answers(f"memcache:{table}", [*KEYS, "two words", "x" * 240])
    assert found > 10 or "%2" in text or "100" in text


@pytest.mark.parametrize("who", ["theirs", "ours"])
def test_what_the_backup_has_is_stored(who: str, server: Database, postmaps: Postmaps, tmp_path: Path) -> None:
    """With the flags and under the key of the table."""
    (tmp_path / "backup").write_text(f"{who} value of {who}\n")
    table = tmp_path / "t.cf"
    table.write_text(
        f"memcache = inet:127.0.0.1:{server.port}\nbackup = texthash:{tmp_path}/backup\nflags = 5\nkey_format = b:%s\n"
    )
    run = postmaps.theirs if who == "theirs" else postmaps.ours
    assert run("-q", who, f"memcache:{table}").stdout == f"value of {who}\n"
    assert kept(server, f"b:{who}") == b"VALUE b:%s 5 %d\r\n" % (who.encode(), len(who) + 9)
    assert run("-s", f"memcache:{table}").stdout == f"{who}\tvalue of {who}\n"


def test_unix_socket(need: Callable[[str], str], tmp_path: Path, postmaps: Postmaps) -> None:
    """As the settings name it."""
    with memcached(need, over_unix=True) as running:
        table = tmp_path / "t.cf"
        table.write_text(f"memcache = unix:{running.path}\nbackup = static:x\n")
        assert postmaps.assert_same_answers(f"memcache:{table}", ["a", "b"]) == 2


FAILING = ["memcache =", "key_format = %x", "backup = foo:x", "memcache = inet:127.0.0.1:1"]


def test_what_fails_fails_for_both(postmaps: Postmaps) -> None:
    """Status 1 and one fatal line."""
    postmaps.assert_both_fail("memcache", [(f"{text}\n", "a") for text in FAILING])


def test_there_is_nothing_to_build(postmaps: Postmaps, tmp_path: Path) -> None:
    """postmap refuses with the same words."""
    table = tmp_path / "t.cf"
    table.write_text("")
    for run in (postmaps.theirs, postmaps.ours):
        done = run(f"memcache:{table}")
        assert done.returncode == 1
        assert "unsupported dictionary type: memcache does not support bulk-mode creation" in done.stderr
