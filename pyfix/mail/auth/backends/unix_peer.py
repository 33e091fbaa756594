"""Ask another password server over a Unix socket: one connection a question, with one time limit for all of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError
from pyfix.mail.auth.backend import BackendUnavailable


@contextlib.contextmanager
def connected(path: str, server: str, timeout_s: float) -> Iterator[Stream]:
    """Give a connection; what goes wrong with it is BackendUnavailable. server: its name, for messages."""
    try:
        stream = Stream(Endpoint.unix(path).connect(timeout_s), timeout_s)
    except OSError as error:
        raise BackendUnavailable(f"connect to {server} at {path}: {words_for(error)}; {_remedy(error)}") from error
    try:
        yield stream
    except StreamError as error:
        raise BackendUnavailable(f"{server} at {path}: {error}; see its log") from error
    finally:
        stream.close()


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "start it, or correct the path"
    if isinstance(error, PermissionError):
        return "auth must begin as root, or be a member of the group that may use the socket"
    return "start it"
