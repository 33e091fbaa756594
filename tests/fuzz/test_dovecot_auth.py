"""Dovecot's auth client protocol: any bytes, cut anywhere, both ways."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.dovecot_auth import ClientSession, ProtocolError, ServerSession, greet
from pyfix.proto.dovecot_auth.messages import (
    Answer,
    Authenticate,
    Cancel,
    Challenge,
    Continue,
    Failed,
    FindUser,
    Found,
    NotFound,
    RedeemTicket,
    Request,
    Succeeded,
    encode,
)

HELLO = b"VERSION\t1\t1\nCPID\t77\n"
Session = Callable[[], ServerSession | ClientSession]
ids = st.integers(1, 2**32 - 1)
text = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
names = st.from_regex(r"[a-z_-]{1,8}", fullmatch=True).filter(lambda name: name != "resp")
parameters = st.dictionaries(names, text, max_size=4)
mechanisms = st.from_regex(r"[A-Z0-9-]{1,10}", fullmatch=True)
requests: st.SearchStrategy[Request] = st.one_of(
    st.builds(
        Authenticate, ids, mechanisms, parameters.map(lambda given: given | {"service": "smtp"}),
        st.none() | st.binary(max_size=30),
    ),
    st.builds(Continue, ids, st.binary(max_size=30)),
    st.builds(Cancel, ids),
    st.builds(RedeemTicket, ids, text),
    st.builds(FindUser, ids, text, parameters),
)  # fmt: skip
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(Challenge, ids, st.binary(max_size=30)),
    st.builds(Succeeded, ids, parameters),
    st.builds(Failed, ids, parameters),
    st.builds(Found, ids, text, parameters),
    st.builds(NotFound, ids),
)
lines = st.lists(
    st.one_of(
        requests.map(encode),
        answers.map(encode),
        st.binary(max_size=40),
        st.sampled_from([b"\n", b"VERSION\t1\t2\n", b"CPID\t1\n", b"DONE\n", b"AUTH\t1\tPLAIN\tservice=a\tresp=A\n"]),
    ),
    max_size=6,
).map(b"".join)


def take(session: ServerSession | ClientSession, pieces: list[bytes]) -> list[object]:
    """What comes out, and a word at the end for a protocol error."""
    found: list[object] = []
    try:
        for piece in pieces:
            for message in session.receive(piece):
                found.append(message)  # not extend: what is before an error counts
    except ProtocolError:
        found.append("broken")
    return found


@given(lines, st.booleans(), st.integers(1, 7))
def test_any_bytes_are_messages_or_a_protocol_error_however_cut(data: bytes, is_server: bool, size: int) -> None:
    """Never another exception, and the same messages for the same bytes."""
    make: Session = ServerSession if is_server else ClientSession
    start = HELLO if is_server else greet([], 1, 1, "")
    stream = start + data
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert take(make(), [stream]) == take(make(), pieces)


@given(st.lists(requests, max_size=5))
def test_requests_survive_the_way(sent: list[Request]) -> None:
    """Whatever bytes are in names and responses."""
    client, server = ClientSession(), ServerSession()
    stream = client.open(1) + b"".join(client.send(request) for request in sent)
    assert take(server, [stream]) == sent
    assert server.client_pid == 1


@given(st.lists(answers, max_size=5))
def test_answers_survive_the_way(sent: list[Answer]) -> None:
    """The same from the server."""
    assert take(ClientSession(), [greet([], 1, 1, ""), b"".join(map(encode, sent))]) == sent
