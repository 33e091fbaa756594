"""The cleanup process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pyfix.base.failure import words_for
from pyfix.daemons.cleanup import refusal
from pyfix.daemons.cleanup.addresses import AddressStage
from pyfix.daemons.cleanup.aliases import VirtualAliases
from pyfix.daemons.cleanup.expansion import ExpansionLimits
from pyfix.daemons.cleanup.hint import QmgrHint
from pyfix.daemons.cleanup.maker import MessageMaker, Written
from pyfix.daemons.cleanup.params import CleanupParameters
from pyfix.daemons.cleanup.refusal import Refusal
from pyfix.daemons.cleanup.trace import TraceLog
from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import AnyMessage, Message, Submit, Submitted
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.message.header import is_header
from pyfix.mail.queue import CorruptFile, NewFile, Queue
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_TRACE_TIMEOUT_S: Final = 30.0


class CleanupDaemon(OneClientDaemon[CleanupParameters]):
    """Answers Submit."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables while the rights to read them are there, and check what can't be used as it is."""
        params = self.params
        self._tables: Maps = open_maps(params.virtual_alias_maps, "virtual_alias_maps", self.config)
        self._local = LocalDomains(self.config, params)
        if params.undisclosed_recipients_header and not is_header(params.undisclosed_recipients_header):
            self.log.warning(
                f'bad undisclosed_recipients_header header text "{params.undisclosed_recipients_header}"'
                ' -- need "headername: headervalue"'
            )

    def after_jail(self) -> None:
        """Connect what a message passes through."""
        params = self.params
        self.queue = Queue.from_params(params)
        self._qmgr = QmgrHint(f"public/{params.queue_service_name}")
        trace = TraceLog(Channel(f"private/{params.trace_service_name}", _TRACE_TIMEOUT_S), self.log)
        stage = AddressStage(
            Channel(f"private/{params.rewrite_service_name}", params.ipc_timeout), params.header_address_token_limit
        )
        self._maker = MessageMaker(params, self.log, stage, self._make_aliases(stage), trace)

    def _make_aliases(self, stage: AddressStage) -> VirtualAliases | None:
        params = self.params
        if self._tables.is_empty:
            return None
        return VirtualAliases(
            self._tables,
            self.log,
            ExpansionLimits(
                params.virtual_alias_expansion_limit,
                params.virtual_alias_recursion_limit,
                params.virtual_alias_address_length_limit,
            ),
            stage.complete,
            is_local=self._local.is_local_part_domain,
            delimiter=params.recipient_delimiter,
            propagate="virtual" in params.propagate_unmatched_extensions,
        )

    def handle_all(self, requests: Sequence[AnyMessage], peer: Peer) -> Iterator[Message]:
        """Make the messages, or say why not: all are written before the first is made durable."""
        results = [self._write(request) for request in _submissions(requests)]
        if len(results) > 1:
            for written in results:
                if isinstance(written, Written):
                    written.file.start_storing()
        answers, hints = [], []
        for result in results:
            answer = self._finish(result) if isinstance(result, Written) else result
            if isinstance(result, Written) and not answer.reason and result.queue == "incoming":
                hints.append(result.hint)
            answers.append(answer)
        self.log.flush()  # a reader of the log expects message-id= before what qmgr says
        if hints:
            self._qmgr.send(hints)
        yield from answers

    def _write(self, request: Submit) -> Written | Submitted:
        try:
            file = self._adopt(request.queue_id)
            with self._refusing(file):
                return self._maker.write(request, file)
        except Refusal as problem:
            return _refused(request.queue_id, problem)

    def _finish(self, written: Written) -> Submitted:
        file = written.file
        try:
            with self._refusing(file):
                self._maker.finish(written)
        except Refusal as problem:
            return _refused(file.id, problem)
        return Submitted(file.id)

    @contextmanager
    def _refusing(self, file: NewFile) -> Iterator[None]:
        """Raise Refusal, leaving no file, for anything that does not succeed."""
        try:
            yield
        except Refusal:
            self._abort(file)
            raise
        except OSError as error:
            self._abort(file)
            self.log.warning(f"{file.id}: write queue file: {error.strerror}")
            raise refusal.write_error(error) from error
        except (IpcError, TableError) as error:
            self._abort(file)
            self.log.warning(f"{file.id}: {error} -- message not accepted, try again later")
            raise refusal.write_error() from error

    def _adopt(self, queue_id: str) -> NewFile:
        try:
            return self.queue.adopt(queue_id)
        except (OSError, CorruptFile, ValueError) as error:
            self.log.warning(f"{queue_id[:100]}: open queue file: {words_for(error)}")
            raise refusal.bad_request() from error

    def _abort(self, file: NewFile) -> None:
        try:
            file.abort()
        except OSError as error:
            self.log.warning(f"{file.id}: remove queue file: {error.strerror}")

    def idle(self) -> None:
        """End this process when a table has changed: the next one reads it anew."""
        if self.worker.is_retiring:
            return
        for name, watched in ((self._tables.name, self._tables), ("mydestination", self._local)):
            if watched.has_changed():
                self.log.info(f"table {name} has changed -- restarting")
                self.worker.retire()
                return


def _submissions(requests: Sequence[AnyMessage]) -> list[Submit]:
    """Return the requests; raise UnexpectedMessage before any of them is begun."""
    submissions = []
    for request in requests:
        if not isinstance(request, Submit):
            raise UnexpectedMessage(request)
        submissions.append(request)
    return submissions


def _refused(queue_id: str, problem: Refusal) -> Submitted:
    return Submitted(queue_id, problem.status, problem.code, problem.reason)


SERVICE = Service("cleanup", CleanupDaemon, CleanupParameters)
