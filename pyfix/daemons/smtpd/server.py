"""What all sessions of a process share: parameters, tables, neighbours."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.extensions import Extensions, make_extensions
from pyfix.daemons.smtpd.limits import Limits
from pyfix.daemons.smtpd.logins import Logins
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.peername import Peers
from pyfix.mail.ipc.pool import AsyncPool
from pyfix.mail.maps import MatchList
from pyfix.mail.notices.mailer import TranscriptMailer
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.queue import Queue
from pyfix.mail.restrictions.parse import Kind
from pyfix.mail.restrictions.progress import Rules
from pyfix.mail.restrictions.questions import Stage
from pyfix.mail.tls.server import ServerTls
from pyfix.service.deadlines import Deadlines
from pyfix.service.worker import Worker

GATHERED_LIMIT: Final = 64 * 1024 * 1024
"""Content in memory, of all sessions together, from which on even small bodies go to their files early."""
_ROOM_S: Final = 0.5
"""How long the file system is not asked again whether it has room: the margin is half a message of the largest size."""


@dataclass(slots=True)
class Common:
    """What is one for the whole process."""

    gathered: int = 0
    """Bytes of content in memory, of all sessions together."""
    is_stopping: bool = False


@dataclass
class Server:
    """Shared by all sessions that began in one mood of the service, under stress or not; made when the loop runs."""

    worker: Worker
    params: SmtpdParameters
    log: Log
    loop: asyncio.AbstractEventLoop
    queue: Queue
    rules: Rules
    stages: tuple[Stage, ...]
    """Stages at which the rules have something to say."""
    answers: Answers
    peers: Peers
    cleanup: AsyncPool
    mailer: TranscriptMailer
    disk: Executor
    forbidden: MatchList
    deadlines: Deadlines
    common: Common
    tls: ServerTls
    logins: Logins | None = None
    """None: nobody may log in."""
    limits: Limits | None = None
    rewrites_headers_of_logins: bool = False
    rewrites_headers_of_certificates: tuple[Kind, ...] = ()
    """Restrictions of which one has to permit the client by its certificate."""
    """local_header_rewrite_clients has permit_sasl_authenticated."""

    def __post_init__(self) -> None:
        params = self.params
        self._room_until = 0.0
        self.keeps_dialogue = self.mailer.wanted is not Trouble.NONE
        self.greeting = f"220 {params.smtpd_banner}"
        self.extensions: Extensions = make_extensions(params, starttls=self.tls.is_used)
        self.secure_extensions: Extensions = make_extensions(params, starttls=False)
        """What is announced once the session is encrypted."""
        self.noop_commands = frozenset(word.upper() for word in params.smtpd_noop_commands)
        self.soft_limit = params.smtpd_soft_error_limit if params.smtpd_error_sleep_time else sys.maxsize
        """Errors after which replies are delayed."""

    @property
    def is_crowded(self) -> bool:
        """True when the sessions together hold much content in memory."""
        return self.common.gathered > GATHERED_LIMIT

    def has_room(self) -> bool:
        """True when the queue file system can take a message of the largest size (queue_minfree).

        That there is room is believed for a moment; that there is none is looked at again each time.
        """
        if self.loop.time() < self._room_until:
            return True
        params = self.params
        free = self.queue.free_space()
        if free < params.queue_minfree or free < 1.5 * params.message_size_limit:
            self.log.warning(f"not enough free space in mail queue: {free} bytes < 1.5*message size limit")
            return False
        self._room_until = self.loop.time() + _ROOM_S
        return True
