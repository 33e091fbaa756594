"""The process: one command of master.cf, run for each request."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from itertools import chain

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.pipe.attributes import AttributeProblem, Attributes, parse
from pyfix.daemons.pipe.macros import expand_arguments, recipient_values, request_values
from pyfix.daemons.pipe.params import PipeParameters
from pyfix.mail.config import ConfigError
from pyfix.mail.delivery import ContentError, Job, JobError
from pyfix.mail.delivery.command import Command, CommandError, exported_environment, run
from pyfix.mail.delivery.copy import CopyStyle
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.delivery.sysexits import judge
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Dsn, Message, Recipient, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.mailbox import delivered_to, delivery_headers, from_line
from pyfix.mail.queue import Queue
from pyfix.service.rights import Identity, RightsError, group_id
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_OUTPUT_SHOWN = 100


class PipeDaemon(OneClientDaemon[PipeParameters]):
    """Delivers through one command."""

    depth = 1
    runs_commands = True

    def before_jail(self) -> None:
        """Understand the arguments of the service."""
        try:
            self._attributes = parse(self.worker.argv)
            self._identity = self._find_identity(self._attributes)
        except (AttributeProblem, RightsError) as problem:
            where = os.path.join(self.config.directory, "master.cf")
            raise ConfigError(f"file {where}: service {self.worker.service}: {problem}") from problem
        attributes = self._attributes
        self._style = CopyStyle(quote_from=attributes.has(">"), quote_dot=attributes.has("."), eol=attributes.eol)
        self._environment = exported_environment(self.params.export_environment, os.environ)
        self._time_limit = self.params.time_limit(self.worker.service)
        self._queue = Queue.from_params(self.params)
        name = "pipe_delivery_status_filter"
        self._filter = StatusFilter.open(self.params.pipe_delivery_status_filter, name, self.config, self.log)

    def _find_identity(self, attributes: Attributes) -> Identity:
        """Return whose rights the command gets; raises AttributeProblem, RightsError."""
        if not self.worker.rights.can_switch:
            if attributes.chroot:
                raise AttributeProblem("chroot= needs a mail system that was started by root")
            return Identity(-1, -1)
        try:
            user = pwd.getpwnam(attributes.user)
        except KeyError:
            raise AttributeProblem(f"unknown username: {attributes.user}") from None
        gid = group_id(attributes.group) if attributes.group else user.pw_gid
        self._check_rights(user.pw_uid, gid)
        return Identity(user.pw_uid, gid)

    def _check_rights(self, uid: int, gid: int) -> None:
        """Refuse to hand a command the powers of root or of the mail system."""
        what = "user= command-line attribute specifies"
        owner = Identity.of_name(self.params.mail_owner)
        if uid == 0:
            raise AttributeProblem(f"{what} root privileges")
        if uid == owner.uid:
            raise AttributeProblem(f"{what} mail system owner {self.params.mail_owner}")
        if gid == 0:
            raise AttributeProblem(f"{what} privileged group id 0")
        if gid == owner.gid:
            raise AttributeProblem(f"{what} mail system owner {self.params.mail_owner} group id {gid}")

    def find_changed(self) -> Iterator[str]:
        return self._filter.find_changed()

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Run the command for the request."""
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        try:
            with Job(request, self._queue, self.log, self.params, self.worker.service, self._filter) as job:
                self._deliver(job)
                return job.finish()
        except (JobError, ContentError) as error:
            self.log.warning(str(error))
            return Refused(str(error))

    def _deliver(self, job: Job) -> None:
        """Deliver to all recipients at once, or to each by itself where a header names it."""
        if self._attributes.size_limit and job.content.length > self._attributes.size_limit:
            self._fail(job, job.open_recipients, Dsn("5.2.3", "message too large"))
        if self._attributes.has("D"):
            self._refuse_loops(job)
        recipients = job.open_recipients
        if self._attributes.is_single:
            for rcpt in recipients:
                with job.guard(rcpt):
                    self._run(job, [rcpt])
        elif recipients:
            with job.guard(*recipients):
                self._run(job, recipients)

    def _refuse_loops(self, job: Job) -> None:
        seen = delivered_to(job.content)
        for rcpt in job.open_recipients:
            if rcpt.address.lower() in seen:
                job.bounced(rcpt, Dsn("5.4.6", f"mail forwarding loop for {rcpt.address}"))

    def _run(self, job: Job, recipients: Sequence[Recipient]) -> None:
        attributes = self._attributes
        if job.is_trace_only:
            for rcpt in recipients:
                job.sent(rcpt, f"delivers to command: {attributes.argv[0]}")
            return
        self.log.flush()
        try:
            ended = run(self._command(job, recipients), self._message(job, recipients[0]))
        except CommandError as error:
            self._fail(job, recipients, Dsn("4.3.0", str(error)))
            return
        except (ContentError, OSError) as error:
            self._fail(job, recipients, Dsn("4.3.0", f'Command failed: {words_for(error)}: "{attributes.argv[0]}"'))
            return
        failure = judge(ended, attributes.argv[0])
        if failure is not None:
            self._fail(job, recipients, failure)
            return
        said = ended.output[:_OUTPUT_SHOWN].rstrip()
        output = f" ({said})" if said else ""
        for rcpt in recipients:
            text = f"delivered via {self.worker.service} service{output}"
            job.sent(rcpt, text, action="delivered" if attributes.has("X") else "relayed")

    def _fail(self, job: Job, recipients: Sequence[Recipient], dsn: Dsn) -> None:
        for rcpt in recipients:
            job.failed(rcpt, dsn)

    def _command(self, job: Job, recipients: Sequence[Recipient]) -> Command:
        attributes = self._attributes
        shared = request_values(job.request, attributes.flags, attributes.null_sender)
        each = [recipient_values(rcpt, attributes.flags, self.params.recipient_delimiter) for rcpt in recipients]
        return Command(
            argv=expand_arguments(attributes.argv, shared, each),
            uid=self._identity.uid,
            gid=self._identity.gid,
            environment=self._environment,
            directory=attributes.directory,
            chroot=attributes.chroot,
            time_limit=self._time_limit,
            program="pipe",
        )

    def _message(self, job: Job, rcpt: Recipient) -> Iterator[bytes]:
        """Yield what the command reads; `rcpt` is the one that headers name."""
        attributes = self._attributes
        sender = job.envelope.sender or attributes.null_sender
        head = from_line(sender, clock.now()) if attributes.has("F") else b""
        head += delivery_headers(
            sender if attributes.has("R") else None,
            rcpt.original if attributes.has("O") else "",
            rcpt.address if attributes.has("D") else "",
        )
        blank = attributes.eol if attributes.has("B") else b""
        return chain([head.replace(b"\n", attributes.eol)], self._style.apply(job.content.chunks()), [blank])


SERVICE = Service("pipe", PipeDaemon, PipeParameters, takes_arguments=True)
