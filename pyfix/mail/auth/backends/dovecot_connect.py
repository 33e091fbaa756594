"""`driver` and `connect` of Dovecot's SQL files: which database, and how to reach it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.auth.backends.dovecot_conf import DovecotConf
from pyfix.mail.auth.backends.sql_servers import (
    MysqlLogin,
    SqliteServers,
    SqlServers,
    mysql_servers,
    pgsql_servers,
)
from pyfix.mail.config.errors import one_line

_MYSQL: Final = frozenset(
    {
        "host", "port", "dbname", "user", "password", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify_server_cert",
        "connect_timeout", "read_timeout", "write_timeout",
    }
)  # fmt: skip
_POOLED: Final = re.compile(r"\s*\b(maxconns|connect_timeout)=\S+")
_HOST: Final = re.compile(r"\s*\bhost=(\S+)")


def open_servers(conf: DovecotConf, timeout_s: float, complain: Callable[[str], None]) -> SqlServers:
    """Return the database; raises ConfigError."""
    connect, place = conf.get("connect"), conf.place("connect")
    if not connect:
        raise conf.refuse("connect", "there is no connect; specify connect = host=localhost dbname=... user=...")
    try:
        match conf.get("driver"):
            case "mysql":
                return mysql_servers(_mysql_login(conf, connect), timeout_s, place, complain)
            case "pgsql":
                return pgsql_servers(_conninfos(connect), timeout_s, place, complain)
            case "sqlite":
                return SqliteServers(connect, place, complain)
            case driver:
                raise conf.refuse("driver", f'driver: need mysql, pgsql or sqlite instead of "{one_line(driver, 40)}"')
    except ValueError as error:
        raise conf.refuse("connect", f"connect: {error}") from None


def _conninfos(connect: str) -> list[str]:
    """Return what libpq takes, once for each host."""
    hosts = _HOST.findall(connect)
    rest = _POOLED.sub("", _HOST.sub("", connect)).strip()
    return [f"host={host} {rest}" for host in hosts] or [rest]


def _mysql_login(conf: DovecotConf, connect: str) -> MysqlLogin:
    """Return how to connect to MySQL; raises ConfigError, ValueError."""
    values: dict[str, str] = {}
    hosts: list[str] = []
    for word in connect.split():
        name, equals, value = word.partition("=")
        if not equals or name not in _MYSQL:
            raise conf.refuse(
                "connect", f"connect: {one_line(name, 40)} is not built; there are {' '.join(sorted(_MYSQL))}"
            )
        if name == "host":
            hosts.append(value)
        values[name] = value
    if not values.get("dbname"):
        raise conf.refuse("connect", "connect: there is no dbname=; specify one")
    login = (values.get("user", ""), values.get("password", ""), values["dbname"], values.get("port", "3306"))
    return MysqlLogin(hosts or ["localhost"], *login, tls=mysql_tls(values))


def mysql_tls(values: dict[str, str]) -> ssl.SSLContext | None:
    """Return how to encrypt, None where nothing is said of it; raises ValueError."""
    if not values.get("ssl_ca") and not values.get("ssl_cert"):
        return None
    try:
        context = ssl.create_default_context(cafile=values.get("ssl_ca") or None)
        if values.get("ssl_cert"):
            context.load_cert_chain(values["ssl_cert"], values.get("ssl_key") or None)
    except OSError as error:
        raise ValueError(f"certificates: {words_for(error)}") from error
    context.check_hostname = values.get("ssl_verify_server_cert") != "no" and bool(values.get("ssl_ca"))
    if not values.get("ssl_ca"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
