"""Read the settings of an LDAP table: servers, login, encryption, and the templates of a search.

See: ldap_table(5).
"""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import unquote

from ldap3.core.exceptions import LDAPExceptionError
from ldap3.operation.search import parse_filter

from pyfix.base.endpoint import Endpoint
from pyfix.mail.maps.ldap_entries import in_brackets
from pyfix.mail.maps.ldap_session import Access, Place
from pyfix.mail.maps.queried import parse_template
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.template import Template
from pyfix.mail.maps.tls_options import Names, load_context

_TLS_NAMES: Final = Names("tls_cert", "tls_key", "tls_ca_cert_file", "tls_ca_cert_dir")
_PORTS: Final = {"ldap": "389", "ldaps": "636"}


def read_base(settings: Settings) -> Template:
    """Return the template of the base, which may be empty; raises ConfigError."""
    if not settings.is_set("search_base"):
        raise settings.refuse(
            "search_base", "no search_base; specify the name of an entry: search_base = dc=example,dc=com"
        )
    return parse_template(settings, "search_base", settings.string("search_base"))


def read_filter(settings: Settings) -> Template:
    """Return the template of the filter, which has been tried; raises ConfigError."""
    text = settings.string("query_filter", "mailacceptinggeneralid=%s", low=1)
    template = parse_template(settings, "query_filter", in_brackets(text))
    sample = template.fill(dict.fromkeys(template.codes, "x"))
    try:
        parse_filter(sample, None, False, False, None, False)
    except LDAPExceptionError as error:
        raise settings.refuse("query_filter", f"query_filter: {error}: {text}") from None
    return template


def read_places(settings: Settings) -> dict[str, Place]:
    """Return the servers, by what they are called; raises ConfigError."""
    port = settings.integer("server_port", 389, low=1, high=65535)
    texts = settings.words("server_host", "localhost")
    if not texts:
        raise settings.refuse("server_host", "server_host: there is no server; specify one")
    try:
        return {text: parse_place(text, port) for text in texts}
    except ValueError as error:
        raise settings.refuse("server_host", f"server_host: {error}") from None


def parse_place(text: str, port: int) -> Place:
    """Return a server; port: of those that are no URL and name none. ValueError says what is wrong."""
    scheme, is_a_url, rest = text.partition("://")
    scheme = scheme.casefold()
    if not is_a_url:
        endpoint = Endpoint.tcp(text, str(port))
    elif scheme == "ldapi":
        endpoint = Endpoint(path=unquote(rest.partition("/")[0]))
        if not endpoint.path.startswith("/"):
            raise ValueError(f'need ldapi:// and a path with %2F for each "/" instead of "{text}"')
    elif scheme in _PORTS:
        endpoint = Endpoint.tcp(rest.partition("/")[0], _PORTS[scheme])
    else:
        raise ValueError(f'need ldap://, ldaps:// or ldapi:// instead of "{scheme}://"')
    if endpoint.port and not endpoint.port.isdigit():
        raise ValueError(f'bad port "{endpoint.port}" in "{text}"')
    return Place(endpoint, scheme == "ldaps")


def read_access(settings: Settings, is_encrypted: bool) -> Access:
    """Return how to connect; raises ConfigError, also for what nothing does."""
    settings.choice("version", "3", ("3",))
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
