"""Asyncio clients against a small server of the same framing."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pyfix.mail.ipc import pool
from pyfix.mail.ipc.aclient import AsyncChannel
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Done, Goodbye, Hello, Refused, Rewrite, Rewritten
from pyfix.mail.ipc.pool import AsyncPool

PATIENCE_S = 60.0
Handler = Callable[[AnyMessage, Connection], None]


class Server:
    """Greets, then leaves each message to the handler."""

    def __init__(self, path: Path, handler: Handler, hello: Hello | None = None) -> None:
        self.path, self.handler = str(path), handler
        self.hello = hello or Hello("test")
        self.connections: list[Connection] = []

    async def __aenter__(self) -> "Server":
        loop = asyncio.get_running_loop()
        self.server = await loop.create_unix_server(self._connection, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()
        self.server.close()
        await self.server.wait_closed()

    def _connection(self) -> Connection:
        connection = Connection(self.handler, lambda c, why: None, lambda c: c.send(self.hello))
        self.connections.append(connection)
        return connection


def echo(message: AnyMessage, connection: Connection) -> None:
    assert isinstance(message, Rewrite)
    connection.send(Rewritten(message.addresses))


def test_pipelined_calls_get_their_own_answers(tmp_path: Path) -> None:
    """Ten calls at once share one connection, and each gets its own answer."""

    async def run() -> None:
        async with Server(tmp_path / "s", echo) as server:
            channel = AsyncChannel(server.path, PATIENCE_S)
            replies = await asyncio.gather(*(channel.call(Rewrite("local", [str(i)]), Rewritten) for i in range(10)))
            assert [r.addresses for r in replies] == [[str(i)] for i in range(10)]
            assert len(server.connections) == 1
            channel.disconnect()

    asyncio.run(run())


def test_goodbye_moves_the_next_call_to_a_new_connection(tmp_path: Path) -> None:
    """A server that says goodbye still answers; the next call does not disturb it."""

    def handler(message: AnyMessage, connection: Connection) -> None:
        connection.send(Goodbye())
        echo(message, connection)

    async def run() -> None:
        async with Server(tmp_path / "s", handler) as server:
            channel = AsyncChannel(server.path, PATIENCE_S)
            for i in range(3):
                reply = await channel.call(Rewrite("local", [str(i)]), Rewritten)
                assert reply.addresses == [str(i)]
            assert len(server.connections) == 3

    asyncio.run(run())


def test_server_that_dies_in_a_call_is_an_ipc_error(tmp_path: Path) -> None:
    """A lost connection fails every call in flight, and the channel connects again."""
    died = []

    def handler(message: AnyMessage, connection: Connection) -> None:
        if died:
            echo(message, connection)
        else:
            died.append(True)
            connection.abort("killed")

    async def run() -> None:
        async with Server(tmp_path / "s", handler) as server:
            channel = AsyncChannel(server.path, PATIENCE_S)
            with pytest.raises(IpcError):
                await channel.call(Rewrite("local", ["a"]), Rewritten)
            assert (await channel.call(Rewrite("local", ["b"]), Rewritten)).addresses == ["b"]
            channel.disconnect()

    asyncio.run(run())


@pytest.mark.parametrize("reply", [Refused("no"), Done()])
def test_refusal_and_wrong_type_are_ipc_errors(tmp_path: Path, reply: Refused | Done) -> None:
    """Only the expected type comes back as a value."""

    async def run() -> None:
        async with Server(tmp_path / "s", lambda m, c: c.send(reply)) as server:
            with pytest.raises(IpcError):
                await AsyncChannel(server.path, PATIENCE_S).call(Rewrite("local", []), Rewritten)

    asyncio.run(run())


def test_missing_server_and_other_version_are_ipc_errors(tmp_path: Path) -> None:
    """Both are reported with the socket's path."""

    async def run() -> None:
        with pytest.raises(IpcError, match="nowhere"):
            await AsyncChannel(str(tmp_path / "nowhere"), PATIENCE_S).call(Done(), Done)
        async with Server(tmp_path / "s", echo, Hello("test", version=99)) as server:
            with pytest.raises(IpcError, match="protocol version 99"):
                await AsyncChannel(server.path, PATIENCE_S).call(Done(), Done)

    asyncio.run(run())


def test_server_that_hangs_is_given_up(tmp_path: Path) -> None:
    """Every waiting call fails with the reason, and the next one connects anew."""
    answers = []

    def handler(message: AnyMessage, connection: Connection) -> None:
        if answers:
            echo(message, connection)

    async def run() -> None:
        async with Server(tmp_path / "s", handler) as server:
            channel = AsyncChannel(server.path, timeout=0.05)
            results = await asyncio.gather(
                *(channel.call(Rewrite("local", [str(i)]), Rewritten) for i in range(3)), return_exceptions=True
            )
            assert [str(error).split(": ", 1)[1] for error in results] == ["no answer within 0.05 seconds"] * 3
            answers.append(True)
            assert (await channel.call(Rewrite("local", ["x"]), Rewritten)).addresses == ["x"]
            channel.disconnect()

    asyncio.run(run())


@pytest.mark.parametrize("calls_meanwhile", [0, 2])
def test_server_that_hangs_after_its_goodbye_is_given_up(tmp_path: Path, calls_meanwhile: int) -> None:
    """It still owes an answer, whether another connection is in use meanwhile or not."""
    retired: list[Connection] = []

    def handler(message: AnyMessage, connection: Connection) -> None:
        if not retired:
            retired.append(connection)
            connection.send(Goodbye())
            echo(message, connection)
        elif connection not in retired:
            echo(message, connection)

    async def run() -> None:
        async with Server(tmp_path / "s", handler) as server:
            channel = AsyncChannel(server.path, timeout=0.05)
            answered, owed = (asyncio.create_task(channel.call(Rewrite("local", [x]), Rewritten)) for x in "xy")
            assert (await answered).addresses == ["x"]  # behind the goodbye
            for _ in range(calls_meanwhile):
                assert (await channel.call(Rewrite("local", ["z"]), Rewritten)).addresses == ["z"]
            with pytest.raises(IpcError, match="no answer within"):
                await owed
            channel.disconnect()

    asyncio.run(run())


def test_pool_never_opens_more_channels_than_its_limit(tmp_path: Path) -> None:
    """Twenty calls over two channels all get answers."""

    async def run() -> None:
        async with Server(tmp_path / "s", echo) as server:
            channels = AsyncPool(server.path, PATIENCE_S, 2)
            replies = await asyncio.gather(*(channels.call(Rewrite("local", [str(i)]), Rewritten) for i in range(20)))
            assert [r.addresses[0] for r in replies] == [str(i) for i in range(20)]
            assert len(server.connections) == 2
            channels.close()

    asyncio.run(run())


async def _collect(directory: Path, weights: Sequence[int], enough: int = 6) -> list[list[str]]:
    """Make one call of each weight over two channels of depth 3, answer all when enough places are taken, and again
    for the rest; return what arrived on each connection before the first answer."""
    held: dict[Connection, list[AnyMessage]] = {}
    first: list[list[str]] = []
    weight_of = {str(number): weight for number, weight in enumerate(weights)}

    def name(message: AnyMessage) -> str:
        assert isinstance(message, Rewrite)
        return message.addresses[0]

    def answer_all() -> None:
        for holder, messages in held.items():
            for one in messages:
                echo(one, holder)
            messages.clear()

    def hold(message: AnyMessage, connection: Connection) -> None:
        held.setdefault(connection, []).append(message)
        taken = sum(weight_of[name(one)] for messages in held.values() for one in messages)
        if first:
            answer_all()
        elif taken >= enough:
            first.extend(sorted([name(one) for one in messages] for messages in held.values()))
            answer_all()

    async with Server(directory / "s", hold) as server:
        channels = AsyncPool(server.path, PATIENCE_S, 2, 3)
        calls = [
            channels.call(Rewrite("local", [str(number)]), Rewritten, weight) for number, weight in enumerate(weights)
        ]
        replies = await asyncio.gather(*calls)
        assert [r.addresses[0] for r in replies] == [str(number) for number in range(len(weights))]
        assert len(server.connections) == 2
        channels.close()
    return first


def test_a_pool_fills_one_channel_before_the_next(tmp_path: Path) -> None:
    """Calls go together as far as the depth allows; the rest waits its turn."""
    assert asyncio.run(_collect(tmp_path, [1] * 12)) == [["0", "1", "2"], ["3", "4", "5"]]


def test_a_channel_that_gives_no_answer_gets_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs in a table or on a disk keeps few messages waiting."""
    monkeypatch.setattr(pool, "PATIENCE_S", 0.0)
    ready = asyncio.Event()

    async def run() -> list[int]:
        held: dict[Connection, list[AnyMessage]] = {}

        def hold(message: AnyMessage, connection: Connection) -> None:
            held.setdefault(connection, []).append(message)
            ready.set()

        async with Server(tmp_path / "s", hold) as server:
            calls = []
            channels = AsyncPool(server.path, PATIENCE_S, 1, 3, limit_when_slow=2)
            for name in "ab":
                ready.clear()
                calls.append(asyncio.ensure_future(channels.call(Rewrite("local", [name]), Rewritten)))
                await asyncio.wait_for(ready.wait(), 30)
            counts = [len(messages) for messages in held.values()]
            for connection, messages in held.items():
                for message in messages:
                    echo(message, connection)
            await asyncio.gather(*calls)
            channels.close()
            return counts

    assert asyncio.run(run()) == [1, 1]


def test_a_heavy_call_has_its_channel_to_itself(tmp_path: Path) -> None:
    """What comes behind it goes elsewhere."""
    assert asyncio.run(_collect(tmp_path, [3, 1, 1, 1, 1, 1])) == [["0"], ["1", "2", "3"]]


def test_a_channel_that_nobody_accepts_gets_no_call(tmp_path: Path) -> None:
    """master.cf may allow fewer workers than there could be channels."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        served: list[Connection] = []

        def greet_the_first(connection: Connection) -> None:
            served.append(connection)
            if len(served) == 1:
                connection.send(Hello("test"))

        listener = await loop.create_unix_server(
            lambda: Connection(echo, lambda connection, why: None, greet_the_first), str(tmp_path / "s")
        )
        channels = AsyncPool(str(tmp_path / "s"), PATIENCE_S, 4, 2)
        calls = [channels.call(Rewrite("local", [str(number)]), Rewritten) for number in range(50)]
        replies = await asyncio.wait_for(asyncio.gather(*calls), 30)
        assert [reply.addresses[0] for reply in replies] == [str(number) for number in range(50)]
        assert len(served) > 1
        channels.close()
        listener.close()
        for connection in served:
            connection.close()

    asyncio.run(run())


def test_calls_fail_when_nobody_is_there(tmp_path: Path) -> None:
    """Each of them, with the reason; the next call tries anew."""

    async def run() -> None:
        path = tmp_path / "s"
        channels = AsyncPool(str(path), PATIENCE_S, 2)
        calls = [channels.call(Rewrite("local", ["x"]), Rewritten) for _ in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(result) for result in results] == [f"connect to {path}: No such file or directory"] * 5
        async with Server(path, echo):
            assert (await channels.call(Rewrite("local", ["x"]), Rewritten)).addresses == ["x"]
            channels.close()

    asyncio.run(run())


def test_those_who_wait_get_a_new_channel_when_the_old_one_retires(tmp_path: Path) -> None:
    """A worker says goodbye while it has a call and others wait for it."""

    async def run() -> None:
        def answer(message: AnyMessage, connection: Connection) -> None:
            if connection is server.connections[0]:
                connection.send(Goodbye())
            echo(message, connection)

        async with Server(tmp_path / "s", answer) as server:
            channels = AsyncPool(server.path, PATIENCE_S, 1)
            calls = [channels.call(Rewrite("local", [str(number)]), Rewritten) for number in range(3)]
            replies = await asyncio.wait_for(asyncio.gather(*calls), 30)
            assert [reply.addresses[0] for reply in replies] == ["0", "1", "2"]
            assert len(server.connections) == 2
            channels.close()

    asyncio.run(run())


def test_who_gives_up_waiting_for_a_greeting_leaves_the_others_to_wait(tmp_path: Path) -> None:
    """The first caller opens the connection for all."""

    async def run() -> None:
        async with Server(tmp_path / "s", echo) as server:
            channel = AsyncChannel(server.path, PATIENCE_S)
            first = asyncio.ensure_future(channel.call(Rewrite("local", ["a"]), Rewritten))
            second = asyncio.ensure_future(channel.call(Rewrite("local", ["b"]), Rewritten))
            await asyncio.sleep(0)
            first.cancel()
            assert (await asyncio.wait_for(second, 30)).addresses == ["b"]
            channel.disconnect()

    asyncio.run(run())


def test_a_server_that_never_greets_is_given_up(tmp_path: Path) -> None:
    """A worker that was stopped before its greeting hangs nobody for longer than the timeout."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(asyncio.Protocol, str(tmp_path / "s"))
        channel = AsyncChannel(str(tmp_path / "s"), timeout=0.05)
        with pytest.raises(IpcError, match="no greeting within"):
            await channel.call(Rewrite("local", ["x"]), Rewritten)
        server.close()

    asyncio.run(run())
