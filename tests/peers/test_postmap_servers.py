"""socketmap, tcp and memcache: both programs ask one server the same questions and make the same of its answers."""

from __future__ import annotations

import random
import re
from urllib.parse import quote, unquote

import pytest
from postmap_pair import Postmaps, some_keys, some_value
from table_server import TableServer, cut_netstring

pytestmark = pytest.mark.peer("postmap")
COUNT = 1000


def some_content(seed: str) -> tuple[dict[str, str], list[str]]:
    """Return what the server has, and the keys to ask for."""
    chance = random.Random(seed)
    keys = [*some_keys(chance, COUNT), "with blanks  in it", "tab\there", "100%", "%41", "x" * 500, "\x01\x7f"]
    return {key: some_value(chance) for key in keys if chance.random() < 0.6}, keys


@pytest.mark.parametrize("plain", [True, False])
def test_tcp_tables(plain: bool, postmaps: Postmaps) -> None:
    """The same requests, byte for byte, and the same values, whether the server encodes them or not."""
    content, keys = some_content("tcp")

    def answer(request: bytes) -> bytes:
        value = content.get(unquote(request.decode().removeprefix("get ")))
        if value is None:
            return b"500 not found\n"
        return f"200 {value if plain and '%' not in value else quote(value)}\n".encode()

    with TableServer(answer) as server:
        assert postmaps.assert_same_answers(f"tcp:127.0.0.1:{server.port}", keys) > COUNT // 3
        theirs, ours = server.requests[: len(keys)], server.requests[len(keys) :]
        assert ours == [re.sub(rb"%[0-9a-f]{2}", lambda found: found[0].upper(), request) for request in theirs]


@pytest.mark.parametrize("transport", ["inet", "unix"])
def test_socketmap_tables(transport: str, postmaps: Postmaps) -> None:
    """The same requests and the same values."""
    content, keys = some_content("socketmap")

    def answer(request: bytes) -> bytes:
        value = content.get(request.decode().removeprefix("the-map "))
        reply = "NOTFOUND " if value is None else f"OK {value}"
        return f"{len(reply.encode())}:{reply},".encode()

    path = postmaps.directory.parent / "socket" if transport == "unix" else None
    with TableServer(answer, cut_netstring, path) as server:
        where = str(path) if path else f"127.0.0.1:{server.port}"
        assert postmaps.assert_same_answers(f"socketmap:{transport}:{where}:the-map", keys) > COUNT // 3
        assert server.requests[: len(keys)] == server.requests[len(keys) :]


@pytest.mark.parametrize("settings", ["", "key_format = prefix-%u-%d\n", "domain = example.com\n"])
def test_memcache_tables(settings: str, postmaps: Postmaps) -> None:
    """The same requests and the same values; what the protocol can't carry is in no table."""
    content, keys = some_content("memcache")
    prefixed = {f"prefix-{key.replace('@', '-', 1)}": value for key, value in content.items()}

    def answer(request: bytes) -> bytes:
        key = request.decode().removeprefix("get ").strip()
        value = content.get(key) or prefixed.get(key)
        if value is None:
            return b"END\r\n"
        return f"VALUE {key} 0 {len(value.encode())}\r\n{value}\r\nEND\r\n".encode()

    table = postmaps.directory.parent / "memcache.cf"
    with TableServer(answer) as server:
        table.write_text(f"memcache = inet:127.0.0.1:{server.port}\n{settings}")
        asked = [key for key in keys if "\x01" not in key and len(key) < 250]
        postmaps.assert_same_answers(f"memcache:{table}", asked)
        half = len(server.requests) // 2
        assert server.requests[:half] == server.requests[half:]
        assert half > COUNT // 20


@pytest.mark.parametrize("reply", [b"TEMP x", b"TIMEOUT x", b"PERM x", b"NONSENSE x"])
def test_socketmap_server_that_fails(reply: bytes, postmaps: Postmaps) -> None:
    """An error for both, with the server's words."""
    with TableServer(lambda request: b"%d:%s," % (len(reply), reply), cut_netstring) as server:
        for run in (postmaps.theirs, postmaps.ours):
            done = run("-q", "a", f"socketmap:inet:127.0.0.1:{server.port}:m")
            assert (done.returncode, done.stdout) == (1, "")
            assert re.search(r"socketmap server \w+ error: x", done.stderr)
            assert "fatal: " in done.stderr
