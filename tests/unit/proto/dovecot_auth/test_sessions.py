"""Dovecot's auth client protocol: dialogues as the real one has them (tests/peers/test_dovecot_auth.py asks it)."""

from __future__ import annotations

import pytest

from pyfix.proto.dovecot_auth import (
    Authenticate,
    Cancel,
    Challenge,
    ClientSession,
    Continue,
    Failed,
    FindUser,
    Found,
    Malformed,
    Mechanism,
    NotFound,
    ProtocolError,
    RedeemTicket,
    ServerSession,
    Succeeded,
    greet,
)
from pyfix.proto.dovecot_auth.lines import decode_line, encode_line
from pyfix.proto.dovecot_auth.messages import Answer, Request, encode, parse_answer

HELLO = b"VERSION\t1\t1\nCPID\t77\n"
PLAIN = Mechanism("PLAIN", frozenset({"plaintext"}))
CRAM = Mechanism("CRAM-MD5", frozenset({"dictionary", "active"}))


def requests(data: bytes) -> list[Request | Malformed]:
    """What a server takes from a client that has said hello."""
    return list(ServerSession().receive(HELLO + data))


def answers(data: bytes) -> list[Answer]:
    """What a client takes from a server."""
    return list(ClientSession().receive(greet([PLAIN], 1, 2, "00" * 16) + data))


def test_greeting_is_dovecots() -> None:
    """Byte for byte, but for the numbers."""
    assert greet([PLAIN, CRAM], 15188, 1, "2358230ec6d70d4c6e7c67b9308ee199") == (
        b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tCRAM-MD5\tactive\tdictionary\n"
        b"SPID\t15188\nCUID\t1\nCOOKIE\t2358230ec6d70d4c6e7c67b9308ee199\nDONE\n"
    )


def test_client_knows_the_mechanisms_once_the_greeting_is_done() -> None:
    """Not before; words that are not known are left alone."""
    client = ClientSession()
    data = greet([PLAIN, CRAM], 5, 6, "ab" * 16).replace(b"DONE\n", b"LATER\t1\nDONE\n")
    assert list(client.receive(data[:-1])) == []
    assert client.greeting is None
    assert list(client.receive(data[-1:])) == []
    assert client.greeting is not None
    assert client.greeting.mechanisms == (PLAIN, CRAM)
    assert (client.greeting.pid, client.greeting.connection, client.greeting.cookie) == ("5", "6", "ab" * 16)


def test_requests_of_postfix_are_read() -> None:
    """As xsasl_dovecot_server.c writes them."""
    assert requests(
        b"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=::2\trip=::1\tsecured\tvalid-client-cert\tresp=AGEAYg==\n"
        b"AUTH\t2\tlogin\tservice=smtp\tnologin\nCONT\t2\tYQ==\nCANCEL\t2\n"
    ) == [
        Authenticate(
            1, "PLAIN",
            {"service": "smtp", "nologin": "", "lip": "::2", "rip": "::1", "secured": "", "valid-client-cert": ""},
            b"\0a\0b",
        ),
        Authenticate(2, "LOGIN", {"service": "smtp", "nologin": ""}, None),
        Continue(2, b"a"),
        Cancel(2),
    ]  # fmt: skip


def test_empty_initial_response_is_there() -> None:
    """Both resp= and SMTP's lone = are an empty response; no resp is none."""
    found = requests(
        b"AUTH\t1\tPLAIN\tservice=x\tresp=\nAUTH\t2\tPLAIN\tservice=x\tresp==\nAUTH\t3\tPLAIN\tservice=x\n"
    )
    assert [request.initial for request in found if isinstance(request, Authenticate)] == [b"", b"", None]


@pytest.mark.parametrize("text", [b"!!!", b"AGpvZUB4LnRlc3QAc2Vj ==", b"AGpvZUB4LnRlc3QAc2V", b"\xff\xfe", b"===="])
def test_base64_garbage_fails_alone(text: bytes) -> None:
    """The other requests on the connection go on."""
    assert requests(b"AUTH\t3\tPLAIN\tservice=smtp\tresp=" + text + b"\nCONT\t4\t" + text + b"\nCANCEL\t5\n") == [
        Malformed(3, "Invalid base64 data in initial response"),
        Malformed(4, "Invalid base64 data in continued response"),
        Cancel(5),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"FOO\t17", b"AUTH\txx\tPLAIN\tservice=smtp", b"AUTH\t0\tPLAIN\tservice=smtp", b"AUTH\t1\tPLAIN", b"CANCEL",
        b"AUTH\t4294967296\tPLAIN\tservice=smtp", b"AUTH\t-1\tPLAIN\tservice=smtp", b"", b"CONT\t1", b"VERSION\t1\t1",
        b"AUTH\t1\tPLAIN\tservice=smtp\tresp=AA==\tlip=", b"AUTH\t1\tPLAIN\tservice=smtp\tresp=AA==\tresp=AA==",
        b"\xb2\t\xb2", "AUTH\t\u0663\tPLAIN\tservice=smtp".encode(), b"A" * 20000,
    ],
)  # fmt: skip
def test_what_dovecot_hangs_up_on_is_a_protocol_error(line: bytes) -> None:
    """Behind the requests that were right."""
    received = ServerSession().receive(HELLO + b"CANCEL\t1\n" + line + b"\n")
    assert next(received) == Cancel(1)
    with pytest.raises(ProtocolError):
        list(received)


@pytest.mark.parametrize("hello", [b"VERSION\t2\t0\n", b"CPID\t1\n", b"CANCEL\t1\n", b"VERSION\t1\t1\nCANCEL\t1\n"])
def test_client_must_say_hello(hello: bytes) -> None:
    """With a version that is served, and its process."""
    with pytest.raises(ProtocolError):
        list(ServerSession().receive(hello))


def test_answers_of_dovecot_are_read() -> None:
    """As 2.3.19 writes them."""
    ok, denied, broken, gone, challenge, *rest = answers(
        b"OK\t1\tuser=joe@x.test\nFAIL\t2\tuser=joe@x.test\nFAIL\t3\tcode=temp_fail\nFAIL\t4\ttemp\n"
        b"CONT\t5\tVXNlcm5hbWU6\nCONT\t6\t\nNEW\tword\nUSER\t7\tjoe\tuid=5\tmail=maildir:/a b\nNOTFOUND\t8\n"
    )
    assert isinstance(ok, Succeeded) and ok.user == "joe@x.test"
    assert isinstance(denied, Failed) and not denied.is_temporary
    assert isinstance(broken, Failed) and broken.is_temporary
    assert isinstance(gone, Failed) and gone.is_temporary
    assert challenge == Challenge(5, b"Username:")
    assert rest == [Challenge(6, b""), Found(7, "joe", {"uid": "5", "mail": "maildir:/a b"}), NotFound(8)]


@pytest.mark.parametrize("line", [b"OK\tx", b"FAIL", b"CONT\t1\t!", b"OK\t0", b"NOTFOUND"])
def test_broken_answer_is_a_protocol_error(line: bytes) -> None:
    """The connection is of no use any more."""
    with pytest.raises(ProtocolError):
        answers(line + b"\n")


@pytest.mark.parametrize("line", [b"HELLO\n", b"VERSION\t2\t0\n", b"DONE\n"])
def test_server_must_greet(line: bytes) -> None:
    """Whatever listens there, it is no auth service."""
    with pytest.raises(ProtocolError):
        list(ClientSession().receive(line))


def test_hostile_values_stay_one_field() -> None:
    """Tabs, line ends and NUL in a name are escaped, bytes that are no UTF-8 survive."""
    name = "a\tuser=root\nOK\t1\x01\0\r\udcff"
    line = encode_line("USER", name)
    assert line.count(b"\t") == 1 and line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode_line(line[:-1]) == ["USER", name]
    assert parse_answer(encode(Succeeded(1, {"user": name}))[:-1]) == Succeeded(1, {"user": name})


def test_request_that_is_too_long_is_not_sent() -> None:
    """A password of 10 MB fails before it reaches the server."""
    with pytest.raises(ValueError, match="at most 16384"):
        ClientSession().send(Authenticate(1, "PLAIN", {"service": "smtp"}, b"\0a\0" + b"x" * 10_000_000))


def test_name_of_a_parameter_is_checked() -> None:
    """It comes from code, never from a peer."""
    with pytest.raises(ValueError, match="no name of a parameter"):
        encode(Succeeded(1, {"a b": "c"}))


def test_secrets_are_not_shown() -> None:
    """Neither in a traceback nor in a debugging line."""
    shown = repr([Authenticate(1, "PLAIN", {}, b"secret"), Continue(1, b"secret"), RedeemTicket(1, "secret")])
    assert "secret" not in shown
    assert "joe" in repr(FindUser(1, "joe", {}))
