"""Frames between processes: any bytes, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.ipc.frame import FrameReader, ProtocolError, decode, encode
from pyfix.mail.ipc.messages import Delivered as Answer
from pyfix.mail.ipc.messages import Dsn, Outcome, Recipient, Refused, Resolve, Trigger

text = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)
messages = st.one_of(
    st.builds(Trigger, text),
    st.builds(Refused, text),
    st.builds(Resolve, text, st.lists(text, max_size=5)),
    st.builds(
        Answer,
        st.integers(0, 2**40),
        st.lists(st.builds(Outcome, st.integers(0, 1000), text, st.builds(Dsn, text, text), text), max_size=3),
    ),
)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_protocol_error(data: bytes) -> None:
    """Never another exception: a stranger's frame must not end a process."""
    try:
        decode(data)
    except ProtocolError:
        return


@given(st.lists(messages, max_size=6), st.lists(st.integers(1, 50), min_size=1))
def test_cuts_do_not_change_the_messages(sent: list[Trigger], cuts: list[int]) -> None:
    """Whole, or byte by byte."""
    stream = b"".join(encode(message) for message in sent)
    reader = FrameReader()
    received = []
    position = 0
    while position < len(stream):
        for cut in cuts:
            received += reader.receive(stream[position : position + cut])
            position += cut
    assert received == sent
    assert not reader.is_mid_frame


def test_frame_over_the_limit_is_refused_before_it_is_there() -> None:
    """The length alone is enough."""
    with pytest.raises(ProtocolError, match="exceeds the limit of 100"):
        FrameReader(100).receive((101).to_bytes(4, "big"))


def test_messages_with_defaults_survive_the_way() -> None:
    """Fields that were not given come back as their defaults."""
    (message,) = FrameReader().receive(encode(Answer(1, [])))
    assert message == Answer(1, [])
    assert Recipient("a@b").position == -1
