"""Mail transcripts to the postmaster, from a process with an event loop.

A notice that can't be queued is a warning in the log and nothing more: it is about trouble, perhaps the same that keeps
it from being queued. At most PENDING_LIMIT are on their way to cleanup at once, so that many clients with trouble at a
time when cleanup is slow fill neither memory nor the queue; who comes then is not told about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from pyfix.base import clock
from pyfix.base.log import Log, one_line
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import (
    CLEANUP_FILTER,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    Envelope,
    Recipient,
    Submit,
    Submitted,
)
from pyfix.mail.notices.params import NoticeParameters
from pyfix.mail.notices.transcript import Sender, Transcript, compose_notice
from pyfix.mail.notices.trouble import Trouble, select_trouble
from pyfix.mail.queue import NewFile, Queue

PENDING_LIMIT: Final = 100
FINISH_LIMIT_S: Final = 10.0


class NoticeRefused(Exception):
    """cleanup does not take the notice; the text says why."""


class CleanupPool(Protocol):
    """The part of ipc.pool.AsyncPool that is needed here."""

    async def call(self, request: Submit, expect: type[Submitted]) -> Submitted:
        """Send a request and return its answer, or raise IpcError."""
        ...


class TranscriptMailer:
    """Sends notices on their way; `spawn` runs a coroutine beside the others."""

    def __init__(
        self,
        params: NoticeParameters,
        queue: Queue,
        cleanup: CleanupPool,
        log: Log,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[Any]],
    ) -> None:
        self.wanted = select_trouble(params.notify_classes)
        """What the postmaster wants to be told about."""
        self._queue = queue
        self._cleanup = cleanup
        self._log = log
        self._spawn = spawn
        self._sender = Sender(
            params.myhostname, params.mail_name, params.header_from_format, eight_bit=params.smtputf8_enable
        )
        self._from = f"{params.double_bounce_sender}@{params.myhostname}"
        self._errors_to = params.error_notice_recipient
        self._bounces_to = params.bounce_notice_recipient
        filtered = CLEANUP_FILTER if "notify" in params.internal_mail_filter_classes else 0
        self._flags = CLEANUP_NOTICE | CLEANUP_LOCAL | CLEANUP_MAP | filtered
        self._patience_s = min(FINISH_LIMIT_S, params.ipc_timeout / 2)
        self._under_way: set[asyncio.Task[Any]] = set()

    def send(self, transcript: Transcript, trouble: Trouble) -> None:
        """Begin to send a notice; its trouble says to whom. Refused mail is for who reads bounces, whatever else."""
        if len(self._under_way) >= PENDING_LIMIT:
            self._warn(f"{PENDING_LIMIT} notices wait for cleanup already")
            return
        task = self._spawn(self._post(transcript, self._bounces_to if trouble & Trouble.BOUNCE else self._errors_to))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finish(self) -> None:
        """Let the process end: give the notices that are under way a moment, and those up that need more."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._patience_s)
        if late := set(self._under_way):
            self._warn(f"{len(late)} notices given up when the process ended")
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    async def _post(self, transcript: Transcript, recipient: str) -> None:
        """Queue a notice, or log why not."""
        try:
            file = self._queue.create()
            try:
                await self._submit(file, transcript, recipient)
            except BaseException:
                file.abort()
                raise
            file.close()
        except OSError as error:
            self._warn(f"write queue file: {error.strerror}")
        except (IpcError, NoticeRefused) as error:
            self._warn(str(error))
        except Exception as error:  # noqa: BLE001 - a fault in a notice must not end the sessions of everybody else
            self._warn(one_line(error))

    async def _submit(self, file: NewFile, transcript: Transcript, recipient: str) -> None:
        """Hand the notice to cleanup. Its To: names who gets errors, whoever gets this one, as in Postfix."""
        now = clock.now()
        content = compose_notice(transcript, self._sender, self._errors_to, file.id, now)
        envelope = Envelope(self._from, now, 0, rewrite_context="local")
        request = Submit(file.id, envelope, [Recipient(recipient)], content, self._flags)
        answer = await self._cleanup.call(request, Submitted)
        if answer.reason:
            raise NoticeRefused(f"cleanup refused the notice: {answer.reason}")

    def _warn(self, problem: str) -> None:
        self._log.warning(f"postmaster notify: {problem}")
