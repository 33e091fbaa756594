"""dovecot_ldap(5): Dovecot's file of LDAP searches, as it stands.

    auth_backends = dovecot-ldap:/etc/dovecot/dovecot-ldap.conf.ext

The file is that of a passdb and a userdb with driver = ldap. These settings have a meaning:

    hosts                 the servers: host:port; or
    uris                  ldap://host:port, ldaps://..., ldapi://%2Fpath
    dn, dnpass            whom to search as; nobody otherwise
    base                  where to search; may have the codes below
    scope                 subtree, onelevel or base; subtree otherwise
    deref                 never, searching, finding or always
    ldap_version          3
    tls                   yes: STARTTLS
    tls_ca_cert_file, tls_ca_cert_dir, tls_cert_file, tls_key_file
    tls_require_cert      never, or demand, which hard is, too
    auth_bind             yes: log in as the user, and see no password
    auth_bind_userdn      the user's entry, without a search for it
    pass_filter           the search for a login's password
    pass_attrs            what its attributes mean: userPassword=password
    user_filter           the search for where a user's mail is
    user_attrs            homeDirectory=home,uidNumber=uid,gidNumber=gid
    default_pass_scheme   of passwords without {SCHEME}; CRYPT otherwise
    iterate_attrs, iterate_filter   without effect

In base, filters and auth_bind_userdn %u, %n, %d and the others stand for parts of the login as in dovecot_sql(5), each
quoted as LDAP needs it. In the attributes, attribute=field gives the value of an attribute to a field, and =field=text
a text, in which %{ldap:attribute} is a value. The fields are those of dovecot_sql(5).

A login whose search finds several entries is a temporary failure.

Rights: the file should be readable for root alone.

Failures: a server that is down, and a search that is wrong, are temporary failures. Settings that are not built, sasl_
ones among them, are an error that names the line.

Not built: SASL binds; an attribute with several values gives its first. The package ldap3 is needed: pip install
'pyfix[ldap]'.

Example:

    hosts = ldap.example.com
    tls = yes
    base = ou=people,dc=example,dc=com
    auth_bind = yes
    pass_filter = (&(objectClass=posixAccount)(uid=%n))
    user_attrs = homeDirectory=home,uidNumber=uid,gidNumber=gid
    user_filter = (&(objectClass=posixAccount)(uid=%n))

See: auth_backends(5), authtest(1), dovecot_sql(5), ldap_table(5)
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.auth.backend import Account, Attempt, Backend, LookupBackend, Place, VerifyBackend
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.dovecot_conf import DovecotConf, read_dovecot_conf
from pyfix.mail.auth.backends.dovecot_variables import BadVariable, Values, Variables, values_of
from pyfix.mail.auth.backends.fields import Fields, Source, read_account, read_place
from pyfix.mail.auth.backends.ldap_fields import LdapFields, parse_fields
from pyfix.mail.auth.backends.ldap_servers import KNOWN_OF_SERVERS, LdapServers, open_ldap_servers
from pyfix.mail.maps.ldap_entries import in_brackets, quote_in_filter, quote_in_name

_KNOWN: Final = (
    *KNOWN_OF_SERVERS, "base", "scope", "auth_bind", "auth_bind_userdn", "pass_filter", "pass_attrs", "user_filter",
    "user_attrs", "default_pass_scheme", "iterate_attrs", "iterate_filter", "debug_level", "blocking",
)  # fmt: skip
_SCOPES: Final = {"": "sub", "subtree": "sub", "onelevel": "one", "base": "base"}
_PASS_ATTRS: Final = "uid=user,userPassword=password"
_PASS_FILTER: Final = "(&(objectClass=posixAccount)(uid=%u))"
_USER_ATTRS: Final = "homeDirectory=home,uidNumber=uid,gidNumber=gid"


class _Searches:
    """What both kinds of the back end have: the file, the servers, and the search for the mailbox."""

    def __init__(self, conf: DovecotConf, servers: LdapServers, context: Context) -> None:
        """Raises ConfigError."""
        self.conf = conf
        self.servers = servers
        self.source = Source(conf.path, context.complain_once)
        self._places = context.places
        self._base = self.template("base", "")
        self._scope = _SCOPES.get(conf.get("scope"), "")
        if not self._scope:
            raise conf.refuse("scope", "scope: need subtree, onelevel or base")
        self._pass_filter = self.template("pass_filter", _PASS_FILTER)
        self._user_filter = self.template("user_filter", _PASS_FILTER)
        self._pass_attrs = self._fields("pass_attrs", _PASS_ATTRS)
        self._user_attrs = self._fields("user_attrs", _USER_ATTRS)

    def template(self, name: str, default: str) -> Variables:
        """Return a parsed setting; raises ConfigError."""
        try:
            return Variables.parse(self.conf.get(name) or default)
        except BadVariable as error:
            raise self.conf.refuse(name, f"{name}: {error}") from None

    def _fields(self, name: str, default: str) -> LdapFields:
        try:
            return parse_fields(self.conf.get(name) or default)
        except ValueError as error:
            raise self.conf.refuse(name, f"{name}: {error}") from None

    def find(self, attempt: Attempt) -> tuple[str, Fields] | None:
        """Return the name of a login's entry and its fields; raises BackendUnavailable."""
        values = values_of(attempt.login, attempt.service, attempt)
        return self._search("pass_filter", self._pass_filter, self._pass_attrs, values)

    def locate(self, user: str, service: str) -> Place | None:
        """Return where a user's mail is; raises BackendUnavailable."""
        values = values_of(user, service)
        found = self._search("user_filter", self._user_filter, self._user_attrs, values)
        if found is None:
            return None

        def expand(text: str, name: str, home: str) -> str:
            try:
                return Variables.parse(text).fill({**values, "h": home})
            except BadVariable as error:
                raise self.source.unavailable(f"mail of {name}: {error}") from error

        fields = {name: value for name, value in found[1].items() if name not in ("user", "password")}
        return read_place(fields, user, lambda: self._places.find(user), expand, self.source)

    def _search(self, name: str, query: Variables, fields: LdapFields, values: Values) -> tuple[str, Fields] | None:
        base = self._base.fill(values, quote_in_name)
        entries = self.servers.search(
            base,
            in_brackets(query.fill(values, quote_in_filter)),
            self._scope,
            fields.attributes,
            self.conf.place(name),
        )
        if len(entries) > 1:
            raise self.source.unavailable(f"{name} finds {len(entries)} entries for {values['u']}; it may find one")
        return (entries[0][0], fields.read(entries[0][1])) if entries else None


class LdapLookupBackend(LookupBackend):
    """Sees the stored passwords."""

    name = "dovecot-ldap"

    def __init__(self, searches: _Searches) -> None:
        self._searches = searches
        self._scheme = searches.conf.scheme("CRYPT")

    def find(self, attempt: Attempt) -> Account | None:
        """Return what pass_filter finds."""
        found = self._searches.find(attempt) if is_askable(attempt.login) else None
        return None if found is None else read_account(found[1], attempt, self._scheme, self._searches.source)

    def locate(self, user: str, service: str) -> Place | None:
        """Return what user_filter finds."""
        return self._searches.locate(user, service) if is_askable(user) else None

    def close(self) -> None:
        self._searches.servers.close()


class LdapBindBackend(VerifyBackend):
    """Logs in as the user: auth_bind."""

    name = "dovecot-ldap"

    def __init__(self, searches: _Searches) -> None:
        """Raises ConfigError."""
        self._searches = searches
        self._entry = searches.template("auth_bind_userdn", "") if searches.conf.get("auth_bind_userdn") else None

    def verify(self, attempt: Attempt, password: bytes) -> Account | None:
        """Bind with the password; an empty one would be no login at all, and is nobody's."""
        if not is_askable(attempt.login) or not password:
            return None
        try:
            text = password.decode()
        except UnicodeDecodeError:
            return None
        if self._entry is not None:
            name = self._entry.fill(values_of(attempt.login, attempt.service, attempt), quote_in_name)
            return Account(attempt.login) if self._binds(name, text) else None
        found = self._searches.find(attempt)
        if found is None or not self._binds(found[0], text):
            return None
        fields = {name: value for name, value in found[1].items() if name != "password"}
        return read_account(fields, attempt, "PLAIN", self._searches.source)

    def _binds(self, name: str, password: str) -> bool:
        return self._searches.servers.binds(name, password, self._searches.conf.place("auth_bind"))

    def locate(self, user: str, service: str) -> Place | None:
        """Return what user_filter finds."""
        return self._searches.locate(user, service) if is_askable(user) else None

    def close(self) -> None:
        self._searches.servers.close()


def open_dovecot_ldap(name: str, context: Context) -> Backend:
    """Return the back end; raises ConfigError."""
    if not name.startswith("/"):
        raise context.refuse(f"dovecot-ldap:{name}: need the path of a file")
    conf = read_dovecot_conf(name)
    conf.check_known(_KNOWN)
    if not conf.settings.get("base"):
        raise conf.refuse("base", "there is no base; specify base = dc=example,dc=com")
    searches = _Searches(conf, open_ldap_servers(conf, context.timeout_s, context.config.complain), context)
    return LdapBindBackend(searches) if conf.flag("auth_bind") else LdapLookupBackend(searches)
