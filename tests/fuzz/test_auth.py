"""The auth service: whatever clients say, each login has one end, and nobody gets in without proof."""

from __future__ import annotations

import asyncio
import base64
import os
import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.base.log import MemoryLog
from pyfix.daemons.auth.connection import AuthConnection
from pyfix.daemons.auth.crew import Crew
from pyfix.daemons.auth.desk import Desk
from pyfix.daemons.auth.names import NameRules
from pyfix.daemons.auth.penalty import Limits, Penalties
from pyfix.daemons.auth.verify import Hashing, Verifier
from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place, Secret
from pyfix.mail.config import Config
from pyfix.mail.maps import MatchList
from pyfix.mail.maps.match_list import ADDRESS
from pyfix.proto.dovecot_auth import Failed, Mechanism, Succeeded
from pyfix.proto.dovecot_auth.lines import ProtocolError
from pyfix.proto.dovecot_auth.messages import Answer, parse_answer
from pyfix.proto.sasl import MECHANISMS
from pyfix.service.rights import Rights
from pyfix.service.worker import Worker

OFFERED = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "APOP")


class Accounts(LookupBackend):
    """joe, whose password is right; down, whom nobody can ask about; bug, for whom the code fails."""

    name = "accounts"

    def find(self, attempt: Attempt) -> Account | None:
        match attempt.login:
            case "joe":
                return Account("joe", (Secret("right", "PLAIN"),))
            case "down":
                raise BackendUnavailable("down")
            case "bug":
                raise ZeroDivisionError("a fault of the program's")
        return None

    def locate(self, user: str, service: str) -> Place | None:
        return Place("maildir:/m", "/h", 1, 1) if user == "joe" else None


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})
        self.written = b""
        self.is_gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.is_gone = True

    close = abort

    def is_closing(self) -> bool:
        return self.is_gone


class Host:
    """The process around a connection."""

    def __init__(self, config: Config) -> None:
        self.log = MemoryLog()
        worker = Worker("auth", "auth", [], config, self.log, Rights())
        self.desk = Desk(
            worker=worker, verifier=Verifier([Accounts()], Hashing("PLAIN", renews=False, limit=2)),
            penalties=Penalties(Limits(0.0, 4, 600.0)), names=NameRules(""),
            threads=Crew(asyncio.get_running_loop(), 2),
            exceptions=MatchList("127.0.0.1", "auth_failure_exceptions", config, kind=ADDRESS), tokens=None,
            mechanisms=frozenset(OFFERED), hostname="mail.test", ban_s=600.0,
        )  # fmt: skip
        self.offers = tuple(Mechanism(name, MECHANISMS[name].properties) for name in OFFERED)
        self.ended = 0

    def admits(self, uid: int) -> bool:
        return uid == os.getuid()

    def opened(self, connection: AuthConnection) -> int:
        return 1

    def closed(self, connection: AuthConnection) -> None:
        self.ended += 1


def plain(login: bytes, password: bytes) -> bytes:
    """Base64 of a response of PLAIN."""
    return base64.b64encode(b"\0" + login + b"\0" + password)


RIGHT = plain(b"joe", b"right")
responses = st.sampled_from(
    [RIGHT, plain(b"joe", b"wrong"), plain(b"eve", b"x"), plain(b"down", b"x"), plain(b"bug", b"x"), b"", b"=", b"!",
     b"am9l", b"cmlnaHQ=", b"biwsbj1qb2Uscj1hYmM=", b"Yz1iaXdzLHI9YWJj",
     b"am9lIDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"]
)  # fmt: skip
ids = st.integers(1, 4).map(lambda number: b"%d" % number)
requests = st.one_of(
    st.tuples(
        ids, st.sampled_from(OFFERED), st.sampled_from([b"", b"\trip=192.0.2.1", b"\trip=127.0.0.1", b"\tticket"]),
        st.none() | responses,
    ).map(
        lambda parts: b"AUTH\t%b\t%b\tservice=smtp%b%b\n"
        % (parts[0], parts[1].encode(), parts[2], b"" if parts[3] is None else b"\tresp=" + parts[3])
    ),
    st.tuples(ids, responses).map(lambda parts: b"CONT\t%b\t%b\n" % parts),
    ids.map(lambda number: b"CANCEL\t%b\n" % number),
    ids.map(lambda number: b"USER\t%b\tjoe\n" % number),
    ids.map(lambda number: b"TICKET\t%b\t00\n" % number),
    st.sampled_from([b"", b"\xff\n", b"AUTH\n"]),
)  # fmt: skip
pauses = st.booleans()


def talk(steps: list[tuple[bytes, bool]]) -> tuple[Host, Transport, AuthConnection]:
    """Send lines, after some of which all that is under way comes to its end."""

    async def settle(host: Host) -> None:
        async with asyncio.timeout(20):
            while host.desk.worker._tasks:
                await asyncio.wait(set(host.desk.worker._tasks))
            for _ in range(3):  # what call_later(0) has planned
                await asyncio.sleep(0)

    async def main() -> tuple[Host, Transport, AuthConnection]:
        host = Host(Config.from_text(""))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            transport, connection = Transport(ours), AuthConnection(host)
            connection.connection_made(transport)
            connection.data_received(b"VERSION\t1\t2\nCPID\t1\n")
            for line, is_pause in steps:
                if transport.is_gone:
                    break
                connection.data_received(line)
                if is_pause:
                    await settle(host)
            await settle(host)
            connection.connection_lost(None)
            await settle(host)
        host.desk.threads.close()
        return host, transport, connection

    return asyncio.run(main())


@settings(max_examples=100)
@given(steps=st.lists(st.tuples(requests, pauses), max_size=12))
def test_each_login_has_one_end_and_none_without_proof(steps: list[tuple[bytes, bool]]) -> None:
    """Requests that overlap, come twice, are given up, are garbage."""
    host, transport, connection = talk(steps)
    answers = [answer for line in transport.written.split(b"\n")[:-1] if (answer := read(line)) is not None]
    begun = sum(line.startswith(b"AUTH\t") for line, _ in steps)
    assert sum(isinstance(answer, Succeeded) for answer in answers) <= begun
    if not any(word in line for line, _ in steps for word in (RIGHT, b"cmlnaHQ=")):
        assert not any(isinstance(answer, Succeeded) for answer in answers)
    assert not connection._exchanges and not connection._questions
    assert host.ended == 1
    assert all("ZeroDivisionError" in line for line in host.log.lines if ": error: " in line)


def read(line: bytes) -> Answer | None:
    """An answer; None for the greeting."""
    try:
        return parse_answer(line)
    except ProtocolError as error:
        raise AssertionError(line) from error


def test_a_fault_of_the_program_ends_one_login_alone() -> None:
    """As a temporary failure, with an error in the log."""
    host, transport, _ = talk([(b"AUTH\t1\tPLAIN\tservice=smtp\tresp=" + plain(b"bug", b"x") + b"\n", True)])
    answer = read(transport.written.split(b"\n")[-2])
    assert isinstance(answer, Failed) and answer.is_temporary
    assert any("ZeroDivisionError: a fault of the program's" in line for line in host.log.lines)


def test_accounts_of_this_test_are_found() -> None:
    """Or the property above would hold for nothing."""
    _, transport, _ = talk([(b"AUTH\t1\tPLAIN\tservice=smtp\tresp=" + RIGHT + b"\n", True)])
    assert read(transport.written.split(b"\n")[-2]) == Succeeded(1, {"user": "joe"})
