"""The bytes of one client until it has logged in: input to the dialogue, its actions carried out, timeouts, the end.

Afterwards a connection in the clear belongs to pop3d, and this process forgets it; an encrypted one is pumped.
A fault of the program ends the connection in which it shows, and not the process with those of everybody else.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, cast

from pyfix.base.log import Log, one_line
from pyfix.daemons.pop3_login.login import INTERNAL, Given, Refusal, hand_over, refusal_of
from pyfix.daemons.pop3_login.params import Pop3LoginParameters
from pyfix.daemons.pop3_login.pump import Pump
from pyfix.daemons.pop3_login.summary import Client, end_line, explain, login_line
from pyfix.mail.ipc.handover import HandoverFailed
from pyfix.mail.sasl.answers import Accepted, Answer, AuthUnavailable, Challenge, Rejected, Request
from pyfix.mail.sasl.client import AuthClient, Exchange
from pyfix.mail.tls.layer import TlsLayer
from pyfix.mail.tls.server import ServerTls
from pyfix.proto.dovecot_auth import Mechanism
from pyfix.proto.pop3.actions import Action, Authenticate, Cancel, Close, Reply, Respond, StartTls
from pyfix.proto.pop3.authorization import Authorization, History, Offer
from pyfix.proto.pop3.capabilities import Policy
from pyfix.service.deadlines import Deadlines
from pyfix.service.worker import Worker

INPUT_LIMIT: Final = 64 * 1024
_PIECE: Final = 4096
"""Input that is answered at a time: replies are longer than commands, and a client need not read them."""
_DRAIN_S: Final = 60.0
"""How long a client may take for what it still has to get when its session has ended."""
_HANDOVER_S: Final = 120.0
"""How long pop3d may take to take a session: it asks auth."""
_INACTIVE: Final = b"-ERR Disconnected for inactivity.\r\n"
_SHUTTING_DOWN: Final = b"-ERR [SYS/TEMP] Server shutting down.\r\n"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of a process share."""

    worker: Worker
    log: Log
    loop: asyncio.AbstractEventLoop
    params: Pop3LoginParameters
    policy: Policy
    auth: AuthClient
    tls: ServerTls
    deadlines: Deadlines
    connections: set[Connection]


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_busy", "_client", "_dialogue", "_exchange", "_has_ended", "_has_logged_in", "_input", "_is_closing",
        "_is_encrypted", "_is_lost", "_is_paused", "_is_reading_paused", "_pump", "_shared",
        "_since", "_tls_problem", "_transport", "_writable", "deadline",
    )  # fmt: skip

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._client = Client("", "", "")
        self._dialogue: Authorization | None = None
        self._input = b""
        """What was not answered yet."""
        self._exchange: Exchange | None = None
        self._pump: Pump | None = None
        self._writable: asyncio.Future[None] | None = None
        """Done when the client has taken all."""
        self._since = 0.0
        self._busy = 0
        """Steps under way that will report."""
        self._tls_problem = ""
        self._is_encrypted = False
        self._is_paused = False
        self._is_reading_paused = False
        self._is_closing = False
        self._is_lost = False
        self._has_logged_in = False
        self._has_ended = False
        self.deadline = 0.0

    # --- events of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        shared = self._shared
        self._transport = cast(asyncio.Transport, transport)
        session = base64.b64encode(os.urandom(12)).decode("ascii")
        self._client = Client(_address(transport, "peername"), _address(transport, "sockname"), session)
        self._since = shared.loop.time()
        self._extend()
        shared.worker.client_opened()
        shared.connections.add(self)
        shared.deadlines.watch(self)
        if shared.tls.settings.wrapper:
            self._run(self._start_in_tls())
        elif shared.auth.known_mechanisms is not None:
            self._greet(shared.auth.known_mechanisms)
        else:
            self._run(self._ask_mechanisms())

    def data_received(self, data: bytes) -> None:
        """Input came."""
        if self._pump is not None:
            self._pump.send(data)
        else:
            self._input += data
            self._answer_input()
            if len(self._input) > INPUT_LIMIT:
                self.pause_client()

    def _answer_input(self) -> None:
        """Answer what has come, piece by piece, as long as the client takes the replies."""
        dialogue = self._dialogue
        while dialogue is not None and self._input and not (self._busy or self._is_paused or self._is_closing):
            piece, self._input = self._input[:_PIECE], self._input[_PIECE:]
            self._perform(dialogue.receive(piece))

    def eof_received(self) -> bool:
        """The client sends no more."""
        if self._pump is not None:
            self._pump.finish()
            return True
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._is_lost = True
        self._is_closing = True
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._pump is not None:
            self._pump.close()
        self._shared.deadlines.forget(self)
        self._shared.connections.discard(self)
        self._shared.worker.client_closed()
        if not self._busy:
            self._log_end("Connection closed")

    def pause_writing(self) -> None:
        """The client has not taken everything yet: it gets no more answers meanwhile."""
        self._is_paused = True
        if self._pump is not None:
            self._pump.pause()

    def resume_writing(self) -> None:
        """It has."""
        self._is_paused = False
        if self._pump is not None:
            self._pump.resume()
        else:
            self._go_on()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def send(self, data: bytes) -> None:
        """Send to the client."""
        if self._transport is not None and not self._is_closing:
            self._transport.write(data)

    def pause_client(self) -> None:
        """Take no more from the client for a while."""
        if self._transport is not None and not self._is_reading_paused and not self._is_closing:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def resume_client(self) -> None:
        """Go on."""
        if self._transport is not None and self._is_reading_paused and not self._is_closing:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def mailbox_ended(self) -> None:
        """pop3d has ended the session: so does this, when the client has what was sent."""
        if not self._is_closing:
            self._close()

    # --- the dialogue

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        self._busy += 1
        self._shared.worker.spawn(self._guard(step))

    async def _guard(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except Exception as error:  # noqa: BLE001 - see the module
            self._shared.log.error(f"internal error: {one_line(error)}")
            self.send(f"-ERR [SYS/TEMP] {INTERNAL}\r\n".encode("ascii"))
            self._end("Internal error")
        finally:
            self._busy -= 1
        if self._is_lost and not self._busy and self._pump is None:
            self._log_end("Connection closed")
        self._go_on()

    def _go_on(self) -> None:
        """Answer what waits, then take more."""
        if self._busy or self._is_lost or self._pump is not None:
            return
        self._answer_input()
        if not self._busy and len(self._input) <= INPUT_LIMIT:
            self.resume_client()

    async def _ask_mechanisms(self) -> None:
        """Greet once auth has said what it offers, or that it can't be asked."""
        try:
            mechanisms = await self._shared.auth.mechanisms()
        except AuthUnavailable:
            mechanisms = ()
        self._greet(mechanisms)

    def _greet(self, mechanisms: tuple[Mechanism, ...]) -> None:
        if self._is_closing:
            return
        self._dialogue = Authorization(self._offer(mechanisms))
        self._perform(self._dialogue.greet())

    def _offer(self, mechanisms: tuple[Mechanism, ...]) -> Offer:
        shared, params = self._shared, self._shared.params
        public = [mechanism for mechanism in mechanisms if "private" not in mechanism.properties]
        has_apop = any(mechanism.name == "APOP" for mechanism in mechanisms)
        is_secured = self._is_encrypted or self._client.is_on_this_machine
        return Offer(
            greeting=params.login_greeting,
            policy=shared.policy,
            mechanisms=tuple(mechanism.name for mechanism in public),
            plaintext_mechanisms=frozenset(item.name for item in public if "plaintext" in item.properties),
            tls=shared.tls.context is not None,
            is_encrypted=self._is_encrypted,
            allows_plaintext=is_secured or not params.disable_plaintext_auth,
            demands_tls=shared.tls.is_mandatory,
            apop_stamp=f"<{os.getpid()}.{os.urandom(8).hex()}@{params.myhostname}>" if has_apop else "",
        )

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Reply(data):
                    self.send(data)
                case Close(reason):
                    self._end(reason)
                case StartTls(data):
                    self._input = b""  # it came in the clear
                    self.send(data)
                    self._run(self._start_tls())
                case Authenticate():
                    self.pause_client()  # the rest is for pop3d, the end of the stream, too
                    self._run(self._begin_login(action))
                case Respond(data):
                    self.pause_client()
                    self._run(self._respond(data))
                case Cancel():
                    self._cancel()
                case _:
                    raise TypeError(f"{action} is no action of a session before its login")

    # --- TLS

    async def _start_in_tls(self) -> None:
        """Begin with the handshake (pop3s)."""
        if await self._shake_hands():
            await self._ask_mechanisms()

    async def _start_tls(self) -> None:
        """Go on behind the handshake (STLS); what came in one piece with its end is answered when this has ended."""
        if await self._shake_hands() and self._dialogue is not None:
            self._dialogue.tls_started()

    async def _shake_hands(self) -> bool:
        """Encrypt the connection; False when that failed, and the connection has ended."""
        tls, transport = self._shared.tls, self._transport
        if tls.context is None or transport is None:
            self._end("TLS not available due to local problem")
            return False
        self._tls_problem = "TLS handshaking"
        layer = TlsLayer(transport, self, tls.context, self._shared.loop)
        early, self._input = self._input, b""
        layer.start(early)
        self.resume_client()  # a login that failed just before has paused it
        failure = await layer.handshake
        if failure is not None:
            self._tls_problem = f"TLS handshaking: {(failure.library or failure.reason).strip(':')}"
            self._end("Connection closed")
            return False
        self._transport = layer.as_transport()
        self._is_encrypted = True
        self._tls_problem = ""
        return True

    @property
    def _security(self) -> str:
        """Return what the log says of how the connection is protected."""
        if self._tls_problem or self._is_encrypted:
            return self._tls_problem or "TLS"
        return "secured" if self._client.is_on_this_machine else ""

    # --- a login

    async def _begin_login(self, action: Authenticate) -> None:
        client = self._client
        request = Request(
            action.mechanism, "pop3", remote=client.remote, local=client.local,
            is_secured=self._is_encrypted or client.is_on_this_machine, response=action.response, wants_ticket=True,
        )  # fmt: skip
        self._exchange = exchange = self._shared.auth.exchange(request)
        await self._take(await exchange.begin())

    async def _respond(self, response: bytes) -> None:
        if self._exchange is not None:
            await self._take(await self._exchange.respond(response))

    def _cancel(self) -> None:
        if self._exchange is not None:
            self._exchange.cancel()
            self._exchange = None

    async def _take(self, answer: Answer) -> None:
        """Do as auth says."""
        dialogue = self._dialogue
        if dialogue is None:
            return
        self._extend()
        match answer:
            case Challenge(data):
                if self._is_lost:
                    self._cancel()
                self._perform(dialogue.challenge(data))
            case Rejected():
                dialogue.history.user = dialogue.history.user or answer.user
                self._refuse(dialogue, refusal_of(answer))
            case Accepted():
                await self._accepted(dialogue, answer)

    def _refuse(self, dialogue: Authorization, refusal: Refusal) -> None:
        self._exchange = None
        self._perform(dialogue.refuse(refusal.text, refusal.code, is_trouble=refusal.is_trouble))

    async def _accepted(self, dialogue: Authorization, accepted: Accepted) -> None:
        """Give the session to pop3d, once the client has all that was sent to it."""
        self._has_logged_in = True
        dialogue.history.user = accepted.user
        await self._drain()
        if self._is_lost or self._transport is None:
            return
        try:
            outcome = await self._hand_over(accepted, dialogue.take_rest() + self._input)
        except HandoverFailed as error:
            self._shared.log.error(str(error))
            outcome = Refusal(INTERNAL, "SYS/TEMP")
        if isinstance(outcome, Refusal):
            self.resume_client()
            self.send(f"-ERR [{outcome.code}] {outcome.text}\r\n".encode("utf-8", "replace"))
            self._end(outcome.text)
            return
        self._log_login(accepted, outcome.pid)
        if self._pump is not None:
            self.resume_client()
        elif not self._is_lost:
            self._is_closing = True
            self._transport.abort()  # our descriptor alone: pop3d has another

    async def _drain(self) -> None:
        """Wait until the client has everything: what is behind it comes from pop3d."""
        if self._is_encrypted or self._is_lost or self._transport is None:
            return
        self._transport.set_write_buffer_limits(high=0)
        if self._is_paused:
            self._writable = self._shared.loop.create_future()
            await self._writable

    async def _hand_over(self, accepted: Accepted, rest: bytes) -> Given | Refusal:
        shared = self._shared
        path = f"private/{shared.params.pop3d_service_name}"
        arguments = (path, accepted, self._client.session, self._client.remote, rest)
        if not self._is_encrypted:
            fd = cast(asyncio.Transport, self._transport).get_extra_info("socket").fileno()
            return await hand_over(*arguments, fd, _HANDOVER_S)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            outcome = await hand_over(*arguments, theirs.fileno(), _HANDOVER_S)
            if isinstance(outcome, Given):
                _, self._pump = await shared.loop.connect_accepted_socket(lambda: Pump(self), ours)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if self._pump is None:
            ours.close()
        elif self._is_lost:
            self._pump.close()
        return outcome

    def _log_login(self, accepted: Accepted, pid: int) -> None:
        self._has_ended = True
        method = self._dialogue.history.method if self._dialogue is not None else ""
        self._shared.log.info(login_line(self._client, accepted.user, method, pid, self._security))

    # --- the end

    def say_goodbye(self) -> None:
        """The mail system stops."""
        if self._pump is not None or self._is_closing or (self._busy and not self._tls_problem):
            return
        if not self._tls_problem:
            self.send(_SHUTTING_DOWN)
        self._end("Shutting down")

    def _extend(self) -> None:
        self.deadline = self._shared.loop.time() + self._shared.params.pop3_login_timeout

    def timed_out(self) -> None:
        """The deadline has passed: no login, or what was sent is not taken."""
        if self._is_closing:
            if self._transport is not None:
                self._transport.abort()
        elif self._pump is not None or (self._busy and not self._tls_problem):
            self._extend()  # pop3d looks after its sessions; and auth answers in the end
        else:
            self.send(_INACTIVE)
            self._end("Inactivity")

    def _end(self, reason: str) -> None:
        """Log and close."""
        self._log_end(reason)
        self._close()

    def _close(self) -> None:
        self._is_closing = True
        self.deadline = self._shared.loop.time() + _DRAIN_S
        if self._exchange is not None and not self._busy:
            self._cancel()
        if self._transport is not None and not self._is_lost:
            self._transport.close()

    def _log_end(self, reason: str) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        history = self._dialogue.history if self._dialogue is not None else History()
        seconds = self._shared.loop.time() - self._since
        is_busy = self._exchange is not None and not history.is_in_exchange
        why = explain(
            history, seconds, is_busy=is_busy, has_logged_in=self._has_logged_in, is_lost=self._is_lost
        )  # fmt: skip
        self._shared.log.info(end_line(self._client, reason, why, history, self._security))


def _address(transport: asyncio.BaseTransport, name: str) -> str:
    """Return the address of one end, IPv4 in IPv6 as IPv4."""
    found = transport.get_extra_info(name)
    address = str(found[0]).partition("%")[0] if isinstance(found, tuple) and found else "unknown"
    return address[7:] if address.startswith("::ffff:") and "." in address else address
