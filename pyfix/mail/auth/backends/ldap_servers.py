"""Ask the directory of a password file: searches as one account, and logins as the users themselves."""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pyfix.base.failure import words_for
from pyfix.mail.auth.backend import BackendUnavailable
from pyfix.mail.auth.backends.dovecot_conf import DovecotConf
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.table import TableError

KNOWN_OF_SERVERS: Final = (
    "hosts", "uris", "dn", "dnpass", "ldap_version", "deref", "tls", "tls_ca_cert_file", "tls_ca_cert_dir",
    "tls_cert_file", "tls_key_file", "tls_require_cert",
)  # fmt: skip
_DEREFERENCE: Final = {"": 0, "never": 0, "searching": 1, "finding": 2, "always": 3}
_WRONG: Final = frozenset({49, 32, 34, 50, 53})
"""invalidCredentials, noSuchObject, invalidDNSyntax, insufficientAccessRights, unwillingToPerform."""
_MOST_ENTRIES: Final = 2
Found = tuple[str, Mapping[str, Sequence[bytes]]]
"""The name of an entry, and its attributes."""


class LdapServers:
    """Servers with the same data, in the order in which they are tried."""

    def __init__(self, hosts: Hosts[Any], logins: Hosts[Any], place: str, complain: Callable[[str], None], deref: int):
        """hosts: sessions of the account that searches; logins: those of nobody yet."""
        self._hosts = hosts
        self._logins = logins
        self._place = place
        self._complain = complain
        self._deref = deref

    def search(self, base: str, query: str, scope: str, attributes: Sequence[str], place: str) -> list[Found]:
        """Return the entries that are found; raises BackendUnavailable."""
        found: list[Found] = self._call(
            self._hosts, lambda session: self._search(session, base, query, scope, attributes), place
        )
        return found

    def binds(self, name: str, password: str, place: str) -> bool:
        """Return whether a user's own login is right; raises BackendUnavailable."""
        return bool(self._call(self._logins, lambda session: _bind(session, name, password), place))

    def _call(self, hosts: Hosts[Any], request: Callable[[Any], Any], place: str) -> Any:
        try:
            return hosts.call(request, "ldap", self._complain)
        except TableError as error:
            text = str(error).removeprefix("ldap: ")
            is_search = "search failed" in text
            remedy = "correct the search" if is_search else "start the server, or correct hosts, dn and dnpass"
            raise BackendUnavailable(f"{place if is_search else self._place}: {text}; {remedy}") from error

    def _search(self, session: Any, base: str, query: str, scope: str, attributes: Sequence[str]) -> list[Found]:
        """Return entries; raises ServerDown, QueryFailed."""
        import ldap3
        from ldap3.core.exceptions import LDAPExceptionError

        from pyfix.mail.maps.ldap_session import NO_LDAP

        scopes = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
        try:
            session.connection.search(base, query, scopes[scope], self._deref_word(), list(attributes), _MOST_ENTRIES)
        except (LDAPExceptionError, OSError, *NO_LDAP) as error:
            raise ServerDown(f"LDAP search failed: {session.name}: {words_for(error)}") from error
        result = session.connection.result
        if result["result"] not in (0, 4, 32):
            text = f"error {result['result']}: {result['description']} {result['message']}".strip()
            raise QueryFailed(f"LDAP search failed: {session.name}: {text}")
        response = session.connection.response or []
        return [(item["dn"], item["raw_attributes"]) for item in response if item["type"] == "searchResEntry"]

    def _deref_word(self) -> str:
        import ldap3

        words = (ldap3.DEREF_NEVER, ldap3.DEREF_SEARCH, ldap3.DEREF_BASE, ldap3.DEREF_ALWAYS)
        return str(words[self._deref])

    def close(self) -> None:
        """End the sessions."""
        self._hosts.close()
        self._logins.close()


def _bind(session: Any, name: str, password: str) -> bool:
    """Log in on a session; raises ServerDown, QueryFailed."""
    import ldap3
    from ldap3.core.exceptions import LDAPExceptionError

    from pyfix.mail.maps.ldap_session import NO_LDAP

    try:
        if session.connection.rebind(name, password, ldap3.SIMPLE):
            return True
    except (LDAPExceptionError, OSError, *NO_LDAP) as error:
        raise ServerDown(f"LDAP bind failed: {session.name}: {words_for(error)}") from error
    result = session.connection.result
    if result["result"] in _WRONG:
        return False
    raise QueryFailed(f"LDAP bind failed: {session.name}: error {result['result']}: {result['description']}")


def open_ldap_servers(conf: DovecotConf, timeout_s: float, complain: Callable[[str], None]) -> LdapServers:
    """Return the servers, none of them asked yet; raises ConfigError."""
    try:
        ldap = importlib.import_module("pyfix.mail.maps.ldap_session")
        options = importlib.import_module("pyfix.mail.maps.ldap_options")
    except ImportError as error:
        raise ConfigError(
            f"{conf.path}: LDAP needs the Python package ldap3; install it with: pip install 'pyfix[ldap]'"
        ) from error
    if conf.get("ldap_version", "3") != "3":
        raise conf.refuse("ldap_version", "ldap_version: need 3; no other is spoken")
    if conf.get("deref") not in _DEREFERENCE:
        raise conf.refuse("deref", "deref: need never, searching, finding or always")
    name = "uris" if conf.get("uris") else "hosts"
    texts = conf.get(name).split() or ["localhost"]
    try:
        places = {text: options.parse_place(text, 389) for text in texts}
    except ValueError as error:
        raise conf.refuse(name, f"{name}: {error}") from None
    starts_tls = conf.flag("tls")
    tls = _tls(conf) if starts_tls or any(place.is_encrypted for place in places.values()) else None
    user, password = conf.get("dn"), conf.get("dnpass")
    access = ldap.Access(bool(user), user, password, starts_tls, tls, max(1, int(timeout_s)))
    nobody = replace(access, binds=False, user="", password="")
    hosts, logins = (
        Hosts([_host(ldap, way, text, place) for text, place in places.items()], 1, in_order=True)
        for way in (access, nobody)
    )
    return LdapServers(hosts, logins, conf.place(name), complain, _DEREFERENCE[conf.get("deref")])


def _host(ldap: Any, access: Any, text: str, place: Any) -> Host[Any]:
    connections = Connections(partial(access.connect, place, text), ldap.Session.close, ServerDown, IDLE_S)
    return Host(text, False, connections)


def _tls(conf: DovecotConf) -> ssl.SSLContext:
    """Return how to encrypt; raises ConfigError."""
    required = conf.get("tls_require_cert", "hard")
    if required not in ("never", "allow", "try", "demand", "hard"):
        raise conf.refuse("tls_require_cert", "tls_require_cert: need never, allow, try, demand or hard")
    try:
        context = ssl.create_default_context(
            cafile=conf.get("tls_ca_cert_file") or None, capath=conf.get("tls_ca_cert_dir") or None
        )
        if conf.get("tls_cert_file"):
            context.load_cert_chain(conf.get("tls_cert_file"), conf.get("tls_key_file") or None)
    except OSError as error:
        raise conf.refuse("tls_ca_cert_file", f"tls_ certificates: {words_for(error)}") from None
    if required in ("never", "allow"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
