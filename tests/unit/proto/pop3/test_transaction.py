"""A session with its mailbox: commands and replies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyfix.proto.pop3.actions import Action, Close, Fetch, Listing, Reply, Update
from pyfix.proto.pop3.capabilities import Policy
from pyfix.proto.pop3.transaction import Transaction


class Drop:
    """A mailbox of some sizes."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def total_octets(self) -> int:
        return sum(self.sizes)

    def octets(self, first: int, last: int) -> Sequence[int]:
        return self.sizes[first - 1 : last]

    def uidls(self, first: int, last: int) -> Sequence[bytes]:
        return [b"id%d" % number for number in range(first, last + 1)]


def session(*sizes: int, last: int | None = None) -> Transaction:
    return Transaction(Drop(*(sizes or (55, 53, 17))), Policy(), last=last)


def replies(actions: Sequence[Action]) -> bytes:
    """Return all that is sent."""
    found = b""
    for action in actions:
        match action:
            case Reply(data):
                found += data
            case Listing(blocks):
                found += b"".join(blocks)
    return found


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"STAT", b"+OK 3 125"),
        (b"stat x", b"+OK 3 125"),
        (b"LIST", b"+OK 3 messages:\r\n1 55\r\n2 53\r\n3 17\r\n."),
        (b"LIST 2", b"+OK 2 53"),
        (b"LIST  002", b"+OK 2 53"),
        (b"LIST 9", b"-ERR There's no message 9."),
        (b"LIST 0", b"-ERR There's no message 0."),
        (b"LIST x", b"-ERR Invalid message number: x"),
        (b"LIST 1 2", b"-ERR Noise after message number:  2"),
        (b"LIST 99999999999999999999", b"-ERR Message number too large: 99999999999999999999"),
        (b"UIDL", b"+OK\r\n1 id1\r\n2 id2\r\n3 id3\r\n."),
        (b"UIDL 3", b"+OK 3 id3"),
        (b"RETR", b"-ERR Invalid message number: "),
        (b"RETR 9", b"-ERR There's no message 9."),
        (b"TOP 1", b"-ERR Noise after message number: "),
        (b"TOP 1 x", b"-ERR Invalid size: x"),
        (b"TOP 1 1 1", b"-ERR Noise after size:  1"),
        (b"TOP 2 99999999999999999999", b"-ERR Size too large: 99999999999999999999"),
        (b"DELE 1", b"+OK Marked to be deleted."),
        (b"RSET", b"+OK"),
        (b"NOOP", b"+OK"),
        (b"LANG *", b"+OK i-default Default language"),
        (b"LANG de", b"-ERR Invalid language."),
        (b"LAST", b"-ERR Unknown command: LAST"),
        (b"USER a", b"-ERR Unknown command: USER"),
        (b"", b"-ERR Unknown command."),
        (b" STAT", b"-ERR Unknown command."),
    ],
)
def test_commands_are_answered_in_dovecots_words(command: bytes, reply: bytes) -> None:
    assert replies(session().receive(command + b"\r\n")) == reply + b"\r\n"


def test_a_deleted_message_is_gone_from_every_answer_until_rset() -> None:
    it = session()
    it.receive(b"DELE 1\r\n")
    for command in (b"DELE 1", b"RETR 1", b"TOP 1 0", b"LIST 1", b"UIDL 1"):
        assert replies(it.receive(command + b"\n")) == b"-ERR Message is deleted.\r\n"
    assert replies(it.receive(b"STAT\nLIST\n")) == b"+OK 2 70\r\n+OK 2 messages:\r\n2 53\r\n3 17\r\n.\r\n"
    assert replies(it.receive(b"RSET\nSTAT\n")) == b"+OK\r\n+OK 3 125\r\n"


def test_commands_sent_ahead_wait_for_the_message_to_be_sent() -> None:
    it = session()
    assert it.receive(b"RETR 2\nNOOP\nTOP 1 3\n") == [Fetch(2, None, b"+OK 53 octets\r\n")]
    assert it.receive(b"STAT\n") == []
    assert it.fetched(68) == [Reply(b"+OK\r\n"), Fetch(1, 3, b"+OK\r\n")]
    assert it.gone() == [Reply(b"-ERR Message 1 expunged.\r\n"), Reply(b"+OK 3 125\r\n")]
    assert (it.counts.retr, it.counts.retr_bytes, it.counts.top) == (1, 68, 0)


def test_quit_asks_for_the_update_and_then_ends() -> None:
    it = session()
    it.receive(b"DELE 3\nRETR 1\n")
    it.fetched(70)
    assert it.receive(b"QUIT\nNOOP\n") == [Update((3,), (1,))]
    assert it.updated() == [Reply(b"+OK Logging out, messages deleted.\r\n"), Close("Logged out")]
    assert it.receive(b"NOOP\n") == []
    assert it.counts.deleted == 1


def test_quit_tells_when_the_update_failed() -> None:
    it = session()
    it.receive(b"DELE 3\nQUIT\n")
    assert replies(it.updated(is_good=False)).startswith(b"-ERR [SYS/TEMP] ")
    assert it.counts.deleted == 0


def test_last_counts_what_was_retrieved() -> None:
    it = session(last=1)
    assert replies(it.receive(b"LAST\nRETR 3\n")) == b"+OK 1\r\n"
    it.fetched(1)
    assert replies(it.receive(b"LAST\nRSET\nLAST\n")) == b"+OK 3\r\n+OK\r\n+OK 0\r\n"


def test_a_long_listing_comes_in_blocks() -> None:
    it = session(*range(2000))
    [listing] = it.receive(b"LIST\nNOOP\n")
    assert isinstance(listing, Listing)
    blocks = list(listing.blocks)
    assert len(blocks) > 3
    assert (
        b"".join(blocks)
        == b"+OK 2000 messages:\r\n" + b"".join(b"%d %d\r\n" % (n + 1, n) for n in range(2000)) + b".\r\n"
    )
    assert it.done() == [Reply(b"+OK\r\n")]


def test_the_twenty_first_bad_command_ends_the_session() -> None:
    actions = session().receive(b"FOO\n" * 20 + b"NOOP\n" + b"FOO\n" * 25)
    assert replies(actions).endswith(b"-ERR Unknown command: FOO\r\n-ERR Too many bad commands.\r\n")
    assert len(actions) == 20 + 1 + 21 + 2
    assert actions[-1] == Close("Too many bad commands.")


def test_a_line_without_end_ends_the_session() -> None:
    actions = session().receive(b"X" * 3000)
    assert actions == [Reply(b"-ERR Input line too long.\r\n"), Close("Input line too long")]


def test_listings_sent_ahead_wait_for_each_other() -> None:
    """A burst of questions costs no more than the first of them, until its answer is sent."""
    transaction = session(*[1000] * 300)
    first, second = transaction.receive(b"UIDL\r\n" * 1000)
    assert isinstance(first, Reply) and isinstance(second, Listing)
    assert replies([first]) == replies([second])
    assert len(transaction.done()) == 2
