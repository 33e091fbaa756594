"""The back end that pwcheck_method auxprop with auxprop_plugin sql means: passwords in plain text in a database.

    sql_select: SELECT password FROM mailbox WHERE username = '%u@%r'

%u is the login without its domain, %r the domain, or myhostname where there is none; %p the property that is asked for,
userPassword. What comes back is the password itself, whatever it looks like, unless it begins with {SCHEME}: Cyrus'
library compares plain texts.
See: smtpd.conf(5).
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place, Secret
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.sql_servers import (
    MysqlLogin,
    Quote,
    SqliteServers,
    SqlServers,
    mysql_servers,
    pgsql_servers,
)
from pyfix.mail.config import CoreParameters, lines
from pyfix.mail.config.errors import one_line
from pyfix.mail.sasl.smtpd_conf import SmtpdConf, parse_smtpd_conf

_CODE: Final = re.compile(r"%(.?)", re.DOTALL)
_PROPERTY: Final = "userPassword"
_SCHEME: Final = re.compile(r"\{[A-Za-z0-9.-]{1,40}\}")
_POSTGRES_PORT: Final = "5432"


class CyrusSqlBackend(LookupBackend):
    """Asks sql_select."""

    name = "cyrus-sql"

    def __init__(self, conf: SmtpdConf, servers: SqlServers, context: Context) -> None:
        """Raises ConfigError."""
        self._conf = conf
        self._select = check_select(conf)
        self._servers = servers
        self._places = context.places
        self._realm = context.config.read(CoreParameters).myhostname

    def find(self, attempt: Attempt) -> Account | None:
        """Return the account with the password as it is."""
        if not is_askable(attempt.login):
            return None
        result = self._servers.query(lambda quote: self._query(attempt.login, quote), _place(self._conf, "sql_select"))
        if len(result.rows) > 1:
            raise BackendUnavailable(f"{_place(self._conf, 'sql_select')}: {len(result.rows)} rows for {attempt.login}")
        if not result.rows or not result.rows[0][0]:
            return None
        text = result.rows[0][0]
        return Account(attempt.login, (Secret(text if _SCHEME.match(text) else f"{{PLAIN}}{text}", "PLAIN"),))

    def locate(self, user: str, service: str) -> Place | None:
        """Return where the mail is delivered: a login without domain is that of the realm, not the Unix user's."""
        return self._places.find(user if "@" in user else f"{user}@{self._realm}")

    def close(self) -> None:
        self._servers.close()

    def _query(self, login: str, quote: Quote) -> str:
        local, _, domain = login.rpartition("@") if "@" in login else (login, "", "")
        values = {"u": quote(local), "r": quote(domain or self._realm), "p": _PROPERTY, "%": "%"}
        return _CODE.sub(lambda found: values[found[1]], self._select)


def check_select(conf: SmtpdConf) -> str:
    """Return the query; raises ConfigError."""
    select = conf.get("sql_select").strip()
    if not select:
        raise conf.refuse("sql_select", "there is no sql_select; add the query for the password")
    for code in _CODE.findall(select):
        if code not in ("u", "r", "p", "%"):
            raise conf.refuse("sql_select", f"sql_select: %{code} is not built; there are %u %r %p %%")
    return select


def _open_servers(conf: SmtpdConf, context: Context) -> SqlServers:
    """Return the database; raises ConfigError."""
    engine, database = conf.get("sql_engine").lower() or "mysql", conf.get("sql_database")
    if not database:
        raise conf.refuse("sql_database", "there is no sql_database; add one")
    hosts = re.split(r"[,\s]+", conf.get("sql_hostnames").strip()) if conf.get("sql_hostnames") else ["localhost"]
    user, password = conf.get("sql_user"), conf.get("sql_passwd")
    place, complain = _place(conf, "sql_hostnames"), context.config.complain
    try:
        match engine:
            case "mysql":
                login = MysqlLogin(hosts, user, password, database)
                return mysql_servers(login, context.timeout_s, place, complain)
            case "pgsql":
                texts = [_conninfo(host, user, password, database) for host in hosts]
                return pgsql_servers(texts, context.timeout_s, place, complain)
            case "sqlite" | "sqlite3":
                return SqliteServers(database, place, complain)
    except ValueError as error:
        raise conf.refuse("sql_hostnames", f"sql_hostnames: {error}") from None
    raise conf.refuse("sql_engine", f'sql_engine: need mysql, pgsql or sqlite instead of "{one_line(engine, 40)}"')


def _conninfo(host: str, user: str, password: str, database: str) -> str:
    name, _, port = host.partition(":")
    values = {"host": name, "port": port or _POSTGRES_PORT, "user": user, "password": password, "dbname": database}
    return " ".join(f"{key}='{_escaped(value)}'" for key, value in values.items() if value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _place(conf: SmtpdConf, name: str) -> str:
    found = conf.settings.get(name)
    return f"{conf.path}, line {found.line}" if found else conf.path


def open_cyrus_sql(name: str, context: Context) -> CyrusSqlBackend:
    """Return the back end that a file describes; raises ConfigError."""
    conf = parse_smtpd_conf(lines.decode(lines.read_file(name), name), name)
    servers = _open_servers(conf, context)
    try:
        return CyrusSqlBackend(conf, servers, context)
    except BaseException:
        servers.close()
        raise
