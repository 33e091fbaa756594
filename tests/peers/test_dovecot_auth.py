"""Dovecot's own auth service: our end of its protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from auth_client import AuthClient, request
from dovecot_instance import running_auth

from pyfix.proto.dovecot_auth import (
    Authenticate,
    Challenge,
    Continue,
    Failed,
    ProtocolError,
    ServerSession,
    Succeeded,
    greet,
)

JOE = "joe@x.test"


@pytest.fixture(scope="module")
def path(need: Callable[[str], str]) -> Iterator[str]:
    """The socket of a running one."""
    with running_auth(need, {JOE: "{PLAIN}geheim"}) as found:
        yield str(found)


@pytest.fixture
def client(path: str) -> Iterator[AuthClient]:
    """A connection to it."""
    with AuthClient(path) as made:
        yield made


def ask(mechanism: str, initial: bytes | None = None) -> Authenticate:
    """An AUTH request that waits for no penalty."""
    return request(mechanism, initial, **{"no-penalty": ""})


@pytest.mark.root
@pytest.mark.peer("dovecot")
def test_greeting_of_both_is_the_same(client: AuthClient) -> None:
    """What is read of its greeting makes the same bytes again, properties in order of the alphabet."""
    greeting = client.session.greeting
    assert greeting is not None
    ours = greet(greeting.mechanisms, int(greeting.pid), int(greeting.connection), greeting.cookie)
    assert [line.split(b"\t")[:2] for line in ours.splitlines()] == [
        line.split(b"\t")[:2] for line in client.greeting.splitlines()
    ]
    assert {offer.name: offer.properties for offer in greeting.mechanisms}["CRAM-MD5"] == {"dictionary", "active"}


@pytest.mark.root
@pytest.mark.peer("dovecot")
def test_logins(client: AuthClient) -> None:
    """Right, wrong, in steps, garbage."""
    assert client.ask(ask("PLAIN", b"\0joe@x.test\0geheim")) == Succeeded(7, {"user": JOE})
    assert client.ask(ask("LOGIN")) == Challenge(7, b"Username:")
    assert client.ask(Continue(7, JOE.encode())) == Challenge(7, b"Password:")
    assert client.ask(Continue(7, b"geheim")) == Succeeded(7, {"user": JOE})
    assert client.ask(ask("PLAIN")) == Challenge(7, b"")
    denied = client.ask(Continue(7, b"\0joe@x.test\0wrong"))
    assert denied == Failed(7, {"user": JOE})
    assert isinstance(denied, Failed) and not denied.is_temporary


@pytest.mark.root
@pytest.mark.peer("dovecot")
@pytest.mark.parametrize(
    "line",
    [
        b"FOO\t17", b"AUTH\txx\tPLAIN\tservice=x", b"AUTH\t1\tPLAIN", b"AUTH\t4294967296\tPLAIN\tservice=x",
        b"AUTH\t-1\tPLAIN\tservice=x", b"AUTH\t1\tPLAIN\tservice=x\tresp=AA==\tlip=", b"CANCEL",
        b"AUTH\t3\tPLAIN\tservice=x\tno-penalty\tresp=!!!", b"AUTH\t3\tPLAIN\tservice=x\tno-penalty\tresp=AGpvZUB4Ln",
    ],
)  # fmt: skip
def test_what_it_refuses_is_refused_here(client: AuthClient, line: bytes) -> None:
    """A line that ends the connection there is a protocol error here; one that fails alone fails alone."""
    try:
        theirs: object = client.raw(line + b"\n")
    except (EOFError, ConnectionError):
        theirs = "hangs up"
    try:
        ours: object = next(ServerSession().receive(b"VERSION\t1\t1\nCPID\t1\n" + line + b"\n"))
    except ProtocolError:
        ours = "hangs up"
    if isinstance(theirs, Failed):
        assert getattr(ours, "reason", None) == theirs.fields["reason"]
    else:
        assert ours == theirs == "hangs up"
