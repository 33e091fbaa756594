"""The client of the auth protocol and a real Dovecot."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest
from dovecot_instance import DovecotAuth, dovecot_auth

from pyfix.base.log import MemoryLog
from pyfix.mail.sasl.answers import Accepted, Answer, Challenge, Rejected, Request
from pyfix.mail.sasl.client import AuthClient
from pyfix.proto.dovecot_auth import ClientSession, Mechanism

pytestmark = [pytest.mark.peer("dovecot"), pytest.mark.root]
USERS = {"alice@pair.test": "secret", "bob@pair.test": "p w"}


@pytest.fixture(scope="module")
def server(need: Callable[[str], str]) -> Iterator[DovecotAuth]:
    """A running Dovecot."""
    stored = {name: f"{{PLAIN}}{password}" for name, password in USERS.items()}
    with dovecot_auth(need, stored, "plain login cram-md5") as running:
        yield running


def plain(user: str, password: str) -> Request:
    """Return a request that says all at once."""
    return Request("PLAIN", "smtp", response=f"\0{user}\0{password}".encode())


def kill(server: DovecotAuth) -> None:
    """End it at once: what has its connections outlives the master for a while."""
    session = ClientSession()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(server.path))
        while session.greeting is None:
            assert not list(session.receive(sock.recv(65536)))
        server.stop()
        os.kill(int(session.greeting.pid), signal.SIGKILL)
        assert sock.recv(1) == b""


async def close(client: AuthClient) -> None:
    """Close, and let the loop close."""
    client.close()
    await asyncio.sleep(0)


async def by_login(client: AuthClient, user: str, password: str) -> Answer:
    """Log in by LOGIN."""
    exchange = client.exchange(Request("LOGIN", "smtp"))
    assert await exchange.begin() == Challenge(b"Username:")
    assert await exchange.respond(user.encode()) == Challenge(b"Password:")
    return await exchange.respond(password.encode())


def test_logins_by_several_mechanisms(server: DovecotAuth) -> None:
    """Many at once over one connection, right and wrong, each with its own answer."""

    async def run() -> None:
        client = AuthClient(str(server.path), MemoryLog())
        mechanisms = await client.mechanisms()
        assert Mechanism("PLAIN", frozenset({"plaintext"})) in mechanisms
        assert Mechanism("CRAM-MD5", frozenset({"dictionary", "active"})) in mechanisms
        for user, password in USERS.items():
            answers = await asyncio.gather(
                *(client.exchange(plain(user, password)).begin() for _ in range(20)),
                *(client.exchange(plain(user, password + "x")).begin() for _ in range(2)),
                by_login(client, user, password),
                by_login(client, user, "other"),
            )
            assert [type(answer) for answer in answers] == [Accepted] * 20 + [Rejected] * 2 + [Accepted, Rejected]
            assert {answer.user for answer in answers if not isinstance(answer, Challenge)} == {user}
        nobody = await client.exchange(plain("nobody@pair.test", "x")).begin()
        assert isinstance(nobody, Rejected) and not nobody.is_temporary
        await close(client)

    asyncio.run(run())


def test_service_that_restarts(server: DovecotAuth) -> None:
    """What is in flight fails for now, what comes while it is down too, and then all is well."""

    async def run() -> None:
        log = MemoryLog()
        client = AuthClient(str(server.path), log)
        exchange = client.exchange(Request("LOGIN", "smtp"))
        assert isinstance(await exchange.begin(), Challenge)
        await asyncio.to_thread(kill, server)
        try:
            lost = await exchange.respond(b"alice@pair.test")
            assert lost == Rejected("Connection lost to authentication server", is_temporary=True)
            down = await client.exchange(plain("alice@pair.test", "secret")).begin()
            assert down == Rejected("Can't connect to authentication server", is_temporary=True)
        finally:
            await asyncio.to_thread(server.start)
        assert isinstance(await client.exchange(plain("alice@pair.test", "secret")).begin(), Accepted)
        await close(client)

    asyncio.run(run())


def test_cancelled_exchange_does_not_disturb_others(server: DovecotAuth) -> None:
    """A new one on the same connection works."""

    async def run() -> None:
        client = AuthClient(str(server.path), MemoryLog())
        exchange = client.exchange(Request("LOGIN", "smtp"))
        assert isinstance(await exchange.begin(), Challenge)
        exchange.cancel()
        assert isinstance(await by_login(client, "alice@pair.test", "secret"), Accepted)
        await close(client)

    asyncio.run(run())
