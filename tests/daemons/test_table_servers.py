"""socketmap and tcp tables over real sockets: requests, replies, and everything that a server can do wrong."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from table_server import TableServer, cut_netstring

from pyfix.base.endpoint import Endpoint
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.socketmap import SocketmapTable
from pyfix.mail.maps.tcp import TcpTable

IMPATIENT_S = 0.2


def maps(spec: str) -> Maps:
    """Open one table."""
    return open_maps([spec], "test_maps", Config.from_text(""))


def netstring(text: str) -> bytes:
    """Return a reply of socketmap."""
    return f"{len(text.encode())}:{text},".encode()


def test_tcp_asks_for_the_encoded_key_and_decodes_the_value() -> None:
    """Blanks, percent signs, control characters and what is no ASCII are %XX in both directions."""
    replies = {b"get Key@x": b"200 a%20b%25%c3%bc\n", b"get a%20%25%C3%BC%01": b"200 plain text, with blanks\r\n"}
    with TableServer(lambda request: replies.get(request, b"500 no\n")) as server:
        table = maps(f"tcp:127.0.0.1:{server.port}")
        assert table.lookup("Key@x") == "a b%ü"
        assert table.lookup("a %ü\1") == "plain text, with blanks"
        assert table.lookup("other") is None
        assert server.clients == 1


@pytest.mark.parametrize("transport", ["inet", "unix"])
def test_socketmap_sends_name_and_key_as_netstring(transport: str, tmp_path: Path) -> None:
    """Over TCP and over a Unix socket."""
    replies = {b"amap Key@x": netstring("OK välue of it"), b"amap y": netstring("OK ")}
    path = tmp_path / "s" if transport == "unix" else None
    with TableServer(lambda request: replies.get(request, netstring("NOTFOUND ")), cut_netstring, path) as server:
        where = str(path) if path else f"127.0.0.1:{server.port}"
        [table] = maps(f"socketmap:{transport}:{where}:amap").tables
        assert table.lookup("Key@x") == "välue of it"
        assert table.lookup("y") == ""
        assert table.lookup("other") is None
        assert server.clients == 1


def test_keys_that_are_no_text_are_asked_of_nobody() -> None:
    """A surrogate stands for a byte that is no UTF-8: such a key is in no table."""
    with TableServer(lambda request: None) as server:
        assert maps(f"tcp:127.0.0.1:{server.port}").lookup("a\udcff") is None
        assert maps(f"socketmap:inet:127.0.0.1:{server.port}:m").lookup("a\udcff") is None
        assert server.requests == []


def test_only_whole_addresses_are_asked_for() -> None:
    """The server sees no parts of an address, as with patterns; and a lookup may take its time."""
    with TableServer(lambda request: b"500 no\n") as server:
        table = maps(f"tcp:127.0.0.1:{server.port}")
        assert table.lookup_address("user+ext@sub.example.com", "+") is None
        assert server.requests == [b"get user+ext@sub.example.com"]
        assert table.blocking
        assert maps("socketmap:inet:127.0.0.1:1:m").tables[0].is_pattern


TCP_FAULTS = [
    (b"400 try later, please\n", "the server says: try later, please"),
    (b"300 what\n", "bad status code: 300 what"),
    (b"200\n", "malformed reply: 200"),
    (b"2000 x\n", "malformed reply: 2000 x"),
    (b"200 a%2\n", "malformed reply: 200 a%2"),
    (b"\n", "malformed reply: "),
    (b"200 \xff\n", "key k: the value is not UTF-8 text"),
    (b"200 " + b"x" * 4100 + b"\n", "text longer than 4096"),
    (b"200 no line end", f"no answer within {IMPATIENT_S} seconds"),
    (None, "unexpected EOF"),
]


@pytest.mark.parametrize(("reply", "problem"), TCP_FAULTS)
def test_tcp_server_that_misbehaves_is_a_temporary_error(reply: bytes | None, problem: str) -> None:
    """Never "not found"."""
    with TableServer(lambda request: reply) as server:
        table = TcpTable("tcp:x", Endpoint.tcp(f"127.0.0.1:{server.port}"), IMPATIENT_S)
        with pytest.raises(TableError, match=f"{problem}$"):
            table.lookup("k")


SOCKETMAP_FAULTS = [
    (netstring("TEMP database is down"), "socketmap server temporary error: database is down"),
    (netstring("TIMEOUT "), "socketmap server timeout error"),
    (netstring("PERM  what is\nthat"), "socketmap server permanent error: what is.that"),
    (netstring("OK"), "socketmap server unknown error"),
    (netstring("FOUND it"), "socketmap server unknown error: it"),
    (netstring(""), "socketmap server unknown error"),
    (b"4:OK a;", "netstring format error: no comma at the end"),
    (b"x:OK a,", "netstring format error: the length is no number"),
    (b"100001:", "netstring too large: 100001 bytes, 100000 are allowed"),
    (b"000000000000", "text longer than 8"),
    (b"4:\xff\xff\xff\xff,", "key k: the value is not UTF-8 text"),
    (b"9:OK a,", f"no answer within {IMPATIENT_S} seconds"),
    (None, "unexpected EOF"),
]


@pytest.mark.parametrize(("reply", "problem"), SOCKETMAP_FAULTS)
def test_socketmap_server_that_misbehaves_is_a_temporary_error(reply: bytes | None, problem: str) -> None:
    """Never "not found"."""
    with TableServer(lambda request: reply, cut_netstring) as server:
        table = SocketmapTable("socketmap:x", Endpoint.tcp(f"127.0.0.1:{server.port}"), "m", IMPATIENT_S)
        with pytest.raises(TableError, match=f"{problem}$"):
            table.lookup("k")


def test_server_that_is_not_there_is_a_temporary_error(tmp_path: Path) -> None:
    """The message says where the table looked."""
    with TableServer(lambda request: None) as server:
        port = server.port
    with pytest.raises(TableError, match=f"connect to TCP map 127.0.0.1:{port}: Connection refused"):
        maps(f"tcp:127.0.0.1:{port}").lookup("a")
    with pytest.raises(TableError, match=f"connect to {tmp_path}/none: No such file or directory"):
        maps(f"socketmap:unix:{tmp_path}/none:m").lookup("a")


def test_restart_of_the_server_between_lookups_goes_unnoticed() -> None:
    """A kept connection that the server has closed is replaced, once."""
    with TableServer(lambda request: b"200 x\n") as server:
        table = maps(f"tcp:127.0.0.1:{server.port}")
        assert table.lookup("a") == "x"
        server.hang_up()
        assert table.lookup("b") == "x"
        assert server.clients == 2


def test_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    """A connection with something left to read is given up."""
    with TableServer(lambda request: b"200 one\n200 two\n") as server:
        table = maps(f"tcp:127.0.0.1:{server.port}")
        assert table.lookup("a") == "one"
        with pytest.raises(TableError, match="unexpected data from the server"):
            table.lookup("b")
        assert table.lookup("c") == "one"


def test_threads_have_connections_of_their_own() -> None:
    """Two lookups at once wait for the server together; a third takes over what they have used."""
    both = threading.Barrier(2)

    def answer_together(request: bytes) -> bytes:
        if request != b"get alone":
            both.wait(10)
        return b"200 " + request[4:] + b"\n"

    with TableServer(answer_together) as server, ThreadPoolExecutor(2) as threads:
        table = maps(f"tcp:127.0.0.1:{server.port}")
        assert list(threads.map(table.lookup, ["a", "b"])) == ["a", "b"]
        assert table.lookup("alone") == "alone"
        assert server.clients == 2


@pytest.mark.parametrize("spec", ["tcp:127.0.0.1:1", "socketmap:inet:127.0.0.1:1:m"])
def test_unauthenticated_server_does_not_decide_about_rights(spec: str) -> None:
    """alias_maps, virtual_uid_maps and their like refuse the type at each lookup."""
    table = open_maps([spec], "alias_maps", Config.from_text(""), sensitive=True)
    with pytest.raises(TableError, match=f"{spec} map is not allowed for security sensitive data"):
        table.lookup("a")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("tcp:host", 'need host:port instead of "host"'),
        ("tcp:host:0", 'bad port "0" in "host:0"'),
        ("tcp:[::1:25", r'need \[address\]:port instead of "\[::1:25"'),
        ("tcp:::1", 'need host:port instead of "::1"'),
        ("socketmap:m", 'socketmap requires server:socketmap argument instead of "m"'),
        ("socketmap:inet:m", 'need service transport:endpoint instead of "inet"'),
        ("socketmap:inet:host:m", 'need host:port instead of "host"'),
        ("socketmap:unix::m", "need the path of a socket behind unix:"),
        ("socketmap:udp:host:25:m", "invalid transport name: udp in service: udp:host:25"),
    ],
)
def test_name_that_leads_to_no_server_is_refused(spec: str, problem: str) -> None:
    """When the table is opened, not at the first mail."""
    with pytest.raises(ConfigError, match=f"{problem}$"):
        maps(spec)


def test_numeric_addresses_of_both_families_are_understood() -> None:
    """IPv6 stands in brackets where a port follows."""
    assert str(Endpoint.tcp("[::1]:25")) == "[::1]:25"
    assert Endpoint.tcp("::1", "25") == Endpoint("::1", "25")
    assert Endpoint.parse("inet:host.test:smtp") == Endpoint("host.test", "smtp")
