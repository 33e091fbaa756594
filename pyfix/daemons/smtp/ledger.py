"""Keep the books of one delivery: which recipients have a verdict, and which the next host shall try.

A permanent failure ends a recipient at once. A temporary one keeps it for the next host, and ends it when this was the
last one. The destination is reported dead to qmgr only when no server had a complete conversation with us.
"""

from __future__ import annotations

from pyfix.base.log import Log
from pyfix.daemons.smtp.connection import Connection
from pyfix.daemons.smtp.settings import ClientSettings
from pyfix.mail.delivery import Job
from pyfix.mail.ipc.messages import Dsn, Recipient
from pyfix.proto.smtp_client.reply import Reply


class Ledger:
    """Listens to the connections of a delivery, one after the other."""

    def __init__(self, job: Job, settings: ClientSettings, log: Log) -> None:
        self.left: list[Recipient] = list(job.request.recipients)
        """Recipients without a verdict."""
        self.attempted: list[Recipient] = []
        """Those of the present session, in the order of its RCPT commands."""
        self.why: Dsn | None = None
        """The last reason why something did not go well."""
        self.dead: Dsn | None = None
        """Why the destination is out of order."""
        self.all_done = True
        """Nothing has failed so far."""
        self.connection: Connection | None = None
        self._job = job
        self._settings = settings
        self._log = log
        self._marked: set[int] = set()
        """Indexes of the attempted that the present session has decided."""
        self._kept: list[Recipient] = []
        """Those that the next host shall try."""
        self._is_last_server = False
        self._had_session = False
        self._is_stale = self._is_broken = False

    # --- sessions ---------------------------------------------------------------------------------------------------

    def start(self, connection: Connection | None, *, is_last: bool) -> None:
        """A session begins, with the last server that may be tried or not; None when no server is left."""
        self.connection = connection
        self.attempted = self.left
        self._marked = set()
        self._kept = []
        self._is_last_server = is_last
        self._is_stale = self._is_broken = False

    def end(self) -> None:
        """It ends before anything was sent."""
        self.connection = None
        self.left = self._kept

    def end_conversation(self) -> bool:
        """It ends; return False when a kept connection turned out to be dead, and nothing happened."""
        if self._is_stale:
            return False
        self._had_session = self._had_session or not self._is_broken
        self.end()
        return True

    # --- what the connection reports --------------------------------------------------------------------------------

    def accepted(self, index: int | None, reply: Reply) -> None:
        """The server has taken responsibility."""
        if index is not None:
            self._marked.add(index)
            self._send_done(self.attempted[index], reply)
            return
        for position, rcpt in enumerate(self.attempted):
            if position not in self._marked:
                self._marked.add(position)
                self._send_done(rcpt, reply)

    def recipient_refused(self, index: int, dsn: Dsn) -> None:
        """The server does not take this one."""
        rcpt = self.attempted[index]
        self.why = dsn
        self._marked.add(index)
        if self._is_soft(dsn) and not self._is_last_server:
            self._log.info(f"{self._job.request.queue_id}: {dsn.reason}")
            self._kept.append(rcpt)
        else:
            self._fail(rcpt, dsn)

    def message_refused(self, dsn: Dsn) -> None:
        """The server does not take the message."""
        self.fail_all(dsn, throttle=False)

    def connection_failed(self, dsn: Dsn) -> None:
        """The connection is gone, or the server is silent."""
        self._is_broken = True
        self.fail_all(dsn, throttle=True)

    def line_broken(self, limit: int) -> None:
        """The content had a line that is too long for the wire."""
        self._log.info(f"{self._job.request.queue_id}: breaking line > {limit} bytes with <CR><LF>SPACE")

    def connection_stale(self) -> None:
        """A kept connection was dead: try again with a new one."""
        self._is_stale = True

    # --- verdicts ---------------------------------------------------------------------------------------------------

    def fail_all(self, dsn: Dsn, *, throttle: bool) -> None:
        """End, or keep for the next host, all recipients that have no verdict in this session."""
        self.why = dsn
        rest = [rcpt for index, rcpt in enumerate(self.attempted) if index not in self._marked]
        self._marked.update(range(len(self.attempted)))
        if self._is_soft(dsn) and not self._is_last_server:
            self._log.info(f"{self._job.request.queue_id}: {dsn.reason}")
            self._kept += rest
            return
        for rcpt in rest:
            self._fail(rcpt, dsn)
        if throttle and rest and self._is_soft(dsn) and not self._had_session and self.dead is None:
            self.dead = dsn

    def fail_leftovers(self, why: Dsn) -> None:
        """End the recipients that met no server which would decide."""
        self.start(None, is_last=True)
        self.fail_all(why, throttle=True)

    def _send_done(self, rcpt: Recipient, reply: Reply) -> None:
        connection = self.connection
        assert connection is not None
        features = connection.session.features
        final = self._settings.assume_final and not features.dsn
        line = reply.line
        self._job.sent(
            rcpt,
            line,
            reply.status,
            connection.endpoint.relay,
            action="delivered" if final else "relayed",
            reported=features.dsn,
            mta=connection.endpoint.host,
            diagnostic=line,
        )

    def _is_soft(self, dsn: Dsn) -> bool:
        return dsn.status.startswith("4") or self._settings.soft_bounce

    def _fail(self, rcpt: Recipient, dsn: Dsn) -> None:
        if not self._job.stages.connected:
            self._job.connected()
        self.all_done = False
        self._job.failed(rcpt, dsn, self.connection.endpoint.relay if self.connection is not None else None)
