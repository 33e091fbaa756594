"""The client of auth services against a service that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.sasl.answers import Accepted, AuthUnavailable, Challenge, Found, Rejected, Request
from pyfix.mail.sasl.client import AuthClient, parse_path
from pyfix.mail.sasl.mechanisms import SecurityOptions
from pyfix.proto.dovecot_auth import Mechanism

GREETING = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n"
PLAIN = Request("PLAIN", "smtp", response=b"\0a\0b")
LOST = Rejected("Connection lost to authentication server", is_temporary=True)
Answers = Callable[[list[str]], bytes | None]


@asynccontextmanager
async def service(path: Path, answer: Answers, greeting: bytes = GREETING) -> AsyncIterator[list[list[str]]]:
    """Serve; `answer` gets the fields of each line and returns what is sent, None to hang up. Gives all lines."""
    lines: list[list[str]] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)
        while line := (await reader.readline()).decode().rstrip("\n"):
            lines.append(line.split("\t"))
            said = answer(lines[-1]) if lines[-1][0] not in ("VERSION", "CPID") else b""
            if said is None:
                break
            writer.write(said)
        writer.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve, str(path))
    yield lines
    server.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def close(client: AuthClient) -> None:
    """Close, and let the loop close."""
    client.close()
    await asyncio.sleep(0)


def test_request_says_all_that_is_known(tmp_path: Path) -> None:
    """As Postfix says it, the response last."""

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: f"OK\t{words[1]}\tuser=a\tticket=77\n".encode()) as lines:
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            request = Request("PLAIN", "pop3", "192.0.2.1", "99", "192.0.2.2", "110", True, b"\0a\0b", True)
            answer = await client.exchange(request).begin()
            assert answer == Accepted("a", {"user": "a", "ticket": "77"})
            assert lines[0] == ["VERSION", "1", "2"] and lines[1][0] == "CPID"
            assert lines[2] == [
                "AUTH", "1", "PLAIN", "service=pop3", "nologin", "lip=192.0.2.2", "rip=192.0.2.1", "lport=110",
                "rport=99", "secured", "ticket", "resp=AGEAYg==",
            ]  # fmt: skip
            await close(client)

    asyncio.run(run())


def test_answers_in_any_order_reach_those_who_asked(tmp_path: Path) -> None:
    """Five requests, answered when the last is there, the last first."""
    kept: list[str] = []

    def answer(words: list[str]) -> bytes:
        kept.append(words[1])
        said = "".join(f"OK\t{number}\tuser=user{number}\n" for number in reversed(kept))
        return said.encode() if len(kept) == 5 else b""

    async def run() -> None:
        async with service(tmp_path / "s", answer):
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            answers = await asyncio.gather(*(client.exchange(PLAIN).begin() for _ in range(5)))
            assert [answer.user for answer in answers if isinstance(answer, Accepted)] == [
                f"user{number}" for number in range(1, 6)
            ]
            await close(client)

    asyncio.run(run())


def test_failures_say_what_is_known(tmp_path: Path) -> None:
    """Reason, user, code, and whether it is for now."""
    said = iter(
        [
            b"FAIL\t1\tuser=a\treason=no such luck\tcode=user_disabled\n",
            b"FAIL\t2\ttemp\n",
            b"FAIL\t3\tcode=temp_fail\n",
            b"OK\t4\n",
            b"CONT\t5\tQQ==\n",
            b"FAIL\t5\n",
        ]
    )

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: next(said)):
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            first = await client.exchange(PLAIN).begin()
            assert first == Rejected(
                "no such luck", "a", False, "user_disabled",
                {"user": "a", "reason": "no such luck", "code": "user_disabled"},
            )  # fmt: skip
            for expected in (True, True, False):
                answer = await client.exchange(PLAIN).begin()
                assert isinstance(answer, Rejected) and answer.is_temporary is expected
            exchange = client.exchange(PLAIN)
            assert await exchange.begin() == Challenge(b"A")
            assert await exchange.respond(b"x") == Rejected()
            await close(client)

    asyncio.run(run())


def test_dead_connection_is_noticed_by_nobody(tmp_path: Path) -> None:
    """The first request on a kept connection that the service closes meanwhile is sent again, once."""
    said: list[bytes | None] = [b"OK\t1\tuser=a\n", None, b"OK\t1\tuser=a\n", None, None]

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: said.pop(0)):
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            for _ in range(2):
                assert await client.exchange(PLAIN).begin() == Accepted("a", {"user": "a"})
            assert await client.exchange(PLAIN).begin() == LOST
            await close(client)

    asyncio.run(run())


def test_service_that_dies_in_mid_exchange(tmp_path: Path) -> None:
    """The exchange fails for now, and does not go on elsewhere."""

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: b"CONT\t1\t\n" if words[0] == "AUTH" else None):
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            exchange = client.exchange(Request("PLAIN", "smtp"))
            assert await exchange.begin() == Challenge(b"")
            assert await exchange.respond(b"x") == LOST
            assert await exchange.respond(b"x") == LOST
            await close(client)

    asyncio.run(run())


def test_service_that_is_away_is_logged_once(tmp_path: Path) -> None:
    """And again when it went away again."""

    async def run() -> None:
        log = MemoryLog()
        client = AuthClient(str(tmp_path / "s"), log)
        for _ in range(3):
            assert await client.exchange(PLAIN).begin() == Rejected(
                "Can't connect to authentication server", is_temporary=True
            )
        text = f"SASL: Connect to Dovecot auth socket '{tmp_path}/s' failed: No such file or directory"
        assert [line for line in log.lines if text in line] == log.lines and len(log.lines) == 1
        async with service(tmp_path / "s", lambda words: b"OK\t1\tuser=a\n"):
            assert isinstance(await client.exchange(PLAIN).begin(), Accepted)
        await close(client)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("greeting", "problem"),
    [
        (b"VERSION\t2\t0\n", "version '2'"),
        (b"VERSION\t1\t2\nSPID\t1\nDONE\n", "no mechanisms"),
        (b"220 smtp.example.com ESMTP\r\n", "does not begin with VERSION"),
        (b"VERSION\t1\t2\n" + b"x" * 70000, "more than"),
        (b"VERSION\t1\t2\n", "no greeting within 0.05 seconds"),
    ],
)
def test_what_is_no_auth_service_is_refused(tmp_path: Path, greeting: bytes, problem: str) -> None:
    """With the reason in the log."""

    async def run() -> None:
        log = MemoryLog()
        async with service(tmp_path / "s", lambda words: b"", greeting):
            client = AuthClient(str(tmp_path / "s"), log, handshake_s=0.05)
            with pytest.raises(AuthUnavailable, match=problem):
                await client.mechanisms()
            assert problem in log.lines[0]
            await close(client)

    asyncio.run(run())


def test_answer_that_does_not_come(tmp_path: Path) -> None:
    """The request is cancelled, others are not."""

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: b"") as lines:
            client = AuthClient(str(tmp_path / "s"), MemoryLog(), answer_s=0.02)
            answer = await client.exchange(PLAIN).begin()
            assert answer == Rejected("No answer from authentication server", is_temporary=True)
            while lines[-1] != ["CANCEL", "1"]:
                await asyncio.sleep(0.001)
            assert client.is_connected
            await close(client)

    asyncio.run(run())


def test_response_that_is_too_long_ends_no_connection(tmp_path: Path) -> None:
    """It is rejected without asking."""

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: f"OK\t{words[1]}\tuser=a\n".encode()):
            client = AuthClient(str(tmp_path / "s"), MemoryLog(), line_limit=8192)
            long = await client.exchange(Request("PLAIN", "smtp", response=b"x" * 8000)).begin()
            assert isinstance(long, Rejected)
            assert isinstance(await client.exchange(PLAIN).begin(), Accepted)
            await close(client)

    asyncio.run(run())


def test_tickets_and_users(tmp_path: Path) -> None:
    """Found, not found, not now, no connection."""
    said: list[bytes | None] = [
        b"USER\t1\ta@b\tuid=5\thome=/h\n", b"NOTFOUND\t2\n", b"FAIL\t3\n", b"USER\t4\ta@b\n", None,
    ]  # fmt: skip

    async def run() -> None:
        async with service(tmp_path / "s", lambda words: said.pop(0)) as lines:
            client = AuthClient(str(tmp_path / "s"), MemoryLog())
            assert await client.redeem("77") == Found("a@b", {"uid": "5", "home": "/h"})
            assert await client.redeem("78") is None
            with pytest.raises(AuthUnavailable):
                await client.redeem("79")
            assert await client.find_user("a@b", "pop3") == Found("a@b", {})
            with pytest.raises(AuthUnavailable, match="closed"):
                await client.find_user("a@b", "pop3")
            assert lines[2:] == [
                ["TICKET", "1", "77"], ["TICKET", "2", "78"], ["TICKET", "3", "79"],
                ["USER", "4", "a@b", "service=pop3"], ["USER", "5", "a@b", "service=pop3"],
            ]  # fmt: skip
            await close(client)

    asyncio.run(run())


def test_paths() -> None:
    """As smtpd_sasl_path has them."""
    assert parse_path("private/auth").path == parse_path("unix:private/auth").path == "private/auth"
    assert (parse_path("inet:127.0.0.1:1234").host, parse_path("inet:[::1]:1234").port) == ("127.0.0.1", "1234")
    with pytest.raises(ValueError):
        parse_path("inet:host")
    with pytest.raises(ValueError):
        parse_path("")


def test_security_options() -> None:
    """What each word keeps out or wants."""
    plain = Mechanism("PLAIN", frozenset({"plaintext"}))
    cram = Mechanism("CRAM-MD5", frozenset({"dictionary", "active"}))
    scram = Mechanism("SCRAM-SHA-256", frozenset({"mutual-auth"}))
    anonymous = Mechanism("ANONYMOUS", frozenset({"anonymous"}))
    private = Mechanism("X", frozenset({"private"}))
    every = [plain, cram, scram, anonymous, private]

    def allowed(*words: str) -> list[Mechanism]:
        options = SecurityOptions.parse(words)
        return [mechanism for mechanism in every if options.allow(mechanism)]

    assert allowed() == [plain, cram, scram, anonymous]
    assert allowed("NoPlainText", "noanonymous") == [cram, scram]
    assert allowed("nodictionary") == allowed("noactive") == [plain, scram, anonymous]
    assert allowed("mutual_auth") == [scram]
    assert allowed("forward_secrecy") == []
    with pytest.raises(ValueError, match='unknown security option "noplain"'):
        SecurityOptions.parse(["noplain"])
