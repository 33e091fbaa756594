"""Cutting a server's stream into replies."""

import pytest

from pyfix.proto.smtp_client.reply import Reply, ReplyParser


def parse(data: bytes, **limits: int) -> list[Reply]:
    """The replies in all of the data."""
    return ReplyParser(**limits).receive(data)


def test_multi_line_reply_keeps_its_lines_and_takes_the_code_of_the_last() -> None:
    """Lines are joined by newline; the log sees them joined by a space."""
    (reply,) = parse(b"250-first\r\n250-second\r\n250 last\r\n")
    assert (reply.code, reply.kind) == (250, 2)
    assert reply.text == "250-first\n250-second\n250 last"
    assert reply.line == "250-first 250-second 250 last"


def test_bare_code_and_bare_line_feed_are_replies() -> None:
    """RFC 5321 section 4.2.1 tells clients to accept a code without text."""
    assert [reply.code for reply in parse(b"250\n354 go\n")] == [250, 354]


def test_pipelined_replies_come_in_order() -> None:
    """One read may hold several replies and the beginning of another."""
    parser = ReplyParser()
    assert [reply.code for reply in parser.receive(b"250 a\r\n550 b\r\n35")] == [250, 550]
    assert parser.has_pending
    assert [reply.code for reply in parser.receive(b"4 c\r\n")] == [354]
    assert not parser.has_pending


def test_enhanced_status_is_taken_from_the_last_line() -> None:
    """Its class must fit the reply code; otherwise the code makes a general one."""
    cases = {
        b"250 2.1.5 Ok\r\n": "2.1.5",
        b"550 5.1.1 no such user\r\n": "5.1.1",
        b"550-5.7.1 one\r\n550 5.1.1 two\r\n": "5.1.1",
        b"550 no code\r\n": "5.0.0",
        b"450 5.1.1 wrong class\r\n": "4.0.0",
        b"550 5.1.1234 too long\r\n": "5.0.0",
        b"550  5.1.2  spaces\r\n": "5.1.2",
        b"550 5.1.1\r\n": "5.1.1",
        b"354 3.1.1 go\r\n": "",
        b"150 what\r\n": "",
    }
    assert {data: parse(data)[0].status for data in cases} == cases


def test_unprintable_characters_become_question_marks() -> None:
    """A reply goes to the log: one line, nothing that moves a cursor."""
    (reply,) = parse(b"550 a\tb\x1b[1m \xff caf\xc3\xa9\r\n")
    assert reply.text == "550 a?b?[1m ? caf\xe9"


def test_garbage_is_taken_along_like_a_continuation_line() -> None:
    """Lines that are no replies neither end nor break one."""
    (reply,) = parse(b"hello\r\n12\r\n250x\r\n250 done\r\n")
    assert reply.text == "hello\n12\n250x\n250 done"
    assert reply.has_garbage


@pytest.mark.parametrize(
    ("data", "has_garbage"),
    [
        (b"250-one\r\n250\r\n", False),
        (b"250-one\r\n\r\n250 two\r\n", True),
        (b"250x\r\n250 y\r\n", True),
    ],
)
def test_garbage_is_told_of_the_reply_that_it_came_with(data: bytes, has_garbage: bool) -> None:
    """The next reply is an innocent one."""
    first, second = parse(data + b"250-two\r\n250 three\r\n")
    assert (first.has_garbage, second.has_garbage) == (has_garbage, False)


def test_reply_without_end_can_be_looked_at() -> None:
    """What had come of it when the connection broke."""
    parser = ReplyParser()
    assert parser.receive(b"250 one\r\nhello\r\nthe") != []
    unfinished = parser.unfinished
    assert unfinished is not None
    assert (unfinished.code, unfinished.text, unfinished.has_garbage) == (0, "hello", True)
    parser.receive(b"re\r\n250 two\r\n")
    assert parser.unfinished is None


def test_long_line_is_cut_with_a_complaint() -> None:
    """What is beyond the limit is dropped, the reply stands."""
    parser = ReplyParser(line_limit=20)
    (reply,) = parser.receive(b"250 " + b"x" * 100 + b"\r\n")
    assert reply.text == "250 " + "x" * 16
    assert reply.complaint == "response longer than 20: 250 xxxxxxxxxxxxxxxx..."


def test_unfinished_long_line_is_not_collected() -> None:
    """A server that never ends its line costs no memory."""
    parser = ReplyParser(line_limit=20)
    for _ in range(1000):
        assert parser.receive(b"y" * 1000) == []
    assert len(parser._buffer) == 21


def test_text_of_many_lines_is_bounded() -> None:
    """Only line_limit characters are kept, whatever the number of lines."""
    (reply,) = parse(b"250-abcdefgh\r\n" * 900 + b"250 end\r\n", line_limit=100)
    assert len(reply.text) < 120


def test_reply_without_end_is_an_error_after_the_replies_before_it() -> None:
    """The count of lines in one reply is limited."""
    parser = ReplyParser(count_limit=10)
    assert [reply.code for reply in parser.receive(b"220 hi\r\n" + b"250-x\r\n" * 11)] == [220]
    assert parser.error == "more than 10 lines in one reply"
    assert parser.receive(b"250 late\r\n") == []
