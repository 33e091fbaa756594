"""An smtpd session without process, sockets or neighbours: bytes in, bytes out, for properties of the dialogue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyfix.base.log import MemoryLog
from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.logins import Logins
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peer, Peers
from pyfix.daemons.smtpd.server import Common, Server
from pyfix.daemons.smtpd.session import Session
from pyfix.daemons.smtpd.tables import Tables
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import Resolve, Resolved, ResolvedList, Rewrite, Rewritten, Submit, Submitted
from pyfix.mail.notices.mailer import TranscriptMailer
from pyfix.mail.restrictions.evaluate import active_stages
from pyfix.mail.restrictions.search import Searcher
from pyfix.mail.restrictions.tables import Opened
from pyfix.mail.sasl.answers import Accepted, Challenge, Rejected, Request
from pyfix.mail.sasl.answers import Answer as SaslAnswer
from pyfix.mail.tls.server import open_server_tls
from pyfix.mail.tls.settings import smtpd_settings
from pyfix.proto.dovecot_auth import Mechanism
from pyfix.service.deadlines import Deadlines

MAIN_CF = """
compatibility_level = 3.7
mydestination =
mynetworks = 10.0.0.0/8
virtual_mailbox_domains = virtual.test
virtual_mailbox_maps = inline:{u1@virtual.test=u1}
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
"""


class Wire:
    """The transport: keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.aborted = False
        self.paused = False

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.1", 4321) if name == "peername" else None

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class File:
    """A queue file that is nowhere."""

    def __init__(self, number: int) -> None:
        self.id = f"{number:06X}"
        self.spooled = b""
        self.gone = False

    def spool(self, data: bytes) -> None:
        self.spooled += data

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self.gone = True


class FakeQueue:
    """A queue on a disk with a gigabyte of room."""

    def __init__(self) -> None:
        self.files: list[File] = []

    def create(self) -> File:
        self.files.append(File(len(self.files) + 1))
        return self.files[-1]

    def free_space(self) -> int:
        return 1 << 30


class FakeRewrite:
    """trivial-rewrite: virtual.test is ours."""

    async def call(self, request: Any, expect: type[Any]) -> Any:
        await asyncio.sleep(0)
        if isinstance(request, Rewrite):
            return Rewritten([f"{address}@virtual.test" for address in request.addresses])
        assert isinstance(request, Resolve)
        return ResolvedList([resolve(address) for address in request.addresses])


def resolve(address: str) -> Resolved:
    """Return where mail for the address goes."""
    domain = address.rpartition("@")[2].lower()
    return Resolved("x", domain, address, "virtual" if domain == "virtual.test" else "default")


class FakeCleanup:
    """cleanup: keeps what it is given."""

    def __init__(self) -> None:
        self.submitted: list[Submit] = []

    async def call(self, request: Submit, expect: type[Any], weight: int = 1) -> Submitted:
        await asyncio.sleep(0)
        self.submitted.append(request)
        return Submitted(request.queue_id)


class FakeExchange:
    """A login by PLAIN or LOGIN; the password is the name backwards. Anything else is refused at once."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.said: list[bytes] = []

    async def begin(self) -> SaslAnswer:
        await asyncio.sleep(0)
        if self.request.response is not None:
            self.said.append(self.request.response)
        return self._next()

    async def respond(self, response: bytes) -> SaslAnswer:
        await asyncio.sleep(0)
        self.said.append(response)
        return self._next()

    def cancel(self) -> None:
        pass

    def _next(self) -> SaslAnswer:
        parts = self.said
        if self.request.mechanism == "LOGIN" and len(parts) < 2:
            return Challenge(b"Password:" if parts else b"Username:")
        if self.request.mechanism == "PLAIN":
            if not parts:
                return Challenge(b"")
            parts = parts[0].split(b"\0")[1:]
        if len(parts) == 2 and parts[0] and parts[0][::-1] == parts[1]:
            return Accepted(parts[0].decode("utf-8", "replace"))
        return Rejected()


class FakeAuth:
    """The client of an auth service."""

    known_mechanisms = (
        Mechanism("PLAIN", frozenset({"plaintext"})),
        Mechanism("LOGIN", frozenset({"plaintext"})),
        Mechanism("CRAM-MD5", frozenset({"dictionary", "active"})),
        Mechanism("ANONYMOUS", frozenset({"anonymous"})),
    )

    async def offered(self) -> tuple[Mechanism, ...]:
        await asyncio.sleep(0)
        return self.known_mechanisms

    def exchange(self, request: Request) -> FakeExchange:
        return FakeExchange(request)


class FakeWorker:
    """The skeleton."""

    def __init__(self) -> None:
        self.clients = 0

    def client_opened(self) -> None:
        self.clients += 1

    def client_closed(self) -> None:
        self.clients -= 1


async def describe(name: str, address: str, reverse_name: str) -> Peer:
    """A client that no list holds."""
    return Peer(name, address, reverse_name, f"{name}[{address}]", may_send_bare_newline=False)


class Stage:
    """One session with everything around it."""

    def __init__(self, main_cf: str = "") -> None:
        config = Config.from_text(MAIN_CF + main_cf)
        params = config.read(SmtpdParameters)
        tables = Tables(config, params, Opened())
        loop = asyncio.get_running_loop()
        self.log = MemoryLog()
        self.worker = FakeWorker()
        self.queue = FakeQueue()
        self.cleanup = FakeCleanup()
        self.executor = ThreadPoolExecutor(1)
        rewrite: Any = FakeRewrite()
        anything: Any = self
        self.mailer = TranscriptMailer(params, anything.queue, anything.cleanup, self.log, loop.create_task)
        answers = Answers(
            self.log, tables.networks, Searcher(lambda domain: False), self.executor, rewrite, rewrite, rewrite
        )
        auth: Any = FakeAuth()
        logins = Logins(params, config, auth, tables.announced_mechanisms, answers)
        self.server = Server(
            worker=anything.worker, params=params, log=self.log, loop=loop, queue=anything.queue, rules=tables.rules,
            stages=active_stages(tables.rules),
            answers=answers, logins=logins if params.smtpd_sasl_auth_enable else None,
            peers=Peers(None, describe, self.log),
            cleanup=anything.cleanup, mailer=self.mailer, disk=self.executor, forbidden=tables.forbidden,
            deadlines=Deadlines(loop, params.smtpd_timeout), common=Common(),
            tls=open_server_tls(smtpd_settings(config, params)),
        )  # fmt: skip
        self.wire = Wire()
        self.session = Session(self.server)

    async def play(self, pieces: Sequence[bytes], *, faults: bool = False) -> bytes:
        """Send pieces, each when the last one has been dealt with; hang up; return all that was written.

        A fault of the program fails the test, unless the test wants it.
        """
        wire: Any = self.wire
        self.session.connection_made(wire)
        for piece in pieces:
            await self.settle()
            if self.wire.closed:
                break
            self.session.data_received(piece)
        await self.settle()
        self.session.eof_received()
        await self.settle()
        self.session.connection_lost(None)
        await self.settle()
        await self.mailer.finish()
        self.executor.shutdown()
        assert faults or not [line for line in self.log.lines if "internal error" in line]
        return self.wire.written

    async def settle(self) -> None:
        """Wait until nothing runs."""
        while self.session._is_working:
            await asyncio.sleep(0)


def play(pieces: Sequence[bytes], main_cf: str = "") -> tuple[bytes, Stage]:
    """Play one session; return what it wrote, and the stage to look at."""

    async def run() -> tuple[bytes, Stage]:
        stage = Stage(main_cf)
        return await stage.play(pieces), stage

    return asyncio.run(run())
