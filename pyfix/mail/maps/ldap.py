"""ldap_table(5): a search in an LDAP directory.

    ldap:/etc/pyfix/aliases.cf

The settings are domain, result_format and expansion_limit as in table_queries(5), and for the server:

    server_host                          the servers, in the order in which they are tried; localhost otherwise
    server_port                          the port of those that are no URL and name none; 389 otherwise
    bind                                 no or none: search without a login; simple or yes: log in; yes otherwise
    bind_dn, bind_pw                     the account; an empty one otherwise
    timeout                              how many seconds a connection and each answer may take; 10 otherwise
    version                              3, the only version that is spoken
    start_tls                            yes: encrypt after connecting; no otherwise
    tls_require_cert                     yes: the server's certificate must be valid and for the host; no otherwise
    tls_ca_cert_file, tls_ca_cert_dir    the authorities that may have signed it: a file, a directory
    tls_cert, tls_key                    the client's certificate and its key
    tls_cipher_suite                     the ciphers, in OpenSSL's words

and for the search:

    search_base                  the name of the entry below which is searched; may have the codes of a query; required
    scope                        sub: there and in all below; one: in those right below; base: there; sub otherwise
    query_filter                 which entries; mailacceptinggeneralid=%s otherwise
    result_attribute             the attributes whose values are the result; maildrop otherwise
    special_result_attribute     those that name other entries, or URLs of searches, which are followed
    terminal_result_attribute    those that count alone, in entries that have any
    leaf_result_attribute        those that count, too, in entries that refer to no others
    recursion_limit              how deep references may go; 1000 otherwise
    size_limit                   how many entries one search may find; expansion_limit otherwise
    dereference                  whether aliases are followed, 0: never; 1: in a search; 2: to its base; 3: always; 0
                                 otherwise
    result_filter                the name of result_format before Postfix 2.2

A server is host, host:port, ldap://host:port, ldaps://host:port or ldapi://%2Fpath%2Fof%2Fsocket.

A key is quoted for the filter and the name that it goes into. Where the base depends on the key, one that is not there
is a key that is not there; a reference to an entry that is not there is warned about, and left out. A URL's attributes
are those of the table that it names, or all; its host does not count.

Rights: settings and certificates are read at once, with the rights that the process begins with. A file with a password
should be readable for root alone.

Failures: a server that can't be reached, or does not let the account in, is left alone for a minute, and another one
asked. When none is left, or the search is wrong or finds more than it may, the lookup is a temporary failure. Refused,
since nothing does it: bind = sasl, chase_referrals = yes. The type needs a package: pip install
'pyfix[ldap]'.

Example: the addresses of the members of a group

    server_host = ldap://ldap.example.com
    start_tls = yes
    tls_require_cert = yes
    search_base = ou=groups,dc=example,dc=com
    query_filter = (mail=%s)
    result_attribute =
    leaf_result_attribute = mail
    special_result_attribute = member

See: table_queries(5), lookup_tables(5), postmap(1)

Inside: ldap_session.py talks to the server, ldap_entries.py reads what it answers.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final
from urllib.parse import unquote

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter

from pyfix.base.endpoint import Endpoint
from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.ldap_entries import (
    ANY_OBJECT,
    SCOPES,
    Attributes,
    Entry,
    Reference,
    is_url,
    parse_url,
    quote_in_filter,
    quote_in_name,
)
from pyfix.mail.maps.ldap_session import Access, NoSuchObject, Place, Search, Session
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues, QueriedTable, parse_template, read_template
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.source import shown
from pyfix.mail.maps.table import Table, TableError, decode_value
from pyfix.mail.maps.template import Template, Templates
from pyfix.mail.maps.tls_options import Names, load_context

_TLS_NAMES: Final = Names("tls_cert", "tls_key", "tls_ca_cert_file", "tls_ca_cert_dir")
_PORTS: Final = {"ldap": "389", "ldaps": "636"}
Steps = Iterator[bytes | Reference]


class LdapTable(QueriedTable):
    """Asks one of several servers, and follows where an entry leads."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        self._base = _read_base(settings)
        self._filter = _read_filter(settings)
        self._scope = settings.choice("scope", "sub", SCOPES)
        old_format = settings.string("result_filter", "%s", low=1)
        templates = Templates([self._base, self._filter], read_template(settings, "result_format", old_format))
        limit = settings.integer("expansion_limit", 0, low=0)
        super().__init__(name, settings, opening, templates, limit)
        self._attributes = Attributes(
            tuple(settings.words("terminal_result_attribute")),
            tuple(settings.words("leaf_result_attribute")),
            tuple(settings.words("result_attribute", "maildrop")),
            tuple(settings.words("special_result_attribute")),
        )
        self._depth = settings.integer("recursion_limit", 1000, low=1)
        self._search = Search(
            settings.integer("dereference", 0, low=0, high=3), settings.integer("size_limit", limit, low=0)
        )
        self._hosts = Hosts(_hosts(settings), in_order=True)

    def find(self, key: KeyValues) -> Iterable[str | None]:
        return self._hosts.call(lambda session: self._walk(session, key), self.name, self.warn)

    def _walk(self, session: Session, key: KeyValues) -> list[str]:
        """Return the values in the entries of a key and in those to which they lead; raises TableError, too."""
        found: list[str] = []
        path = [self._steps(self._entries(session, key))]
        while path:
            match next(path[-1], None):
                case None:
                    path.pop()
                case Reference(attribute, target):
                    if len(path) >= self._depth:
                        problem = f"Recursion limit exceeded for special attribute {attribute}={_shown(target)}"
                        raise TableError(f"{self.name}: {problem}")
                    path.append(self._steps(self._follow(session, target, key)))
                case value:
                    found.append(decode_value(value, self.name, key["s"]))
        return found

    def _steps(self, entries: list[Entry]) -> Steps:
        for entry in entries:
            yield from self._attributes.read(entry)

    def _entries(self, session: Session, key: KeyValues) -> list[Entry]:
        """Return the entries of a key; raises ServerDown, QueryFailed."""
        base = self._base.fill(key, quote_in_name)
        query = self._filter.fill(key, quote_in_filter)
        try:
            return session.search(base, self._scope, query, self._attributes.all, self._search)
        except NoSuchObject as problem:
            if self._base.codes:
                return []
            raise QueryFailed(f"{problem}; search_base is {base}") from None

    def _follow(self, session: Session, raw: bytes, key: KeyValues) -> list[Entry]:
        """Return the entries that a reference names; raises ServerDown, QueryFailed, TableError."""
        target = decode_value(raw, self.name, key["s"])
        try:
            if is_url(target):
                url = parse_url(target)
                return session.search(
                    url.base, url.scope, _in_brackets(url.filter), self._attributes.wanted_by(url), self._search
                )
            return session.search(target, "base", ANY_OBJECT, self._attributes.all, self._search)
        except NoSuchObject:
            self.warn(f"{self.name}: DN {_shown(raw)} not found, skipping")
            return []
        except ValueError as error:
            raise TableError(f"{self.name}: {_shown(raw)}: {error}") from None


def _shown(raw: bytes) -> str:
    return shown(raw.decode(errors="replace"))


def _in_brackets(query: str) -> str:
    return query if query.startswith("(") else f"({query})"


def _read_base(settings: Settings) -> Template:
    """Return the template of the base, which may be empty; raises ConfigError."""
    if not settings.is_set("search_base"):
        raise settings.refuse(
            "search_base", "no search_base; specify the name of an entry: search_base = dc=example,dc=com"
        )
    return parse_template(settings, "search_base", settings.string("search_base"))


def _read_filter(settings: Settings) -> Template:
    """Return the template of the filter, which has been tried; raises ConfigError."""
    text = settings.string("query_filter", "mailacceptinggeneralid=%s", low=1)
    template = parse_template(settings, "query_filter", _in_brackets(text))
    sample = template.fill(dict.fromkeys(template.codes, "x"))
    try:
        parse_filter(sample, None, False, False, None, False)
    except LDAPExceptionError as error:
        raise settings.refuse("query_filter", f"query_filter: {error}: {text}") from None
    return template


def _hosts(settings: Settings) -> list[Host[Session]]:
    port = settings.integer("server_port", 389, low=1, high=65535)
    places = {text: _place(settings, text, port) for text in settings.words("server_host", "localhost")}
    if not places:
        raise settings.refuse("server_host", "server_host: there is no server; specify one")
    access = _access(settings, any(place.is_encrypted for place in places.values()))
    return [
        Host(text, False, Connections(partial(access.connect, place, text), Session.close, ServerDown, IDLE_S))
        for text, place in places.items()
    ]


def _place(settings: Settings, text: str, port: int) -> Place:
    """Return a server; raises ConfigError."""
    scheme, is_a_url, rest = text.partition("://")
    try:
        if not is_a_url:
            endpoint = Endpoint.tcp(text, str(port))
        elif scheme.casefold() == "ldapi":
            endpoint = Endpoint(path=unquote(rest.partition("/")[0]))
            if not endpoint.path.startswith("/"):
                raise ValueError(f'need ldapi:// and a path with %2F for each "/" instead of "{text}"')
        elif scheme.casefold() in _PORTS:
            endpoint = Endpoint.tcp(rest.partition("/")[0], _PORTS[scheme.casefold()])
        else:
            raise ValueError(f'need ldap://, ldaps:// or ldapi:// instead of "{scheme}://"')
        if endpoint.port and not endpoint.port.isdigit():
            raise ValueError(f'bad port "{endpoint.port}" in "{text}"')
    except ValueError as error:
        raise settings.refuse("server_host", f"server_host: {error}") from None
    return Place(endpoint, scheme.casefold() == "ldaps")


def _access(settings: Settings, is_encrypted: bool) -> Access:
    """Return how to connect; raises ConfigError, also for what nothing does."""
    settings.choice("version", "3", ("3",))
    if settings.boolean("chase_referrals", False):
        raise settings.refuse("chase_referrals", 'chase_referrals: referrals are not followed; specify "no"')
    bind = settings.choice("bind", "yes", ("yes", "no", "simple", "none", "sasl"))
    if bind == "sasl":
        raise settings.refuse("bind", 'bind: SASL is not supported; specify "simple" or "none"')
    binds = bind in ("yes", "simple")
    user, password = (settings.string(name) for name in ("bind_dn", "bind_pw")) if binds else ("", "")
    if bool(user) != bool(password):
        name, other = ("bind_dn", "bind_pw") if user else ("bind_pw", "bind_dn")
        raise settings.refuse(name, f"{name}: there is no {other} for it; specify one")
    starts_tls = settings.boolean("start_tls", False)
    if starts_tls and is_encrypted:
        raise settings.refuse("start_tls", 'start_tls: not with ldaps://, which is encrypted; specify "no"')
    tls = _tls(settings) if starts_tls or is_encrypted else None
    return Access(binds, user, password, starts_tls, tls, settings.integer("timeout", 10, low=1))


def _tls(settings: Settings) -> ssl.SSLContext:
    """Return how to encrypt; raises ConfigError."""
    context = load_context(settings, _TLS_NAMES, {name: settings.string(name) for name in _TLS_NAMES.all()})
    if not settings.boolean("tls_require_cert", False):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    ciphers = settings.string("tls_cipher_suite")
    try:
        if ciphers:
            context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise settings.refuse("tls_cipher_suite", f"tls_cipher_suite: OpenSSL has no cipher {ciphers}") from None
    return context


def open_ldap(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    return LdapTable(spec, settings, opening)
