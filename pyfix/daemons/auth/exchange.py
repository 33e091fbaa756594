"""One login: from AUTH to OK or FAIL.

Whatever the outcome, the same steps are taken for a login that is nobody's as for a wrong password; the answer to both
comes so many seconds after the request, not after the work. A client that goes away in between has failed all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from pyfix.base import clock
from pyfix.base.log import one_line
from pyfix.daemons.auth.desk import Crowded, Desk
from pyfix.daemons.auth.penalty import Banned, Cost
from pyfix.daemons.auth.reporter import Reporter
from pyfix.daemons.auth.verdict import Denied, Granted, Unknown, Verdict
from pyfix.daemons.auth.verify import Candidate, Findings
from pyfix.mail.auth.backend import Attempt
from pyfix.mail.auth.tokens import TokenRefused, TokenUnavailable
from pyfix.proto.dovecot_auth import Authenticate, Challenge, Failed
from pyfix.proto.dovecot_auth.messages import Answer
from pyfix.proto.sasl import (
    Accept,
    CheckPassword,
    CheckToken,
    FetchKeys,
    KeyMechanism,
    Refuse,
    Step,
    TokenMechanism,
    make,
)
from pyfix.proto.sasl import Challenge as Asks

PATIENCE_S: Final = 60.0
"""How long a client may take for the response to a challenge."""


class Exchange:
    """One login."""

    def __init__(
        self, desk: Desk, request: Authenticate, send: Callable[[Answer], None], end: Callable[[], None]
    ) -> None:
        """send: an answer for the client; end: called once when the id is free again."""
        self._desk = desk
        self._request = request
        self._send = send
        self._end = end
        self._told = Reporter(desk, request, self._finish)
        self._mechanism = make(request.mechanism, desk.scene(request.mechanism))
        self._candidates: list[Candidate] = []
        self._findings: Findings | None = None
        """What was found of a login's keys."""
        self._cost: Cost | None = None
        """Of a failure that is counted already, though the client has not heard of it."""
        self._granted: Granted | None = None
        """Set while the client still has to see the mechanism's last words."""
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None
        """Runs while it is the client's turn."""

    # --- events

    def begin(self) -> None:
        """AUTH has come."""
        if not self._is_banned():
            self._go(self._mechanism.begin(self._request.initial))

    def proceed(self, data: bytes) -> None:
        """CONT has come."""
        if self._timer is None:
            self._finish(Failed(self._request.id, {"reason": "Unexpected continuation"}))
            return
        self._stop_timer()
        self._told.asked_at = clock.monotonic()
        if self._granted is not None:
            self._told.succeed(self._granted)
        elif not self._is_banned():
            self._go(self._mechanism.receive(data))

    def _is_banned(self) -> bool:
        """Refuse at once who has failed too often, also since the login began."""
        admission = self._desk.penalties.admit_source(self._told.source, self._told.asked_at)
        if isinstance(admission, Banned):
            self._told.refuse_at_once(admission)
        return isinstance(admission, Banned)

    def malformed(self, reason: str) -> None:
        """A CONT that is none has come."""
        self._finish(Failed(self._request.id, {"code": "invalid_base64", "reason": reason}))

    def cancel(self) -> None:
        """The client has lost interest, or has gone: what is under way counts, but nobody is told."""
        self._close()

    # --- steps

    def _go(self, step: Step) -> None:
        match step:
            case Asks():
                self._ask(step.data)
            case Refuse():
                self._told.login = self._desk.names.normalise(step.login) if step.login else ""
                if self._cost is None:
                    self._judge(self._explain(step))
                else:
                    self._told.answer_failure(self._cost)
            case CheckPassword() | FetchKeys() | CheckToken() | Accept():
                self._desk.worker.spawn(self._work(step))

    def _explain(self, refusal: Refuse) -> Denied | Unknown:
        """Return what a mechanism's refusal comes of."""
        findings = self._findings
        if findings is None:
            return Denied(refusal.reason, "")
        if findings.backend and not findings.problems:
            return Denied(refusal.reason, findings.backend, tuple(findings.warnings))
        return findings.verdict()

    def _ask(self, data: bytes) -> None:
        if self._is_over:
            return
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._time_out)
        self._send(Challenge(self._request.id, data))

    def _time_out(self) -> None:
        self._timer = None
        self._finish(Failed(self._request.id, {"reason": "Authentication request timed out"}))

    async def _work(self, step: CheckPassword | FetchKeys | CheckToken | Accept) -> None:
        """Take a step that has to wait."""
        try:
            await self._take(step)
        except Crowded as error:
            self._told.defer(str(error))
        except Exception as error:  # noqa: BLE001 - a fault in one login must not end everybody's
            self._desk.worker.log.error(f"{self._told.who}: {type(error).__name__}: {one_line(error)}")
            self._told.defer("internal error")

    async def _take(self, step: CheckPassword | FetchKeys | CheckToken | Accept) -> None:
        names, penalties = self._desk.names, self._desk.penalties
        self._told.login = names.normalise(step.login) if step.login else ""
        if not isinstance(step, (Accept, CheckToken)) and step.authorize:
            wanted = names.normalise(step.authorize)
            if wanted != self._told.login:
                self._told.deny(Denied("may not log in as somebody else", ""))
                return
        if self._told.login and not isinstance(step, Accept):
            admission = penalties.admit_login(self._told.source, self._told.login, clock.monotonic())
            if isinstance(admission, Banned):
                self._told.refuse_at_once(admission)
                return
            if admission.after_s:
                await asyncio.sleep(admission.after_s)
        await self._pass_gate(step)

    async def _pass_gate(self, step: CheckPassword | FetchKeys | CheckToken | Accept) -> None:
        gate = self._desk.gate
        admission = await gate.enter(self._told.source)
        if isinstance(admission, Banned):
            self._told.refuse_at_once(admission)
            return
        try:
            await self._perform(step)
        finally:
            gate.leave(self._told.source)

    async def _perform(self, step: CheckPassword | FetchKeys | CheckToken | Accept) -> None:
        desk, verifier = self._desk, self._desk.verifier
        match step:
            case CheckPassword():
                self._told.digest = desk.digest(self._told.login, step.password)
                self._judge(await self._ask_verdict(partial(verifier.check_password, self._attempt(), step.password)))
            case FetchKeys():
                self._go(await desk.in_thread(self._use_keys))
            case Accept():
                candidate = self._candidates[step.key]
                settle = partial(verifier.settle, candidate, self._findings or Findings())
                self._judge(await self._ask_verdict(settle), step.last)
            case CheckToken():
                await self._check_token(step)

    async def _ask_verdict(self, question: Callable[[], Verdict]) -> Verdict:
        """Return what a thread finds; where a ticket is wanted, with the place that it is for."""
        desk, fields = self._desk, self._request.fields
        if "ticket" in fields:
            question = partial(desk.verifier.add_place, question, fields["service"])
        return await desk.in_thread(question)

    def _use_keys(self) -> Step:
        """Find keys and have the mechanism use them; in a thread."""
        assert isinstance(self._mechanism, KeyMechanism)
        self._candidates, keys, self._findings = self._desk.verifier.find_keys(self._attempt())
        return self._mechanism.use(keys)

    async def _check_token(self, step: CheckToken) -> None:
        desk = self._desk
        assert isinstance(self._mechanism, TokenMechanism) and desk.tokens is not None
        self._told.digest = desk.digest(self._told.login, step.token.encode())
        try:
            owner = desk.names.normalise(await desk.in_thread(partial(desk.tokens.check, step.token)))
        except TokenUnavailable as error:
            self._told.defer(str(error))
            return
        except TokenRefused as error:
            self._refuse_token(self._mechanism, str(error))
            return
        if self._told.login and self._told.login != owner:
            self._refuse_token(self._mechanism, "the token is somebody else's")
            return
        self._told.login = owner
        self._judge(await self._ask_verdict(partial(desk.verifier.find_user, self._attempt())))

    def _refuse_token(self, mechanism: TokenMechanism, reason: str) -> None:
        """Tell the client why, and count the failure: it need not come back to hear of it."""
        self._cost = self._told.count(Denied(reason, ""))
        self._go(mechanism.refuse(reason))

    def _attempt(self) -> Attempt:
        fields = self._request.fields
        return Attempt(
            self._told.login, fields["service"], self._told.remote, fields.get("lip", ""), "secured" in fields
        )

    # --- outcomes

    def _judge(self, verdict: Verdict, last: bytes | None = None) -> None:
        match verdict:
            case Granted():
                self._grant(verdict, last)
            case Denied():
                self._told.deny(verdict)
            case Unknown():
                self._told.defer(*verdict.problems)

    def _grant(self, granted: Granted, last: bytes | None) -> None:
        self._told.note_success(granted)
        if last is None or "final-resp-ok" in self._request.fields:
            self._told.succeed(granted, last)
        else:
            self._granted = granted
            self._ask(last)

    def _finish(self, answer: Answer) -> None:
        if not self._is_over:
            self._send(answer)
            self._close()

    def _close(self) -> None:
        self._stop_timer()
        if not self._is_over:
            self._is_over = True
            self._end()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
