"""TLS over memory between a transport and a protocol, both played by the test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tls_material import client_context, issue

from pyfix.mail.tls.chains import Chain
from pyfix.mail.tls.context import load_chain
from pyfix.mail.tls.layer import Failure, TlsLayer


class Wire:
    """The transport below."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.protocol: asyncio.Protocol | None = None
        self.is_closed = False
        self.is_aborted = False
        self.is_paused = False

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        """Remember who listens."""
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        """Keep what is sent."""
        assert not self.is_closed
        self.sent += data

    def close(self) -> None:
        """No more is sent."""
        self.is_closed = True

    def abort(self) -> None:
        """Nor anything that waits."""
        self.is_closed = self.is_aborted = True

    def is_closing(self) -> bool:
        """Return whether that is so."""
        return self.is_closed

    def pause_reading(self) -> None:
        """Take no more."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Go on."""
        self.is_paused = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return a peer."""
        return ("192.0.2.1", 25) if name == "peername" else default


class Above(asyncio.Protocol):
    """The protocol above."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ends: list[str] = []

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def eof_received(self) -> bool:
        """Half a connection is enough."""
        self.ends.append("eof")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The end."""
        self.ends.append("lost")


class Meeting:
    """A client against the layer."""

    def __init__(self, context: ssl.SSLContext, client: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> None:
        self.wire, self.above = Wire(), Above()
        self.layer = TlsLayer(self.wire, self.above, context, loop)  # type: ignore[arg-type]  # in all but inheritance
        self.layer.start()
        self.to_client, self.from_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.to_client, self.from_client)

    def exchange(self, size: int = 1 << 20) -> None:
        """Carry what waits in both directions, in pieces of a size."""
        while (data := self.from_client.read()) or self.wire.sent:
            for at in range(0, len(data), size):
                self.layer.data_received(data[at : at + size])
            self.to_client.write(bytes(self.wire.sent))
            self.wire.sent.clear()
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                pass

    def shake_hands(self, size: int = 1 << 20) -> None:
        """Do the whole handshake."""
        with pytest.raises(ssl.SSLWantReadError):
            self.client.do_handshake()
        self.exchange(size)


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    """A server's context."""
    own = issue("mail.test")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_chain(made, Chain(own.key_pem, (own.pem,), "own.pem", "own.key"))
    return made


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that only makes futures."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def meeting(context: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> Meeting:
    """A client and a layer that have not spoken yet."""
    return Meeting(context, client_context(), loop)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_plain_text_goes_both_ways_however_the_wire_cuts_it(meeting: Meeting, size: int) -> None:
    """The handshake, a line each way, and a long one in several records."""
    meeting.shake_hands(size)
    assert meeting.layer.handshake.result() is None
    long = b"x" * 50_000
    meeting.client.write(b"EHLO x\r\n" + long)
    meeting.exchange(size)
    assert bytes(meeting.above.heard) == b"EHLO x\r\n" + long
    meeting.layer.write(b"250 Ok\r\n")
    meeting.exchange(size)
    assert meeting.client.read() == b"250 Ok\r\n"


def test_close_says_so_and_does_not_wait(meeting: Meeting) -> None:
    """A client can tell the end from an attack."""
    meeting.shake_hands()
    meeting.layer.write(b"221 Bye\r\n")
    meeting.layer.close()
    assert meeting.wire.is_closed and not meeting.wire.is_aborted and meeting.layer.is_closing()
    meeting.exchange()
    assert meeting.client.read() == b"221 Bye\r\n"
    assert meeting.client.read() == b""
    meeting.layer.close()
    meeting.layer.write(b"more")
    assert not meeting.wire.sent


def test_close_notify_of_the_client_is_the_end_of_its_input(meeting: Meeting) -> None:
    """What it sent before is there first."""
    meeting.shake_hands()
    meeting.client.write(b"QUIT\r\n")
    with pytest.raises(ssl.SSLWantReadError):
        meeting.client.unwrap()
    meeting.exchange()
    assert bytes(meeting.above.heard) == b"QUIT\r\n" and meeting.above.ends == ["eof"]


def test_end_without_close_notify_is_the_end_as_well(meeting: Meeting) -> None:
    """As in Postfix: SMTP knows its own end."""
    meeting.shake_hands()
    assert meeting.layer.eof_received() and meeting.above.ends == ["eof"]
    meeting.layer.connection_lost(None)
    assert meeting.above.ends == ["eof", "lost"]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_handshake_with_what_is_no_tls_fails_with_the_words_of_openssl(meeting: Meeting, size: int) -> None:
    """The connection is closed."""
    data = b"EHLO this is not TLS at all\r\n"
    for at in range(0, len(data), size):
        meeting.layer.data_received(data[at : at + size])
    failure = meeting.layer.handshake.result()
    assert failure is not None and failure.reason == "-1" and meeting.wire.is_closed
    assert failure.library.startswith("error:0A0000") or failure.library.startswith("error:0A00")
    assert failure.library.endswith(":") and not meeting.above.heard


def test_handshake_without_a_cipher_in_common(context: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> None:
    """The client gets OpenSSL's alert."""
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("NULL:@SECLEVEL=0")
    meeting = Meeting(context, client, loop)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        meeting.shake_hands()
    assert meeting.layer.handshake.result() == Failure("-1", "error:0A0000C1:SSL routines::no shared cipher:")


def test_client_that_leaves_in_its_handshake(meeting: Meeting) -> None:
    """As a lost connection, at its end of input and without one."""
    meeting.layer.data_received(b"\x16\x03\x01")
    assert not meeting.layer.eof_received()
    assert meeting.layer.handshake.result() == Failure("lost connection") and meeting.wire.is_closed
    meeting.layer.data_received(b"more")
    meeting.layer.connection_lost(ConnectionResetError())
    assert meeting.above.ends == ["lost"]


def test_client_that_takes_too_long(meeting: Meeting) -> None:
    """Whoever has the clock says so."""
    meeting.layer.data_received(b"\x16\x03\x01")
    meeting.layer.give_up()
    assert meeting.layer.handshake.result() == Failure("Connection timed out") and meeting.wire.is_closed


def test_broken_record_ends_the_connection(meeting: Meeting) -> None:
    """Somebody has tampered with it."""
    meeting.shake_hands()
    meeting.layer.data_received(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert meeting.wire.is_aborted and not meeting.above.heard


def test_transport_is_the_one_below(meeting: Meeting) -> None:
    """Its peer, its flow control."""
    meeting.shake_hands()
    layer = meeting.layer
    layer.pause_reading()
    assert meeting.wire.is_paused
    layer.resume_reading()
    assert not meeting.wire.is_paused
    assert layer.get_extra_info("peername") == ("192.0.2.1", 25)
    assert layer.get_extra_info("ssl_object") is layer.session and layer.get_extra_info("none", 1) == 1


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=8))
@settings(max_examples=50)
def test_any_bytes_end_in_a_failure_or_wait_for_more(
    context: ssl.SSLContext, loop: asyncio.AbstractEventLoop, pieces: list[bytes]
) -> None:
    """Nothing else is raised, and nothing gets through."""
    meeting = Meeting(context, client_context(), loop)
    for piece in pieces:
        meeting.layer.data_received(piece)
    assert not meeting.above.heard
    assert meeting.layer.handshake.done() == meeting.wire.is_closed


@given(st.binary(min_size=1, max_size=300), st.integers(0, 2000))
@settings(max_examples=50)
def test_hello_that_somebody_has_changed(
    context: ssl.SSLContext, loop: asyncio.AbstractEventLoop, noise: bytes, at: int
) -> None:
    """Bytes that look like TLS for a while."""
    meeting = Meeting(context, client_context(), loop)
    with pytest.raises(ssl.SSLWantReadError):
        meeting.client.do_handshake()
    hello = meeting.from_client.read()
    at %= len(hello)
    meeting.layer.data_received(hello[:at] + noise + hello[at + len(noise) :])
    assert not meeting.above.heard
