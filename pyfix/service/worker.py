"""What a worker process knows about itself and shares with its daemon code."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pyfix.base.log import Log
from pyfix.base.shelf import Shelf
from pyfix.mail.config import Config
from pyfix.service.rights import Rights


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket that the master handed down."""

    sock: socket.socket
    kind: str
    """"inet", "unix", "unix-dgram" or "fifo", as in master.cf."""
    name: str
    """The service name column for inet, the path below the queue directory otherwise."""


@dataclass(slots=True)
class Worker:
    """One process that serves one line of master.cf."""

    service: str
    """Name column of master.cf: for delivery agents, the transport."""
    program: str
    argv: list[str]
    """What follows the program name in master.cf, options taken out."""
    config: Config
    log: Log
    rights: Rights
    verbose: int = 0
    stress: bool = False
    """The service has no place left for clients, or had none a while ago: what `stress` in main.cf is for."""
    show_stress: Callable[[bool], None] = field(default=lambda is_on: None)
    """Have ps show it."""
    client_limit: int = 0
    """At most so many clients at once in this process; 0: no limit of the master.cf line."""
    shelf: Shelf | None = None
    """What processes before this one have left; only until the jail."""
    clients: int = 0
    is_retiring: bool = False
    on_change: Callable[[], None] = field(default=lambda: None)
    """Called by the skeleton's loops when clients or is_retiring changed."""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def stressed_config(self) -> Config:
        """The configuration that holds under stress."""
        return self.config.amended([("stress", "yes")])

    def retire(self) -> None:
        """Finish what has begun, then exit: a fresh process takes over (a table changed, an inner fault)."""
        self.is_retiring = True
        self.on_change()

    def client_opened(self) -> None:
        """A many-clients daemon tells of each client that it begins to serve."""
        self.clients += 1
        self.on_change()

    def client_closed(self) -> None:
        """And of its end."""
        self.clients -= 1
        self.on_change()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside the others, kept alive until done; what it raises ends the process."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler({"message": "task failed", "exception": error, "task": task})
