"""What a daemon folder declares, and the hooks that the skeleton calls.

`SERVICE = Service("virtual", VirtualDaemon, VirtualParameters)` stands in the folder's daemon.py. The skeleton
(`run.py`) makes one daemon object a process and calls its hooks in an order that is written once: nobody can forget
to drop privileges, to watch the master or to write the log.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from pyfix.mail.config import ParameterSet
from pyfix.mail.config.errors import one_line
from pyfix.mail.ipc.connection import Connection
from pyfix.mail.ipc.messages import AnyMessage, Goodbye, Hello, Message
from pyfix.mail.ipc.peer import Peer
from pyfix.service.worker import Listener, Worker

P = TypeVar("P", bound=ParameterSet)


class UnexpectedMessage(Exception):
    """A peer sent a message that this service does not serve."""

    def __init__(self, message: AnyMessage) -> None:
        super().__init__(f"unexpected message {type(message).__name__}")


class Daemon(Generic[P]):
    """Hooks that every daemon has."""

    depth: ClassVar[int] = 1
    """Requests that a client may have in flight on a connection (Hello.depth)."""
    solitary: ClassVar[bool] = False
    """Never two at once, across reloads and restarts of the master: the skeleton holds a lock."""
    permanent: ClassVar[bool] = False
    """max_idle and max_use do not apply."""
    runs_commands: ClassVar[bool] = False
    """Other people's programs are started from here, and are to find themselves scheduled as usual."""
    has_shelf: ClassVar[bool] = False
    """Its processes leave something for those that come after them (Worker.shelf)."""
    is_prompt: ClassVar[bool] = False
    """Somebody waits for each answer: the process is woken at once when others are busy, too."""
    open_to_all: ClassVar[bool] = False
    """Every local user may connect to the socket in public/ (pickup, showq); others admit mail_owner and root."""

    def __init__(self, worker: Worker, params: P) -> None:
        self.worker = worker
        self.config = worker.config
        self.params = params
        self.log = worker.log

    def before_jail(self) -> None:
        """Open what needs the rights and the view of the file system that the process was born with."""

    def after_jail(self) -> None:
        """Prepare the rest. Whatever reads bytes of strangers comes after this."""

    def wakeup(self) -> None:
        """The master's wakeup timer fired."""

    def watchdog_timeout(self, daemon_timeout: float) -> float:
        """Return how many seconds a process may be stuck before it is ended."""
        return daemon_timeout

    def find_changed(self) -> Iterator[str]:
        """Yield the names of tables that are no longer what was opened: a fresh process reads them."""
        yield from ()

    def find_changed_files(self) -> Iterator[str]:
        """Yield the names of other files of which the same is true: certificates, keys."""
        yield from ()

    def idle(self) -> None:
        """Called about once a second, also under load: end, after what is under way, when a table has changed."""
        if self.worker.is_retiring:
            return
        for table in self.find_changed():
            self._restart(f"table {table}")
            return
        for path in self.find_changed_files():
            self._restart(f"file {path}")
            return

    def _restart(self, cause: str) -> None:
        self.log.info(f"{cause} has changed -- restarting")
        self.worker.retire()


class OneClientDaemon(Daemon[P]):
    """Blocking; serves one connection at a time, many requests on it."""

    def handle(self, request: AnyMessage, peer: Peer) -> Message | None:
        """Return the answer; raise UnexpectedMessage for a message of another service."""
        raise UnexpectedMessage(request)

    def handle_all(self, requests: Sequence[AnyMessage], peer: Peer) -> Iterator[Message]:
        """Yield the answers to the requests that are there, in their order, one after the other unless overridden: who
        waits for the disk has less to wait for when it works on several at once."""
        for request in requests:
            answer = self.handle(request, peer)
            if answer is not None:
                yield answer

    def disconnected(self, peer: Peer) -> None:
        """The connection has ended."""


class Server(Protocol):
    """What accepts connections."""

    def close(self) -> None:
        """Accept no more."""


class ManyClientsDaemon(Daemon[P]):
    """Serves many connections at once on an event loop."""

    concurrent: ClassVar[bool] = False
    """Answers may come in another order than the requests (Hello.concurrent)."""
    descriptors: ClassVar[int] = 1
    """Files and sockets that stay open for each client."""
    shares_processes: ClassVar[bool] = False
    """A limit in master.cf is one of processes alone: of those that serve many clients in Postfix, too."""

    def __init__(self, worker: Worker, params: P) -> None:
        super().__init__(worker, params)
        self.connections: set[Connection] = set()

    async def start(self) -> None:
        """Called inside the loop before the first client."""

    async def stop(self) -> None:
        """The process is about to end: finish what is under way. The skeleton bounds the time."""

    def retiring(self) -> None:
        """No new clients come any more; called before the skeleton waits for those there are."""
        for connection in list(self.connections):
            connection.send(Goodbye())

    def stress_changed(self) -> None:
        """The service ran out of places for clients (worker.stress), or that is long ago: for new clients the
        parameters hold that depend on `stress`."""

    def system_stops(self) -> None:
        """The whole mail system stops: tell idle clients."""

    async def listen(self, listener: Listener, sock: socket.socket, backlog: int) -> Server:
        """Begin to accept connections on a socket, which becomes the server's."""
        loop = asyncio.get_running_loop()

        def factory() -> asyncio.BaseProtocol:
            return self.protocol(listener)

        if sock.family == socket.AF_UNIX:
            return await loop.create_unix_server(cast(Any, factory), sock=sock, backlog=backlog)
        return await loop.create_server(cast(Any, factory), sock=sock, backlog=backlog)

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the protocol for a new connection; pyfix's own messages unless overridden."""
        return Connection(self.receive, self._ended, self._started)

    def receive(self, message: AnyMessage, connection: Connection) -> None:
        """A message came in."""
        connection.abort(str(UnexpectedMessage(message)))

    def connection_lost(self, connection: Connection) -> None:
        """A connection has ended."""

    def _started(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.worker.client_opened()
        connection.send(Hello(self.worker.service, depth=self.depth, concurrent=self.concurrent))

    def _ended(self, connection: Connection, problem: str) -> None:
        self.connections.discard(connection)
        self.worker.client_closed()
        self.connection_lost(connection)


class DatagramDaemon(Daemon[P]):
    """Blocking; takes the log lines of all processes (postlog)."""

    def is_ready(self) -> bool:
        """Return whether this process can take more lines; if not it ends, and a new one takes them."""
        return True

    def lines(self, data: bytes) -> None:
        """Lines of the mail system's own processes arrived, perhaps none."""

    def datagrams(self, batch: list[bytes]) -> None:
        """Datagrams arrived, perhaps of strangers, perhaps none."""


@dataclass(frozen=True, slots=True)
class Service(Generic[P]):
    """The declaration of one program that master.cf can name."""

    program: str
    daemon: type[Daemon[P]]
    parameters: type[P]
    takes_arguments: bool = False
    """Whether its line of master.cf may have more than options."""
    serves_mailboxes: bool = False
    """Its lines in the log are Dovecot's (mailbox_syslog_name)."""

    def stray_argument(self, argv: Sequence[str]) -> str:
        """Return what is wrong with the arguments of its line, empty if nothing is."""
        if self.takes_arguments or not argv:
            return ""
        return f"unexpected command-line argument: {one_line(argv[0], 60)}; {self.program} takes options only"

    def create(self, worker: Worker) -> Daemon[P]:
        """Make the daemon object; reading its parameters raises ConfigError for bad values."""
        return self.daemon(worker, worker.config.read(self.parameters))


AnyService = Service[Any]
