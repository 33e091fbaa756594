"""A session given from one process to another."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from pyfix.mail.ipc.frame import ProtocolError, encode
from pyfix.mail.ipc.handover import HandoverFailed, Receiver, answer, give
from pyfix.mail.ipc.messages import Done, HandedOver, HandOver

MESSAGE = HandOver("ticket", "user@example.test", "session", "192.0.2.1", b"STAT\r\n" * 10_000)


def listening(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(1)
    return sock


def test_a_session_goes_over_with_its_connection(tmp_path: Path) -> None:
    async def play(listener: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with ours:
            giving = asyncio.create_task(give(str(tmp_path / "s"), MESSAGE, theirs.fileno(), 10))
            loop = asyncio.get_running_loop()
            sock, _ = await loop.run_in_executor(None, listener.accept)
            receiver = Receiver(sock)
            while (message := receiver.receive()) is None:
                pass
            assert message == MESSAGE
            theirs.close()
            with receiver.take_socket() as client:
                client.send(b"+OK")
                assert ours.recv(9) == b"+OK"
            answer(sock, HandedOver(7))
            assert await giving == HandedOver(7)
            receiver.close()

    with listening(tmp_path / "s") as listener:
        asyncio.run(play(listener))


def test_who_gives_learns_that_nobody_takes(tmp_path: Path) -> None:
    async def play() -> None:
        with socket.socket() as client:
            await give(str(tmp_path / "s"), MESSAGE, client.fileno(), 10)

    with pytest.raises(HandoverFailed, match="No such file"):
        asyncio.run(play())


def test_an_answer_that_does_not_come_is_a_failure(tmp_path: Path) -> None:
    async def play() -> None:
        with socket.socket() as client:
            await give(str(tmp_path / "s"), MESSAGE, client.fileno(), 0.01)

    with listening(tmp_path / "s"), pytest.raises(HandoverFailed, match="no answer within"):
        asyncio.run(play())


@pytest.mark.parametrize("frame", [b"", b"\0\0\0\1x", encode(Done()), encode(MESSAGE)])
def test_what_is_no_session_is_refused(frame: bytes) -> None:
    ours, theirs = socket.socketpair()
    receiver = Receiver(theirs)
    ours.send(frame)
    ours.close()
    with pytest.raises(ProtocolError):
        while receiver.receive() is None:
            pass
    receiver.close()


def test_descriptors_that_nobody_takes_are_closed() -> None:
    ours, theirs = socket.socketpair()
    one, other = socket.socketpair()
    socket.send_fds(ours, [encode(MESSAGE)[:100]], [one.fileno(), one.fileno()])
    one.close()
    receiver = Receiver(theirs)
    assert receiver.receive() is None
    receiver.close()
    assert other.recv(1) == b""
    ours.close()
    other.close()
