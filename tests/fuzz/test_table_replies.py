"""Whatever a server of a table sends, a lookup gives a value, nothing, or TableError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ldap3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_server import TableServer, cut_anything, cut_command, cut_line, cut_netstring

from pyfix.mail.config import Config
from pyfix.mail.maps import TableError, open_maps

PIECES = st.sampled_from(
    [
        b"OK ",
        b"NOTFOUND ",
        b"TEMP ",
        b"200 ",
        b"500 ",
        b"400 ",
        b"%",
        b"%41",
        b":",
        b",",
        b"\n",
        b"\r\n",
        b" ",
        b"3",
        b"10",
        b"x",
        b"VALUE key 0 1\r\nx\r\nEND\r\n",
        b"VALUE key ",
        b"END\r\n",
        b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00",
        b"\x30\x13\x02\x01\x01\x64\x0e\x04\x01a\x30\x09\x30\x07\x04\x01b\x31\x02",
        b"\x04\x00",
        b"\x30\x03\x02\x01\x00",
        b"\x65",
        b"$",
        b"-1\r\n",
        b"+",
        b"-",
    ]
)
REPLIES = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=12).map(b"".join))
TYPES = {
    "tcp": ("tcp:127.0.0.1:{}", cut_line),
    "socketmap": ("socketmap:inet:127.0.0.1:{}:m", cut_netstring),
    "memcache": ("memcache:test", cut_line),
    "ldap": ("ldap:test", cut_anything),
    "redis": ("redis:test", cut_command),
}
MAIN_CF = "test_memcache = inet:127.0.0.1:{}\ntest_max_try = 1\ntest_hosts = 127.0.0.1:{}\n"
MAIN_CF += "test_bind = no\ntest_search_base = dc=test\ntest_server_host = 127.0.0.1:{}\n"
quick = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=sorted(TYPES))
def server(request: pytest.FixtureRequest) -> Iterator[tuple[TableServer, str]]:
    """A server that hangs up after each answer, and the table that asks it."""
    spec, cut = TYPES[request.param]
    with TableServer(lambda request: b"", cut, hangs_up=True) as running:
        yield running, spec.format(running.port)


@quick
@given(reply=REPLIES)
def test_any_reply_is_a_value_or_an_error(server: tuple[TableServer, str], reply: bytes) -> None:
    """One line tells of it."""
    running, spec = server
    answer: Any = lambda request: reply  # noqa: E731 - it depends on the example
    running.answer = answer
    ldap3.Server._message_counter = 0  # the number of the next request, which is that of the good replies
    try:
        value = open_maps([spec], "test_maps", Config.from_text(MAIN_CF.replace("{}", str(running.port)))).lookup("key")
    except TableError as error:
        assert "\n" not in str(error)
    else:
        assert value is None or value
