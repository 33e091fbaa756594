"""What comes of a login, for the client, the log and the books of failures."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping

from pyfix.base import clock
from pyfix.daemons.auth import log as lines
from pyfix.daemons.auth.desk import Desk
from pyfix.daemons.auth.penalty import Banned, Cost
from pyfix.daemons.auth.tickets import Earned
from pyfix.daemons.auth.verdict import Denied, Granted
from pyfix.proto.dovecot_auth import Authenticate, Failed, Succeeded
from pyfix.proto.dovecot_auth.messages import Answer


class Reporter:
    """Of one login: who it is, as far as that is known, and how it ends."""

    def __init__(self, desk: Desk, request: Authenticate, finish: Callable[[Answer], None]) -> None:
        """finish: sends the last answer."""
        self._desk = desk
        self._log = desk.worker.log
        self._request = request
        self._finish = finish
        self.remote = request.fields.get("rip", "")
        self.source = "" if "no-penalty" in request.fields else desk.source(self.remote)
        self.asked_at = clock.monotonic()
        """When the client spoke last: failures are answered so long after that."""
        self.login = ""
        self.digest = b""
        """Of login and password, where there is one."""

    @property
    def who(self) -> lines.Who:
        """Whom lines of the log are about."""
        return lines.Who(self.login, self._request.mechanism, self._request.fields["service"], self.remote)

    def note_success(self, granted: Granted) -> None:
        """Log it, and have it count."""
        for warning in granted.warnings:
            self._log.warning(warning)
        self._desk.penalties.succeed(self.source, self.login, clock.monotonic())
        lines.succeeded(self._log, self.who, granted.user, granted.backend)

    def succeed(self, granted: Granted, last: bytes | None = None) -> None:
        """Tell the client, with a ticket where it wants one. last: the mechanism's last words."""
        fields = {"user": granted.user}
        if "ticket" in self._request.fields:
            earned = Earned(granted.user, granted.place)
            fields["ticket"] = self._desk.tickets.issue(earned, clock.monotonic())
        if last is not None:
            fields["resp"] = base64.b64encode(last).decode()
        self._finish(Succeeded(self._request.id, fields))

    def deny(self, denied: Denied) -> None:
        """Count the failure, and tell of it when it is time."""
        self.answer_failure(self.count(denied))

    def count(self, denied: Denied) -> Cost:
        """Log a failure, and return what it costs."""
        for warning in denied.warnings:
            self._log.warning(warning)
        lines.failed(self._log, self.who, denied.reason, denied.backend)
        cost = self._desk.penalties.fail(self.source, self.login, self.digest, clock.monotonic())
        if cost.is_ban:
            lines.banned(self._log, self.source, self._desk.ban_s)
        return cost

    def answer_failure(self, cost: Cost) -> None:
        """Tell the client when it is time."""
        wait_s = self.asked_at + cost.delay_s - clock.monotonic()
        answer = Failed(self._request.id, self._user())
        asyncio.get_running_loop().call_later(max(0.0, wait_s), self._finish, answer)

    def defer(self, *problems: str) -> None:
        """Tell the client that nobody can say; the log has why."""
        for problem in problems[:-1]:
            self._log.warning(problem)
        lines.unavailable(self._log, self.who, problems[-1])
        self._finish(Failed(self._request.id, {**self._user(), "temp": "", "code": "temp_fail"}))

    def refuse_at_once(self, banned: Banned) -> None:
        """Say no, in the words of a wrong password, without having looked."""
        lines.refused(self._log, self.who, banned.reason)
        self._finish(Failed(self._request.id, self._user()))

    def _user(self) -> Mapping[str, str]:
        return {"user": self.login} if self.login else {}
