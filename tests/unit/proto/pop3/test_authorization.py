"""A session before its login."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pyfix.proto.pop3.actions import Action, Authenticate, Cancel, Close, Reply, Respond, StartTls
from pyfix.proto.pop3.authorization import Authorization, Offer
from pyfix.proto.pop3.capabilities import Policy

OFFER = Offer("Hello.", Policy(), ("PLAIN", "LOGIN", "CRAM-MD5"), tls=True)
UNSAFE = replace(OFFER, allows_plaintext=False)


def replies(actions: Sequence[Action]) -> bytes:
    return b"".join(action.data for action in actions if isinstance(action, Reply))


def answer(command: bytes, offer: Offer = OFFER) -> bytes:
    return replies(Authorization(offer).receive(command + b"\r\n"))


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"USER a", b"+OK"),
        (b"PASS x", b"-ERR No username given."),
        (b"STAT", b"-ERR Unknown command."),
        (b"APOP a 0123456789abcdef0123456789abcdef", b"-ERR APOP not enabled."),
        (b"AUTH", b"+OK\r\nPLAIN\r\nLOGIN\r\nCRAM-MD5\r\n."),
        (b"AUTH FOO", b"-ERR [AUTH] Unsupported authentication mechanism."),
        (b"AUTH PLAIN !!!", b"-ERR [AUTH] Invalid base64 data in initial response"),
        (b"UTF8", b"+OK UTF8 enabled."),
        (b"LANG en", b"+OK en English"),
        (b"QUIT", b"+OK Logging out"),
    ],
)
def test_commands_are_answered_in_dovecots_words(command: bytes, reply: bytes) -> None:
    assert answer(command) == reply + b"\r\n"


def test_capabilities_tell_what_can_be_had() -> None:
    assert answer(b"CAPA") == (
        b"+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nSTLS\r\nUSER\r\n"
        b"SASL PLAIN LOGIN CRAM-MD5\r\nUTF8 USER\r\nLANG\r\n.\r\n"
    )
    policy = Policy("pyfix", "NEVER", 60)
    said = answer(b"CAPA", Offer("", policy, demands_tls=True, mechanisms=("PLAIN",)))
    assert said.endswith(b"\r\nEXPIRE NEVER\r\nLOGIN-DELAY 60\r\nIMPLEMENTATION pyfix\r\n.\r\n")
    assert b"USER\r\nSASL" not in said and b"SASL" not in said and b"STLS" not in said


def test_passwords_are_not_taken_in_the_clear() -> None:
    assert b"\r\nSTLS\r\nSASL CRAM-MD5\r\n" in answer(b"CAPA", UNSAFE)
    refusal = b"-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n"
    assert answer(b"USER a", UNSAFE) == answer(b"PASS x", UNSAFE) == refusal
    assert answer(b"AUTH PLAIN", UNSAFE) == b"-ERR [AUTH] Plaintext authentication disabled.\r\n"


def test_where_tls_is_demanded_no_mechanism_works_without() -> None:
    offer = replace(OFFER, demands_tls=True)
    for command in (b"USER a", b"AUTH CRAM-MD5", b"AUTH PLAIN AA=="):
        assert answer(command, offer) == b"-ERR [AUTH] Authentication not allowed until SSL/TLS is enabled.\r\n"


def test_user_and_pass_become_plain() -> None:
    it = Authorization(OFFER)
    actions = it.receive(b"USER a b\r\nPASS  secret word \r\nNOOP\r\n")
    assert actions == [Reply(b"+OK\r\n"), Authenticate("PLAIN", b"\0a b\0secret word ", "a b")]
    assert it.take_rest() == b"NOOP\r\n"


def test_a_failed_login_needs_a_new_user_command() -> None:
    it = Authorization(OFFER)
    it.receive(b"USER a\nPASS x\n")
    assert replies(it.refuse()) == b"-ERR [AUTH] Authentication failed.\r\n"
    assert replies(it.receive(b"PASS y\n")) == b"-ERR No username given.\r\n"
    assert (it.history.attempts, it.history.user, it.history.method) == (1, "a", "PLAIN")


def test_auth_goes_back_and_forth() -> None:
    it = Authorization(OFFER)
    assert it.receive(b"auth login\r\n") == [Authenticate("LOGIN", None)]
    assert it.challenge(b"Username:") == [Reply(b"+ VXNlcm5hbWU6\r\n")]
    assert it.receive(b"YQ==\r\n") == [Respond(b"a")]
    assert replies(it.refuse("Busy.", "SYS/TEMP", is_trouble=True)) == b"-ERR [SYS/TEMP] Busy.\r\n"
    assert it.history.attempts == 0


def test_an_empty_initial_response_is_an_equals_sign() -> None:
    assert Authorization(OFFER).receive(b"AUTH PLAIN =\r\n") == [Authenticate("PLAIN", b"")]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"*", b"-ERR Authentication aborted by client.\r\n"),
        (b"xx!!", b"-ERR [AUTH] Invalid base64 in response\r\n"),
    ],
)
def test_a_login_can_be_broken_off(line: bytes, reply: bytes) -> None:
    it = Authorization(OFFER)
    it.receive(b"AUTH LOGIN\r\n")
    it.challenge(b"")
    assert it.receive(line + b"\r\nUSER a\r\n") == [Cancel(), Reply(reply), Reply(b"+OK\r\n")]


def test_what_is_sent_ahead_of_tls_is_forgotten() -> None:
    it = Authorization(UNSAFE)
    assert it.receive(b"STLS\r\nUSER a\r\n") == [StartTls(b"+OK Begin TLS negotiation now.\r\n")]
    assert it.receive(b"USER b\r\n") == []
    it.tls_started()
    assert replies(it.receive(b"STLS\r\nUSER c\r\nPASS d\r\n")) == b"-ERR TLS is already active.\r\n+OK\r\n"


def test_apop_is_there_when_there_is_a_stamp() -> None:
    it = Authorization(replace(UNSAFE, apop_stamp="<1.2@x>"))
    assert replies(it.greet()) == b"+OK Hello. <1.2@x>\r\n"
    actions = it.receive(b"APOP a b 00112233445566778899aabbccddeeff\r\n")
    assert actions == [Authenticate("APOP", b"<1.2@x>\0a b\0" + bytes(range(0, 256, 17)), "a b")]


def test_three_commands_that_do_not_exist_end_the_session() -> None:
    actions = Authorization(OFFER).receive(b"FOO\nFOO\nCAPA\nFOO\nFOO\n\nUSER a\n")
    assert actions[-2:] == [Reply(b"-ERR Too many invalid bad commands.\r\n"), Close("Too many bad commands")]
    assert len(actions) == 8


@pytest.mark.parametrize(
    ("begin", "reply", "reason"),
    [
        (b"", b"-ERR Input buffer full, aborting\r\n", "Input buffer full"),
        (b"AUTH PLAIN\r\n", b"-ERR Authentication response too large\r\n", "Authentication response too large"),
    ],
)
def test_a_line_without_end_ends_the_session(begin: bytes, reply: bytes, reason: str) -> None:
    it = Authorization(OFFER)
    if begin:
        it.receive(begin)
        it.challenge(b"")
    assert it.receive(b"X" * 20_000)[-2:] == [Reply(reply), Close(reason)]


def test_an_initial_response_may_be_long() -> None:
    assert Authorization(OFFER).receive(b"AUTH PLAIN " + b"A" * 8000 + b"\r\n") == [Authenticate("PLAIN", bytes(6000))]
