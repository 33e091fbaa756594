"""dovecot_sql(5): Dovecot's file of SQL queries, as it stands.

    auth_backends = dovecot-sql:/etc/dovecot/dovecot-sql.conf.ext

The file is that of a passdb and a userdb with driver = sql. These settings have a meaning:

    driver                mysql, pgsql or sqlite
    connect               for mysql host, port, dbname, user and password, and
                          ssl_ca, ssl_cert, ssl_key, ssl_verify_server_cert;
                          for pgsql what libpq takes; for sqlite the file.
                          Several host= are servers with the same data; one
                          that begins with / is a socket
    default_pass_scheme   the scheme of passwords without {SCHEME}; MD5 otherwise
    password_query        gives the stored password of a login
    user_query            gives where a user's mail is
    iterate_query         has no effect: nobody lists users here

In the queries these stand for parts of the login, each quoted as the database needs it:

    %u, %n, %d    all of the login, what is before and behind its @
    %s            smtp, pop3 or imap
    %l, %r        the address that was connected to, the client's
    %c            secured, or nothing
    %Lu, %Un      in lower case, in upper case
    %1n, %2.3n    the first letter; three letters behind the second
    %{user}       the long names of the above

The columns of password_query are:

    password          the stored password; none: nobody can log in
    user              the canonical name; or username and domain
    allow_nets        networks from which the login is good
    nologin, reason   no login, with the reason in the log
    userdb_home ...   a column of user_query, which is not asked then

and of user_query home, mail (maildir:/path or mbox:/path, with ~ for home), uid, gid and quota_rule (*:storage=1G).
What is not there is found where mail is delivered; other columns are warned about.

Rights: the file should be readable for root alone.

Failures: a server that is down, and a query that is wrong, are temporary failures, told with file and line. A query
that gives several rows is one, too.

Not built: nopassword, which lets anybody in; proxy and host; %w and other codes; other settings are an error.

Example:

    driver = mysql
    connect = host=localhost dbname=extmail user=extmail password=extmail
    default_pass_scheme = CRYPT
    password_query = SELECT username AS user, password FROM mailbox \\
      WHERE username = '%u' AND active = 1
    user_query = SELECT uidnumber AS uid, gidnumber AS gid FROM mailbox \\
      WHERE username = '%u'

See: auth_backends(5), authtest(1), dovecot_ldap(5), auth_passwd_file(5)
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.dovecot_conf import DovecotConf, read_dovecot_conf
from pyfix.mail.auth.backends.dovecot_connect import open_servers
from pyfix.mail.auth.backends.dovecot_variables import BadVariable, Values, Variables, values_of
from pyfix.mail.auth.backends.fields import Fields, Source, prefetched, read_account, read_place
from pyfix.mail.auth.backends.sql_servers import Result, SqlServers

_KNOWN: Final = (
    "driver", "connect", "default_pass_scheme", "password_query", "user_query", "iterate_query", "update_query",
)  # fmt: skip
_PASSWORD_QUERY: Final = "SELECT username, domain, password FROM users WHERE username = '%n' AND domain = '%d'"
_ESCAPE_STRING: Final = re.compile(r"\bE'", re.IGNORECASE)


class DovecotSqlBackend(LookupBackend):
    """Asks the queries."""

    name = "dovecot-sql"

    def __init__(self, conf: DovecotConf, servers: SqlServers, context: Context) -> None:
        """Raises ConfigError."""
        self._conf = conf
        self._servers = servers
        self._places = context.places
        self._source = Source(conf.path, context.complain_once)
        self._scheme = conf.scheme("MD5")
        self._password_query = _parse(conf, "password_query", _PASSWORD_QUERY)
        self._user_query = _parse(conf, "user_query", "") if conf.get("user_query") else None

    def find(self, attempt: Attempt) -> Account | None:
        """Return what password_query says."""
        if not is_askable(attempt.login):
            return None
        fields = self._ask("password_query", self._password_query, values_of(attempt.login, attempt.service, attempt))
        if fields is None:
            return None
        if "password" not in fields:
            place = self._conf.place("password_query")
            raise BackendUnavailable(f'{place}: password_query gives no column named password; add "AS password"')
        return read_account(fields, attempt, self._scheme, self._source)

    def locate(self, user: str, service: str) -> Place | None:
        """Return what user_query says, or the userdb_ columns of password_query."""
        if not is_askable(user):
            return None
        values = values_of(user, service)
        if self._user_query is not None:
            fields = self._ask("user_query", self._user_query, values)
        else:
            fields = self._ask("password_query", self._password_query, values)
            fields = None if fields is None else prefetched(fields)
        return None if fields is None else self._place(fields, user, values)

    def close(self) -> None:
        self._servers.close()

    def _place(self, fields: Fields, user: str, values: Values) -> Place:
        def expand(text: str, name: str, home: str) -> str:
            try:
                return Variables.parse(text).fill({**values, "h": home})
            except BadVariable as error:
                raise self._source.unavailable(f"mail of {name}: {error}") from error

        return read_place(fields, user, lambda: self._places.find(user), expand, self._source)

    def _ask(self, name: str, query: Variables, values: Values) -> Fields | None:
        """Return the one row that there may be; raises BackendUnavailable."""
        result: Result = self._servers.query(lambda quote: query.fill(values, quote), self._conf.place(name))
        if len(result.rows) > 1:
            raise self._source.unavailable(f"{name} gives {len(result.rows)} rows for {values['u']}; it may give one")
        return dict(zip(result.columns, result.rows[0], strict=True)) if result.rows else None


def _parse(conf: DovecotConf, name: str, default: str) -> Variables:
    text = conf.get(name) or default
    if conf.get("driver") == "pgsql" and _ESCAPE_STRING.search(text):
        raise conf.refuse(name, f"{name}: E'...' is not built: values are quoted for '...'")
    try:
        return Variables.parse(text)
    except BadVariable as error:
        raise conf.refuse(name, f"{name}: {error}") from None


def open_dovecot_sql(name: str, context: Context) -> DovecotSqlBackend:
    """Return the back end; raises ConfigError."""
    if not name.startswith("/"):
        raise context.refuse(
            f'dovecot-sql:{name}: need the path of a file: "dovecot-sql:/etc/dovecot/dovecot-sql.conf"'
        )
    conf = read_dovecot_conf(name)
    conf.check_known(_KNOWN)
    servers = open_servers(conf, context.timeout_s, context.config.complain)
    try:
        return DovecotSqlBackend(conf, servers, context)
    except BaseException:
        servers.close()
        raise
