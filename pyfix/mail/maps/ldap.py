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
    chase_referrals              yes: other servers are asked, without a login, to which one refers; no otherwise
    result_filter                the name of result_format before Postfix 2.2

A server is host, host:port, ldap://host:port, ldaps://host:port or ldapi://%2Fpath%2Fof%2Fsocket.

A key is quoted for the filter and the name that it goes into. Where the base depends on the key, one that is not there
is a key that is not there; a reference to an entry that is not there is warned about, and left out. A URL's attributes
are those of the table that it names, or all; its host does not count.

Rights: settings and certificates are read at once, with the rights that the process begins with. A file with a password
should be readable for root alone.

Failures: a server that can't be reached, or does not let the account in, is left alone for a minute, and another one
asked. When none is left, or the search is wrong or finds more than it may, the lookup is a temporary failure; so it
is when a server to which another one refers has no answer. bind = sasl is refused, since nothing does it. The type
needs a package: pip install 'pyfix[ldap]'.

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

Inside: ldap_options.py reads the settings, ldap_session.py talks to the server, ldap_entries.py reads what it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from pyfix.mail.maps.connections import Connections
from pyfix.mail.maps.hosts import IDLE_S, Host, Hosts, QueryFailed, ServerDown
from pyfix.mail.maps.ldap_entries import (
    ANY_OBJECT,
    SCOPES,
    Attributes,
    Elsewhere,
    Entry,
    Reference,
    Request,
    in_brackets,
    is_url,
    parse_url,
    quote_in_filter,
    quote_in_name,
)
from pyfix.mail.maps.ldap_options import parse_place, read_access, read_base, read_filter, read_places
from pyfix.mail.maps.ldap_session import Access, Limits, NoSuchObject, Place, Session
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues, QueriedTable, read_template
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.source import shown
from pyfix.mail.maps.table import Table, TableError, decode_value
from pyfix.mail.maps.template import Templates

_HOPS: Final = 5
"""How many servers in a row may refer to yet another one."""
Steps = Iterator[bytes | Reference]


class LdapTable(QueriedTable):
    """Asks one of several servers, and follows where an entry leads."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        self._base = read_base(settings)
        self._filter = read_filter(settings)
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
        self._limits = Limits(
            settings.integer("dereference", 0, low=0, high=3),
            settings.integer("size_limit", limit, low=0),
            settings.boolean("chase_referrals", False),
        )
        places = read_places(settings)
        access = read_access(settings, any(place.is_encrypted for place in places.values()))
        self._stranger = replace(access, user="", password="")
        self._hosts = Hosts([_host(access, text, place) for text, place in places.items()], in_order=True)

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
        """Return the entries of a key; raises ServerDown, QueryFailed, TableError."""
        base = self._base.fill(key, quote_in_name)
        request = Request(base, self._scope, self._filter.fill(key, quote_in_filter), self._attributes.all)
        try:
            return self._collect(session, request)
        except NoSuchObject as problem:
            if self._base.codes:
                return []
            raise QueryFailed(f"{problem}; search_base is {base}") from None

    def _follow(self, session: Session, raw: bytes, key: KeyValues) -> list[Entry]:
        """Return the entries that a reference names; raises ServerDown, QueryFailed, TableError."""
        target = decode_value(raw, self.name, key["s"])
        try:
            return self._collect(session, self._request_for(target))
        except NoSuchObject:
            self.warn(f"{self.name}: DN {_shown(raw)} not found, skipping")
            return []
        except ValueError as error:
            raise TableError(f"{self.name}: {_shown(raw)}: {error}") from None

    def _request_for(self, target: str) -> Request:
        if not is_url(target):
            return Request(target, "base", ANY_OBJECT, self._attributes.all)
        url = parse_url(target)
        query = in_brackets(url.filter or ANY_OBJECT)
        return Request(url.base, url.scope or "base", query, self._attributes.wanted_by(url))

    def _collect(self, session: Session, request: Request, hops: int = 0) -> list[Entry]:
        """Return the entries of a search, with those on other servers at their places."""
        found: list[Entry] = []
        for item in session.search(request, self._limits):
            found += self._chase(item, request, hops + 1) if isinstance(item, Elsewhere) else [item]
        return found

    def _chase(self, referral: Elsewhere, request: Request, hops: int) -> list[Entry]:
        """Return what the first server has that can be asked; raises QueryFailed: it is not this server's fault.

        The account is not for servers that another one names.
        """
        problem = f"more than {_HOPS} servers refer to another one"
        for text in referral.urls if hops <= _HOPS else ():
            try:
                url = parse_url(text)
                session = self._stranger.connect(parse_place(url.server, 0), url.server)
                try:
                    return self._collect(session, request.at(url), hops)
                finally:
                    session.close()
            except (ServerDown, NoSuchObject, ValueError) as error:
                problem = f"referral to {shown(text)}: {error}"
        raise QueryFailed(problem)


def _shown(raw: bytes) -> str:
    return shown(raw.decode(errors="replace"))


def _host(access: Access, text: str, place: Place) -> Host[Session]:
    return Host(text, False, Connections(partial(access.connect, place, text), Session.close, ServerDown, IDLE_S))


def open_ldap(spec: str, settings: Settings, opening: Opening) -> Table:
    """Return the table; raises ConfigError."""
    return LdapTable(spec, settings, opening)
