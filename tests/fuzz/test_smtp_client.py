"""Whatever a server says, the client's session ends in verdicts, and the cut of the stream does not matter."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.proto.smtp_client.actions import (
    Accepted,
    Action,
    Closed,
    Finished,
    Idle,
    Lost,
    MessageRefused,
    Ready,
    RecipientRefused,
    Send,
    SendContent,
    SiteRefused,
    Stage,
    Unsendable,
    Violated,
)
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.session import Session, SessionSettings

RECIPIENTS = [Rcpt("a@x"), Rcpt("b@x"), Rcpt("c@x")]

_TEXT = st.sampled_from([b"", b" ok", b"-more", b" 5.1.1 no", b"x", b" \xff\x00\x1b", b"-PIPELINING", b" PIPELINING"])
_CODE = st.sampled_from([b"220", b"250", b"250", b"250", b"354", b"421", b"450", b"550", b"000", b"99", b"2500", b""])
_END = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r", b""])
_LINE = st.tuples(_CODE, _TEXT, _END).map(b"".join)
STREAM = st.one_of(st.lists(_LINE, max_size=30).map(b"".join), st.binary(max_size=200))


class Owner:
    """Does at once what the session asks, for some messages, and writes down all actions."""

    def __init__(self, lmtp: bool, messages: int = 1) -> None:
        self.limit = messages
        self.session = Session(SessionSettings("me", lmtp=lmtp, line_limit=40, reply_limit=12))
        self.actions: list[Action] = []
        self.messages = 0

    def perform(self, actions: list[Action]) -> None:
        """Write down and react, the way the daemon does."""
        for action in actions:
            self.actions.append(action)
            if isinstance(action, Ready | Idle) and self.messages < self.limit:
                self.messages += 1
                self.perform(self.session.begin(Mail("s@x"), RECIPIENTS))
            elif isinstance(action, SendContent):
                self.perform(self.session.terminate(then_quit=self.limit > 1 and self.messages == self.limit))
            elif isinstance(action, Finished):
                self.perform(self.session.finish(keep=self.messages < self.limit or self.limit == 1))

    def run(self, pieces: list[bytes]) -> list[Action]:
        """Hear these pieces and then the end of the connection."""
        for piece in pieces:
            self.perform(self.session.receive(piece))
        self.perform(self.session.lost())
        return self.actions


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut the data at these places."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=500)
@given(STREAM, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_cut_of_the_stream_never_changes_the_actions(data: bytes, cuts: list[int], lmtp: bool) -> None:
    """Whole, in pieces and byte by byte are the same conversation.

    Up to the end of the first message: what a server says out of turn between two messages may be heard before or
    after the second has begun.
    """
    whole = Owner(lmtp).run([data])
    assert Owner(lmtp).run(pieces_of(data, cuts)) == whole
    assert Owner(lmtp).run([data[at : at + 1] for at in range(len(data))]) == whole


@settings(max_examples=500)
@given(STREAM, st.booleans())
def test_every_recipient_is_reported_exactly_once(data: bytes, lmtp: bool) -> None:
    """Per message: accepted, refused, or left to the end of the session; then nothing follows Closed."""
    owner = Owner(lmtp, 2)
    actions = owner.run([data])
    assert owner.session.stage is Stage.CLOSED
    reported = 0
    ended_early = False
    refused_in_message = 0
    for action in actions:
        match action:
            case RecipientRefused():
                reported += 1
                refused_in_message += 1
            case Accepted(index, _) if index is not None:
                reported += 1
                refused_in_message += 1
            case Accepted() | MessageRefused() | Lost() | Violated():
                reported += len(RECIPIENTS) - refused_in_message if owner.messages else 0
                ended_early = ended_early or isinstance(action, Lost | Violated)
                refused_in_message = 0
            case Finished():
                assert reported % len(RECIPIENTS) == 0
                refused_in_message = 0
            case SiteRefused():
                assert owner.messages == 0
    assert reported == owner.messages * len(RECIPIENTS) or (ended_early and owner.messages > 0)
    assert isinstance(actions[-1], Closed) or any(isinstance(action, Closed) for action in actions)


_ADDRESS = st.text(st.sampled_from('ab@;<>\r\n\0 \\"é\udc80'), max_size=8)


@settings(max_examples=500)
@given(_ADDRESS, st.lists(st.tuples(_ADDRESS, _ADDRESS), min_size=1, max_size=4), _ADDRESS)
def test_no_address_makes_a_second_command(sender: str, recipients: list[tuple[str, str]], envid: str) -> None:
    """Each command is one line; who is not named in one is reported."""
    session = Session(SessionSettings("me"))
    session.receive(b"220 h\r\n")
    session.receive(b"250-h\r\n250-DSN\r\n250 PIPELINING\r\n")
    actions = session.begin(Mail(sender, envid=envid), [Rcpt(address, orcpt) for address, orcpt in recipients])
    lines = b"".join(action.data for action in actions if isinstance(action, Send)).splitlines(keepends=True)
    assert all(line.endswith(b"\r\n") and b"\0" not in line for line in lines)
    unsendable = [action.index for action in actions if isinstance(action, Unsendable)]
    if unsendable == [None]:
        assert lines == []
    else:
        named = len(recipients) - len(unsendable)
        verbs = [line.split(b" ")[0].rstrip() for line in lines]
        assert verbs == ([b"MAIL", *[b"RCPT"] * named, b"DATA"] if named else [])
