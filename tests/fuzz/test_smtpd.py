"""smtpd under any bytes: replies or a close, never an exception; and how the input is cut changes no reply."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "sessions" / "smtp"))

import itertools

from stage import Stage, play

from pyfix.mail.address.quote import normalize_quoting
from pyfix.mail.smtp.path import BadPath, take_path

COMMANDS = """EHLO x|HELO y|MAIL FROM:<a@b.c>|MAIL FROM:<> SIZE=10 BODY=8BITMIME|RCPT TO:<u1@virtual.test>|RCPT TO:<u1>
RCPT TO:<u9@virtual.test>|RCPT TO:<x@elsewhere>|DATA|BDAT 5|BDAT 7 LAST|BDAT 0 LAST|BDAT x|RSET|NOOP|VRFY u1|QUIT|hello
.|VRFY <u1@virtual.test>|..|ETRN x|AUTH PLAIN x
AUTH PLAIN AG90dG8Ab3R0bw==|AUTH PLAIN|AUTH LOGIN|b3R0bw==|*|=|AUTH X|STARTTLS|HELP|1: 2|"""
LINES = st.sampled_from(
    [line.encode() + b"\r\n" for line in COMMANDS.replace("\n", "|").split("|")]
    + [b"\r\n.\r\n", b"\n", b".\n", b"a" * 3000, b"\0", b"\xff", b"x" * 70000, b" ", b"NOOP\n"]
)
LOGIN = [
    b"AUTH LOGIN\r\n",
    b"b3R0bw==\r\n",
    b"AUTH PLAIN\r\n",
    b"AG90dG8Ab3R0bw==\r\n",
    b"AUTH PLAIN AG90dG8Ab3R0bw==\r\n",
]
INPUT = st.lists(st.one_of(LINES, st.binary(max_size=40)), max_size=25).map(b"".join)
CONFIGURATIONS = st.sampled_from(
    [
        "",
        "smtpd_forbid_bare_newline = normalize\nsmtpd_forbid_bare_newline_exclusions =\n",
        "smtpd_forbid_bare_newline = reject\nsmtpd_forbid_bare_newline_exclusions =\n",
        "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_response_limit = 100\n"
        "smtpd_sender_restrictions = permit_sasl_authenticated, reject\n",
        "message_size_limit = 300\nsmtpd_hard_error_limit = 3\n",
        "smtpd_delay_reject = no\nsmtpd_sender_restrictions = warn_if_reject, reject\nsmtpd_junk_command_limit = 1\n",
    ]
)
REPLY = re.compile(rb"(?:[2-5][0-9]{2}[ -][^\r\n]*\r\n)*\Z")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut data in pieces."""
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def outcome(written: bytes, stage: Stage) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return what matters: the replies, and the messages that were taken, without their dates."""
    messages = []
    for submit in stage.cleanup.submitted:
        file = next(file for file in stage.queue.files if file.id == submit.queue_id)
        content = file.spooled if submit.body is None else submit.body
        messages.append((submit.envelope.sender, content.partition(b"\n\t")[0] + content.split(b"+0000", 1)[-1]))
    return written, messages


@settings(max_examples=150)
@given(data=INPUT, places=st.lists(st.integers(0, 100_000), max_size=8), main_cf=CONFIGURATIONS)
def test_any_input_ends_in_replies_and_cutting_it_changes_none(data: bytes, places: list[int], main_cf: str) -> None:
    """What a client sends in one piece or in many is answered alike, and every byte written is a reply."""
    whole = outcome(*play([data], main_cf))
    pieces = outcome(*play(cut(data, places), main_cf))
    assert pieces == whole
    assert REPLY.match(whole[0])


@settings(max_examples=100)
@given(data=st.lists(st.one_of(LINES, st.sampled_from(LOGIN)), max_size=12).map(b"".join))
def test_nobody_logs_in_without_a_password(data: bytes) -> None:
    """Whatever else is said: whoever is told so has said the one name and the one password of this test."""
    written, stage = play([data], "smtpd_sasl_auth_enable = yes\n")
    if b"\r\n235 " in written:
        assert stage.session.context.sasl_username == "otto"
        assert b"AG90dG8Ab3R0bw==" in data or data.count(b"b3R0bw==") >= 2
    else:
        assert stage.session.context.sasl_username is None


@settings(max_examples=30)
@given(data=st.lists(LINES, max_size=12).map(b"".join).filter(lambda data: len(data) < 2000))
def test_byte_by_byte_is_like_at_once(data: bytes) -> None:
    """The slowest client gets the same dialogue as the fastest."""
    assert outcome(*play([data[i : i + 1] for i in range(len(data))])) == outcome(*play([data]))


@settings(max_examples=50)
@given(data=INPUT)
def test_session_leaves_nothing_behind(data: bytes) -> None:
    """When the client has gone: no client is counted, no content is held, the log has the end of the session."""
    _, stage = play([data])
    assert stage.worker.clients == 0
    assert stage.server.common.gathered == 0
    assert list(stage.server.deadlines) == []
    assert stage.log.lines[-1].startswith("disconnect from unknown[192.0.2.1]")


@given(text=st.text(max_size=60))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    """take_path raises BadPath and nothing else; what it returns is in normal form."""
    try:
        address, _ = take_path(text)
    except BadPath:
        return
    assert normalize_quoting(address) == address
