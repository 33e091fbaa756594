"""The process: one recipient after the other, each followed to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyfix.daemons.local.biff import Biff
from pyfix.daemons.local.context import Context, Tables, Tools
from pyfix.daemons.local.expand import Expansion
from pyfix.daemons.local.neighbours import Resolver, Transports
from pyfix.daemons.local.params import LocalParameters
from pyfix.daemons.local.resubmit import Forwarder, ForwardError
from pyfix.daemons.local.state import State
from pyfix.daemons.local.users import NOBODY_YET, default_user
from pyfix.mail.delivery import ContentError, Job, JobError
from pyfix.mail.delivery.command import exported_environment
from pyfix.mail.delivery.status_filter import StatusFilter
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import AnyMessage, Deliver, Dsn, Message, Recipient, Refused
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.mailbox import LockPolicy, check_limit, delivered_to
from pyfix.mail.maps import open_maps
from pyfix.mail.queue import Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage


class LocalDaemon(OneClientDaemon[LocalParameters]):
    """Delivers one request after the other."""

    depth = 1
    runs_commands = True

    def before_jail(self) -> None:
        """Open tables and look up what a chroot would hide."""
        params, rights = self.params, self.worker.rights
        check_limit("mailbox_size_limit", params.mailbox_size_limit, params.message_size_limit)
        self._queue = Queue.from_params(params)
        name = "local_delivery_status_filter"
        self._filter = StatusFilter.open(params.local_delivery_status_filter, name, self.config, self.log)
        self._tables = Tables(
            open_maps(params.alias_maps, "alias_maps", self.config, sensitive=True),
            open_maps(params.mailbox_command_maps, "mailbox_command_maps", self.config, sensitive=True),
            open_maps(params.mailbox_transport_maps, "mailbox_transport_maps", self.config, sensitive=True),
            open_maps(params.fallback_transport_maps, "fallback_transport_maps", self.config, sensitive=True),
        )
        self._forwarder = Forwarder(
            self._queue, Channel(f"public/{params.cleanup_service_name}", params.ipc_timeout), params, rights
        )
        self._tools = Tools(
            params=params,
            log=self.log,
            service=self.worker.service,
            rights=rights,
            tables=self._tables,
            lock=LockPolicy.from_params(params, params.mailbox_delivery_lock, "mailbox_delivery_lock"),
            default_user=default_user(params.default_privs, rights.can_switch),
            environment=exported_environment(params.export_environment, os.environ),
            resolver=Resolver(Channel(f"private/{params.rewrite_service_name}", params.ipc_timeout)),
            transports=Transports(lambda name: Channel(f"private/{name}", params.ipc_timeout)),
            biff=Biff.find() if params.biff else None,
        )

    def find_changed(self) -> Iterator[str]:
        yield from self._filter.find_changed()
        tables = self._tables
        for maps in (tables.aliases, tables.mailbox_commands, tables.mailbox_transports, tables.fallback_transports):
            if maps.has_changed():
                yield maps.name

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Deliver to every recipient of the request."""
        if not isinstance(request, Deliver):
            raise UnexpectedMessage(request)
        try:
            with Job(request, self._queue, self.log, self.params, self.worker.service, self._filter) as job:
                seen = delivered_to(job.content)
                for rcpt in request.recipients:
                    with job.guard(rcpt):
                        self._deliver(job, rcpt, seen)
                return job.finish()
        except (JobError, ContentError) as error:
            self.log.warning(str(error))
            return Refused(str(error))

    def _deliver(self, job: Job, rcpt: Recipient, seen: frozenset[str]) -> None:
        context = Context(self._tools, job, seen)
        state = State.begin(rcpt, job.envelope.sender, job.envelope.envid, job.envelope.ret)
        Expansion(context).recipient(state, NOBODY_YET)
        if context.forwards and not context.has_deferred:
            self._forward(context, state)
        elif context.forwards:
            self.log.info(f"{job.request.queue_id}: forwarding of {rcpt.address} waits for its other deliveries")
        job.settle(rcpt, context.notes)

    def _forward(self, context: Context, state: State) -> None:
        """Queue the new messages; the recipient is done only when all of them are safe."""
        for message in context.forwards.values():
            try:
                queue_id = self._forwarder.send(message, context.job.request, context.job.content)
            except ForwardError as error:
                self.log.warning(f"unable to forward message: {error}")
                context.failed(state, Dsn(error.status, error.reason))
                if context.has_deferred:
                    return
            else:
                context.sent(state.without_success(), f"forwarded as {queue_id}", action="relayed")


SERVICE = Service("local", LocalDaemon, LocalParameters)
