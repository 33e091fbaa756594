"""The cleanup process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pyfix.base.failure import words_for
from pyfix.daemons.cleanup import refusal
from pyfix.daemons.cleanup.addresses import AddressStage
from pyfix.daemons.cleanup.copies import Copies
from pyfix.daemons.cleanup.hint import QmgrHint
from pyfix.daemons.cleanup.maker import MessageMaker, Written
from pyfix.daemons.cleanup.params import CleanupParameters
from pyfix.daemons.cleanup.refusal import Refusal
from pyfix.daemons.cleanup.trace import TraceLog
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import AnyMessage, Message, Submit, Submitted
from pyfix.mail.ipc.peer import Peer
from pyfix.mail.maps import open_maps
from pyfix.mail.message.header import is_header
from pyfix.mail.queue import CorruptFile, NewFile, Queue
from pyfix.mail.rewrite.address_map import MapError
from pyfix.mail.rewrite.aliases import AliasError
from pyfix.mail.rewrite.rules import RewriteTables
from pyfix.service.service import OneClientDaemon, Service, UnexpectedMessage

_TRACE_TIMEOUT_S: Final = 30.0
_COPY_MAPS: Final = ("sender_bcc_maps", "recipient_bcc_maps")


class CleanupDaemon(OneClientDaemon[CleanupParameters]):
    """Answers Submit."""

    depth = 32

    def before_jail(self) -> None:
        """Open the tables while the rights to read them are there, and check what can't be used as it is."""
        params = self.params
        self._rewriting = RewriteTables(self.config, params)
        self._maps = {name: open_maps(getattr(params, name), name, self.config) for name in _COPY_MAPS}
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
            Channel(f"private/{params.rewrite_service_name}", params.ipc_timeout),
            params.header_address_token_limit,
            params.myorigin,
        )
        mappings = self._rewriting.make_mappings(stage.complete, self.log)
        aliases = self._rewriting.make_aliases(stage.complete, self.log)
        self._maker = MessageMaker(params, self.log, stage, mappings, aliases, self._make_copies(), trace)

    def _make_copies(self) -> Copies:
        params = self.params
        return Copies(
            params.always_bcc, self._maps["sender_bcc_maps"], self._maps["recipient_bcc_maps"],
            self._rewriting.local.is_local_part_domain, params.recipient_delimiter, self.log,
        )  # fmt: skip

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
        except (IpcError, MapError) as error:
            self._abort(file)
            self.log.warning(f"{file.id}: {error} -- message not accepted, try again later")
            raise (refusal.expansion_error() if isinstance(error, AliasError) else refusal.write_error()) from error

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

    def find_changed(self) -> Iterator[str]:
        yield from (maps.name for maps in self._maps.values() if maps.has_changed())
        yield from self._rewriting.find_changed()


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
