"""Any bytes in a queue file end in CorruptFile or in a consistent message."""

import os
import tempfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.ipc.messages import Envelope, Recipient
from pyfix.mail.queue import CorruptFile, Queue
from pyfix.mail.queue.file import QueueFile
from pyfix.mail.queue.format import Block, Layout, decode_block, decode_preamble

texts = st.text(max_size=40).filter(lambda text: text.encode("utf-8", "replace").decode() == text)


@pytest.fixture(scope="module")
def queue() -> Iterator[Queue]:
    """A queue for the whole module."""
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(f"{root}/incoming")
        yield Queue(root)


def read_everything(queue: Queue, data: bytes) -> None:
    """Write a file of these bytes and use every part of it."""
    file = queue.create()
    os.write(file.fd, data)
    os.fchmod(file.fd, 0o700)
    try:
        with queue.open("incoming", file.id) as message:
            assert message.content_offset + message.content_length <= len(data)
            assert sum(map(len, message.iter_content())) == message.content_length
            recipients, _ = message.read_recipients()
            assert len(recipients) <= message.recipient_count
            assert len(list(message.read_all_recipients())) == message.recipient_count
    finally:
        file.abort()


def good_file(queue: Queue, count: int = 3) -> bytes:
    file = queue.create()
    file.commit(
        Envelope("a@b", 1.5, 0), [Recipient(f"u{n}@x") for n in range(count)], content=[b"A: b\n\n", b"body\n" * 20]
    )
    path = queue.path("incoming", file.id)
    with open(path, "rb") as stored:
        data = stored.read()
    os.unlink(path)
    return data


@given(data=st.binary(max_size=600))
def test_random_bytes_are_corrupt(queue: Queue, data: bytes) -> None:
    """Nobody's garbage is taken for a message."""
    with pytest.raises(CorruptFile):
        read_everything(queue, data)


@given(length=st.integers(0, 10_000))
def test_a_truncated_file_is_corrupt(queue: Queue, length: int) -> None:
    """Every length but the right one."""
    data = good_file(queue)
    with pytest.raises(CorruptFile):
        read_everything(queue, data[: length % len(data)])


@settings(max_examples=300)
@given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_corrupt_or_harmless(queue: Queue, position: int, bit: int) -> None:
    """Outside the content nothing can change without being noticed, or without being consistent."""
    data = bytearray(good_file(queue))
    data[position % len(data)] ^= 1 << bit
    try:
        read_everything(queue, bytes(data))
    except CorruptFile as error:
        assert error.reason


@given(extra=st.binary(min_size=1, max_size=50))
def test_bytes_behind_the_end_are_corrupt(queue: Queue, extra: bytes) -> None:
    """A file that is longer than it says was written by two."""
    with pytest.raises(CorruptFile):
        read_everything(queue, good_file(queue) + extra)


@given(data=st.binary(max_size=200), size=st.integers(0, 2**64))
def test_a_preamble_decodes_or_is_corrupt(data: bytes, size: int) -> None:
    """The pure decoder raises nothing else."""
    try:
        assert isinstance(decode_preamble(data, size), Layout)
    except CorruptFile:
        pass


def test_a_block_that_is_no_text_is_corrupt() -> None:
    """With a checksum that is right: somebody made it so."""
    data = b"\x91\x91\xa1\xff"
    with pytest.raises(CorruptFile):
        decode_block(data, Block(0, len(data), zlib.crc32(data)))


@given(data=st.binary(max_size=200))
def test_a_block_decodes_or_is_corrupt(data: bytes) -> None:
    """Even with a checksum that fits."""
    try:
        assert isinstance(decode_block(data, Block(0, len(data), zlib.crc32(data))), list)
    except CorruptFile:
        pass


@given(
    sender=texts,
    arrival=st.floats(allow_nan=False),
    recipients=st.lists(st.tuples(texts, texts, texts, st.integers(0, 15)), min_size=1, max_size=20),
    content=st.lists(st.binary(max_size=100), max_size=5),
)
def test_what_is_committed_is_read_back(
    queue: Queue, sender: str, arrival: float, recipients: list[tuple[str, str, str, int]], content: list[bytes]
) -> None:
    """Envelope, recipients and content survive, whatever they hold."""
    given_list = [Recipient(*values) for values in recipients]
    file = queue.create()
    file.commit(Envelope(sender, arrival, 0), given_list, content=content)
    with queue.open("incoming", file.id) as message:
        assert isinstance(message, QueueFile)
        assert (message.envelope.sender, message.envelope.arrival) == (sender, arrival)
        assert message.read_recipients()[0] == given_list
        assert b"".join(message.iter_content()) == b"".join(content)
    queue.remove("incoming", file.id)
