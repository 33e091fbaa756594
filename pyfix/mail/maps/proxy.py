"""proxy_table(5): tables that proxymap opens for everybody.

    proxy:type:name

proxymap(8) opens type:name and looks keys up for the other processes: for those in a chroot, which would not see it,
and so that not each of them needs a connection to a database server. It opens what proxy_read_maps lists: the default
has the tables of all parameters that such processes use, so that proxy: in front is enough.

Where results are commands, paths or rights (alias_maps of local(8), virtual_uid_maps), proxymap is not trusted, and the
process opens the table itself. So do `pyfix explain` and `pyfix check`, which need no mail system that runs. postmap(1)
asks proxymap; only root and mail_owner may.

Failures: a proxymap that is not there, dies, or gives no answer within ipc_timeout is a temporary failure, as is a
table that is not approved; the log says which. No mail is refused for it.

Example: local recipients, as known outside of the chroot

    local_recipient_maps = proxy:unix:passwd.byname $alias_maps

See: lookup_tables(5), proxymap(8), master(5)

Inside: a process keeps one connection for each thread that asks at the same time, for all its proxied tables together.
smtpd asks tables that wait for nobody else without a thread (`question`, `value_of`; answered.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar
from weakref import WeakValueDictionary

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import (
    Message,
    ProxyAnswer,
    ProxyDelete,
    ProxyFlags,
    ProxyLookup,
    ProxyOpen,
    ProxySequence,
    ProxyStatus,
    ProxyUpdate,
)
from pyfix.mail.maps import leaves
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.params import ProxyParameters
from pyfix.mail.maps.table import Table, TableError, encode_key

M = TypeVar("M", bound=Message)


class ProxyService:
    """The connections of this process to proxymap, or to proxywrite."""

    def __init__(self, name: str, params: ProxyParameters) -> None:
        self.name = name
        self._params = params
        self._connections = Connections(self._connect, Channel.close, IpcError, params.ipc_idle)

    def call(self, request: Message) -> ProxyAnswer:
        """Return the answer; raises IpcError."""
        return self._connections.call(lambda channel: channel.call(request, ProxyAnswer))

    def dialogue(self, request: Message, following: Message) -> Iterator[ProxyAnswer]:
        """Yield the answer to the request, then, as often as asked for, that to the next; raises IpcError."""
        channel = self._connect()
        try:
            while True:
                yield channel.call(request, ProxyAnswer)
                request = following
        finally:
            channel.close()

    def _connect(self) -> Channel:
        """A process of the mail system is in the queue directory, and may see no other path; a command is anywhere."""
        path = f"private/{self.name}"
        if not os.path.exists(path):
            path = os.path.join(self._params.queue_directory, path)
        return Channel(path, self._params.ipc_timeout)


_shared: WeakValueDictionary[tuple[str, str, int], ProxyService] = WeakValueDictionary()


def _service(name: str, params: ProxyParameters) -> ProxyService:
    """Return what this process has for a service; it is not shared with children."""
    key = (params.queue_directory, name, os.getpid())
    service = _shared.get(key)
    if service is None:
        service = _shared[key] = ProxyService(name, params)
    return service


class ProxyTable(Table):
    """A table that proxymap has open."""

    blocking = True

    def __init__(self, name: str, table: str, flags: ProxyFlags, service: ProxyService) -> None:
        """table: type:name as proxymap knows it; raises ConfigError for what can be none."""
        super().__init__(name)
        self.is_pattern = leaves.is_pattern(table)
        self.waits = leaves.may_wait(table)
        """True when proxymap may have to wait for somebody."""
        self._table = table
        self._flags = flags
        self._service = service

    def question(self, keys: list[str]) -> ProxyLookup:
        """Return what to ask proxymap to find the first of some keys."""
        return ProxyLookup(self._table, keys, self._flags)

    def lookup(self, key: str) -> str | None:
        if encode_key(key) is None:
            return None  # no text, and so in no table
        question = self.question([key])
        return self.value_of(self.checked(question, self._call(question)), key)

    def checked(self, question: ProxyLookup, answer: ProxyAnswer) -> ProxyAnswer:
        """Return the answer to a lookup, or a failure in the place of one that is about something else."""
        if answer.status in (ProxyStatus.OK, ProxyStatus.RETRY) and answer.key not in question.keys:
            reason = f"{self._service.name} answers another question than the one that was asked"
            return ProxyAnswer(ProxyStatus.RETRY, key=question.keys[0], reason=reason)
        return answer

    def open(self) -> None:
        """Have proxymap open the table; raises TableError where it won't."""
        self.value_of(self._call(ProxyOpen(self._table, self._flags)), "", "open")

    def update(self, key: str, value: str) -> None:
        """Store a value; raises TableError."""
        self.value_of(self._call(ProxyUpdate(self._table, key, value, self._flags)), key, "update")

    def delete(self, key: str) -> bool:
        """Take a key out; return whether it was there. Raises TableError."""
        answer = self._call(ProxyDelete(self._table, key, self._flags))
        return self.value_of(answer, key, "delete") is not None

    def entries(self) -> Iterator[tuple[str, str]]:
        first, following = (ProxySequence(self._table, is_first, self._flags) for is_first in (True, False))
        try:
            for answer in self._service.dialogue(first, following):
                if self.value_of(answer, "", "sequence") is None:
                    return
                yield answer.key, answer.value
        except IpcError as error:
            raise self.failure(error) from error

    def _call(self, request: Message) -> ProxyAnswer:
        try:
            return self._service.call(request)
        except IpcError as error:
            raise self.failure(error) from error

    def failure(self, error: IpcError) -> TableError:
        """Return what an error of the connection means for a lookup."""
        name = self._service.name
        remedy = ""
        if isinstance(error.__cause__, FileNotFoundError):
            program = "proxymap"
            remedy = f'; is the mail system running, and has master.cf a line "{name} unix - - n - - {program}"?'
        return TableError(f"{self.name}: {error}{remedy}")

    def value_of(self, answer: ProxyAnswer, key: str, operation: str = "lookup") -> str | None:
        """Return the value in an answer, None for a key that is not there; raises TableError."""
        service = self._service.name
        match answer.status:
            case ProxyStatus.OK:
                return answer.value
            case ProxyStatus.NO_KEY:
                return None
            case ProxyStatus.DENIED:
                raise TableError(f'{service} service is not configured for table "{self._table}"')
            case ProxyStatus.BAD:
                raise TableError(
                    f'{service} {operation} failed for table "{self._table}" key "{key[:100]}": invalid request'
                )
            case ProxyStatus.RETRY:
                raise TableError(f"{self.name}: {answer.reason}")


def open_proxied(spec: str, opening: Opening, *, writes: bool = False) -> ProxyTable:
    """Return the table of proxy:type:name, without asking anybody yet; raises ConfigError."""
    config = opening.config
    if config is None:
        raise ConfigError(f"{spec}: proxymap is known to processes with a main.cf only")
    params = config.read(ProxyParameters)
    service = _service(params.proxywrite_service_name if writes else params.proxymap_service_name, params)
    flags = ProxyFlags(opening.fold, opening.substitution)
    return ProxyTable(spec, leaves.unproxied(spec), flags, service)


def open_for_writing(spec: str, config: Config, *, fold: bool) -> ProxyTable:
    """Return the table that proxywrite has open; raises ConfigError."""
    return open_proxied(spec, Opening(config.warnings.append, fold, config=config), writes=True)
