"""POP3 cores: any bytes end in replies, and how the input is cut changes nothing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.pop3.actions import (
    Action,
    Authenticate,
    Cancel,
    Close,
    Fetch,
    Listing,
    Reply,
    Respond,
    StartTls,
    Update,
)
from pyfix.proto.pop3.authorization import Authorization, Offer
from pyfix.proto.pop3.capabilities import Policy
from pyfix.proto.pop3.content import Encoder
from pyfix.proto.pop3.transaction import Transaction


class Drop:
    """700 messages: a listing of more than one block."""

    total_octets = 70_000

    def __len__(self) -> int:
        return 700

    def octets(self, first: int, last: int) -> Sequence[int]:
        return [100] * (last - first + 1)

    def uidls(self, first: int, last: int) -> Sequence[bytes]:
        return [b"%d" % number for number in range(first, last + 1)]


WORDS = [
    b"USER", b"PASS", b"APOP", b"AUTH", b"AUTH PLAIN", b"AUTH LOGIN ", b"CAPA", b"STLS", b"LANG", b"UTF8", b"QUIT",
    b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP", b"DELE", b"RSET", b"NOOP", b"LAST", b"*", b"=", b"AGEAYg==", b" ",
    b"1", b"2", b"700", b"701", b"0", b"-1", b"99999999999999", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"a",
]  # fmt: skip
INPUT = st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=60).map(b"".join)
CUTS = st.lists(st.integers(0, 300), max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut data at some places."""
    places = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places) if end > start]


def play(
    parts: list[bytes], receive: Callable[[bytes], list[Action]], perform: Callable[[Action], list[Action]]
) -> bytes:
    """Return what a client gets."""
    sent = b""
    for part in parts:
        actions = receive(part)
        while actions:
            action = actions.pop(0)
            match action:
                case Reply(data):
                    sent += data
                case Listing(blocks):
                    sent += b"".join(blocks)
            actions += perform(action)
            if isinstance(action, Close):
                assert not actions
                return sent + b"<closed>"
    return sent


def authorization(parts: list[bytes]) -> bytes:
    it = Authorization(Offer("Hello.", Policy(), ("PLAIN", "LOGIN"), tls=True, apop_stamp="<1@x>"))
    asked = 0

    def perform(action: Action) -> list[Action]:
        nonlocal asked
        match action:
            case Authenticate() | Respond():
                asked += 1
                return it.challenge(b"?") if asked % 3 else it.refuse()
            case Reply() | Close() | Cancel():
                return []
            case StartTls():
                return []
        raise AssertionError(action)

    return play(parts, it.receive, perform)


def transaction(parts: list[bytes]) -> bytes:
    it = Transaction(Drop(), Policy(), last=0)

    def perform(action: Action) -> list[Action]:
        match action:
            case Listing():
                return it.done()
            case Fetch(number):
                return it.gone() if number == 2 else it.fetched(10)
            case Update():
                return it.updated()
            case Reply() | Close():
                return []
        raise AssertionError(action)

    return play(parts, it.receive, perform)


@given(INPUT, CUTS)
def test_cuts_change_no_reply_before_the_login(data: bytes, cuts: list[int]) -> None:
    assert authorization(pieces(data, cuts)) == authorization([data])


@given(INPUT, CUTS)
def test_cuts_change_no_reply_after_the_login(data: bytes, cuts: list[int]) -> None:
    whole = transaction([data])
    assert transaction(pieces(data, cuts)) == whole
    assert re.fullmatch(rb"(?:(?:\+OK|-ERR|\+ |[\x21-\x7e])[^\r\n]*\r\n)*(?:<closed>)?", whole)


LINES = st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b".", b"a", b"H: x", b"\n\n", b"\0"]) | st.binary(max_size=6))
MESSAGES = LINES.map(b"".join)
TOPS = st.none() | st.integers(0, 6)


def encode(parts: list[bytes], lines: int | None, ends_header: bool) -> bytes:
    encoder = Encoder(lines, ends_header=ends_header)
    return b"".join(map(encoder.encode, parts)) + encoder.finish()


@given(MESSAGES, CUTS, TOPS, st.booleans())
def test_chunks_change_nothing_about_a_message(data: bytes, cuts: list[int], lines: int | None, ends: bool) -> None:
    whole = encode([data], lines, ends)
    assert encode(pieces(data, [cut % (len(data) + 1) for cut in cuts]), lines, ends) == whole
    assert not re.search(rb"(?<!\r)\n|\n\.(?!\.)", whole)
    assert not re.match(rb"\.(?!\.)", whole)
    assert whole.endswith(b"\r\n") or not whole


@given(MESSAGES)
def test_a_message_comes_back_whole(data: bytes) -> None:
    text = re.sub(rb"(?<!\r)\n", b"\r\n", data)
    if text.endswith(b"\r"):
        text += b"\n"
    elif text and not text.endswith(b"\n"):
        text += b"\r\n"
    lines = encode([data], None, False).split(b"\n")
    assert b"\n".join(line[1:] if line.startswith(b".") else line for line in lines) == text


@given(MESSAGES, st.integers(0, 6))
def test_top_is_a_beginning_of_the_message(data: bytes, lines: int) -> None:
    whole, top = encode([data], None, False), encode([data], lines, False)
    assert whole.startswith(top)
    header, found, body = (b"\r\n" + whole).partition(b"\r\n\r\n")
    wanted = body.split(b"\n", lines)[:lines] if found else []
    expected = (header + found)[2:] + b"".join(line + b"\n" for line in wanted if line)
    assert top == (expected if found else whole)
