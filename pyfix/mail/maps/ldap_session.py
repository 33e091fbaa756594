"""A session with an LDAP server, through ldap3: connect, encrypt, log in, search.

Each thread has a session of its own. What ldap3 raises becomes one of two: the server is down, or the search has
failed. Certificates are loaded when the table is opened: ldap3 would read the files for each connection, in the jail.
See: ldap.py.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import ldap3
from ldap3.core.exceptions import LDAPCommunicationError, LDAPExceptionError, LDAPResponseTimeoutError
from pyasn1.error import PyAsn1Error

from pyfix.base.endpoint import Endpoint
from pyfix.mail.maps.hosts import QueryFailed, ServerDown
from pyfix.mail.maps.ldap_entries import Elsewhere, Entry, Request

_SCOPES: Final = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
_DEREFERENCE: Final = (ldap3.DEREF_NEVER, ldap3.DEREF_SEARCH, ldap3.DEREF_BASE, ldap3.DEREF_ALWAYS)
_SUCCESS: Final = 0
_REFERRAL: Final = 10
_NO_SUCH_OBJECT: Final = 32
_NUMBERS: Final = re.compile(r"\[(?:Errno|SSL)[^]]*\] | \(_ssl\.c:\d+\)")
_SHOWN: Final = 300
NO_LDAP: Final = (
    PyAsn1Error, ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError,
    struct.error,
)  # fmt: skip
"""What ldap3 stumbles over in a reply that is no LDAP: it takes a number for the size of a value, say."""


class NoSuchObject(Exception):
    """There is no entry of the name at which a search begins. The text is for the log."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server."""

    endpoint: Endpoint
    is_encrypted: bool
    """From the start: ldaps."""

    @property
    def url(self) -> str:
        """Return the place in ldap3's words."""
        if self.endpoint.path:
            return f"ldapi://{quote(self.endpoint.path)}"
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        return f"{'ldaps' if self.is_encrypted else 'ldap'}://{host}:{self.endpoint.port}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What all searches of a table have in common."""

    dereference: int
    size_limit: int
    follows_referrals: bool


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect to each of the servers."""

    binds: bool
    user: str
    password: str
    starts_tls: bool
    tls: ssl.SSLContext | None
    timeout_s: int

    def connect(self, place: Place, name: str) -> Session:
        """Return a session that is ready for searches; raises ServerDown."""
        try:
            session = Session(self._connection(place), name)
        except LDAPExceptionError as error:
            raise ServerDown(f"connect to LDAP server {name}: {_reason(error)}") from error
        try:
            self._log_in(session)
        except (LDAPExceptionError, OSError, *NO_LDAP) as error:
            session.close()
            raise ServerDown(f"connect to LDAP server {name}: {_reason(error)}") from error
        except BaseException:
            session.close()
            raise
        return session

    def _log_in(self, session: Session) -> None:
        connection = session.connection
        connection.open(read_server_info=False)
        if self.starts_tls:
            connection.start_tls(read_server_info=False)
        if self.binds and not connection.bind(read_server_info=False):
            raise ServerDown(f'bind to LDAP server {session.name} as "{self.user}": {_result(connection)}')

    def _connection(self, place: Place) -> Any:
        tls = ldap3.Tls(validate=ssl.CERT_NONE)  # of ours, below
        tls.wrap_socket = partial(_wrap, self.tls)
        server = ldap3.Server(place.url, get_info=ldap3.NONE, connect_timeout=self.timeout_s, tls=tls)
        return ldap3.Connection(
            server, user=self.user or None, password=self.password or None,
            authentication=ldap3.SIMPLE if self.user else ldap3.ANONYMOUS, receive_timeout=self.timeout_s,
            read_only=True, auto_referrals=False, check_names=False, auto_escape=False, auto_encode=False,
        )  # fmt: skip


def _wrap(context: ssl.SSLContext | None, connection: Any, do_handshake: bool = False) -> None:
    """Do what ldap3's own does, with a context that is there already."""
    if context is None:
        raise ssl.SSLError("nobody has said how to encrypt")
    connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, which it owns."""

    connection: Any
    name: str
    """Of the server, for messages."""

    def search(self, request: Request, limits: Limits) -> list[Entry | Elsewhere]:
        """Return the entries that a search finds; raises ServerDown, QueryFailed, NoSuchObject."""
        try:
            self.connection.search(
                request.base, request.filter, _SCOPES[request.scope], _DEREFERENCE[limits.dereference],
                list(request.attributes), limits.size_limit,
            )  # fmt: skip
            result = self.connection.result
            code = result["result"]
            if code == _SUCCESS:
                return [*self._found(limits)]
            if code == _REFERRAL and limits.follows_referrals:
                return [Elsewhere(tuple(result["referrals"]))]
        except (LDAPCommunicationError, LDAPResponseTimeoutError, OSError, *NO_LDAP) as error:
            raise ServerDown(f"LDAP search failed: {self.name}: {_reason(error)}") from error
        except LDAPExceptionError as error:
            raise QueryFailed(f"LDAP search failed: {self.name}: {_reason(error)}") from error
        text = f"LDAP search failed: {self.name}: {_result(self.connection)}"
        raise NoSuchObject(text) if code == _NO_SUCH_OBJECT else QueryFailed(text)

    def _found(self, limits: Limits) -> Iterator[Entry | Elsewhere]:
        for item in self.connection.response:
            if item["type"] == "searchResEntry":
                yield dict(item["raw_attributes"].items())
            elif item["type"] == "searchResRef" and limits.follows_referrals:
                yield Elsewhere(tuple(item["uri"]))

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(LDAPExceptionError, OSError, *NO_LDAP):
            self.connection.unbind()
        if self.connection.socket is not None:  # it could not be opened
            self.connection.socket.close()


def _result(connection: Any) -> str:
    """Return what the server says about the last request."""
    result = connection.result
    return _clean(f"error {result['result']}: {result['description']} {result['message']}")


def _reason(error: BaseException) -> str:
    """Return what went wrong, without numbers; of several addresses that were tried, with the last."""
    if isinstance(error, NO_LDAP) and not isinstance(error, OSError):
        return f"the reply is no LDAP: {_clean(str(error) or type(error).__name__)}"
    if len(error.args) > 1 and isinstance(error.args[1], list) and error.args[1]:
        return _reason(error.args[1][-1][0])
    return _clean(str(error).strip("()\"',") or type(error).__name__)


def _clean(text: str) -> str:
    return " ".join(_NUMBERS.sub("", text).split())[:_SHOWN]
