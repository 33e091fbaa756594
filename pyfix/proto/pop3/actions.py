"""What a session wants done, in this order. The process does it, and reports what the docstring says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes: whole lines."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection once everything is sent. Nothing follows."""

    reason: str
    """For the log."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """Send the reply and start TLS; report `tls_started`. Input that came in the clear is forgotten."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Begin a login; report `challenge`, `refuse` or nothing more, when the session goes on elsewhere."""

    mechanism: str
    response: bytes | None = field(repr=False)
    """Decoded; None: the client has sent none."""
    user: str = ""
    """As the client wrote it; empty where only the mechanism knows."""


@dataclass(frozen=True, slots=True)
class Respond:
    """Carry the client's response to the challenge on; report as for Authenticate."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cancel:
    """The client wants no more of this login. Nothing is to be reported."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Send all blocks, as fast as the client takes them; report `done`."""

    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Open a message; send `head`, the message (content.py) and its end; report `fetched`, `gone` or `failed`."""

    number: int
    lines: int | None
    """How many lines of the body; None: all."""
    head: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """Remove messages for good, remember which were read, let go of the mailbox; report `updated`."""

    deleted: tuple[int, ...]
    seen: tuple[int, ...]


Action = Reply | Close | StartTls | Authenticate | Respond | Cancel | Listing | Fetch | Update
