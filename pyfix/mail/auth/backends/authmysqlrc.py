"""authmysqlrc(5): Courier's file of accounts in MySQL, as it stands.

    auth_backends = authmysqlrc:/etc/authmysqlrc

A line is a name, white space, and the value. These have a meaning:

    MYSQL_SERVER            the server; the socket where it is localhost
    MYSQL_PORT              its port; 3306 otherwise
    MYSQL_SOCKET            the socket; the usual one otherwise
    MYSQL_USERNAME, MYSQL_PASSWORD, MYSQL_DATABASE
    MYSQL_SSL_CACERT, MYSQL_SSL_CERT, MYSQL_SSL_KEY
    MYSQL_USER_TABLE        the table
    MYSQL_LOGIN_FIELD       the login; id otherwise
    MYSQL_CRYPT_PWFIELD     the stored password
    MYSQL_CLEAR_PWFIELD     the password as it is
    MYSQL_UID_FIELD, MYSQL_GID_FIELD
    MYSQL_HOME_FIELD        home otherwise
    MYSQL_MAILDIR_FIELD     the mailbox, from the home directory
    MYSQL_QUOTA_FIELD       as Maildir++ has it
    MYSQL_NAME_FIELD, MYSQL_DEFAULTDELIVERY
    MYSQL_AUXOPTIONS_FIELD  disablepop3=1,disableimap=1
    MYSQL_WHERE_CLAUSE      what else must be true
    DEFAULT_DOMAIN          added to a login without domain
    MYSQL_SELECT_CLAUSE     a whole query in place of these, with
                            $(local_part), $(domain), $(service)

A field is any expression of SQL: '2525', concat('/home/',homedir). A query gives, in this order, login, stored and
plain password, uid, gid, home, mailbox, quota, name, options. At least one of the password fields must be there; where
both are, either password is right.

A remark behind " #" or " (" belongs to no name, number or path: in tutorials such remarks stand in the file.

MYSQL_OPT, MYSQL_CHARACTER_SET, MYSQL_ENUMERATE_CLAUSE and MYSQL_CHPASS_CLAUSE have no effect: the connection is in
UTF-8, nobody lists users, and passwords are changed elsewhere.

Rights: the file should be readable for root alone.

Failures: a server that is down, a query that is wrong, and a login with several rows are temporary failures, told with
file and line.

Example: ExtMail

    MYSQL_SERVER        localhost
    MYSQL_USERNAME      extmail
    MYSQL_PASSWORD      extmail
    MYSQL_DATABASE      extmail
    MYSQL_USER_TABLE    mailbox
    MYSQL_CRYPT_PWFIELD password
    MYSQL_UID_FIELD     '2525'
    MYSQL_GID_FIELD     '2525'
    MYSQL_LOGIN_FIELD   username
    MYSQL_HOME_FIELD    concat('/var/mailbox/',homedir)
    MYSQL_MAILDIR_FIELD concat('/var/mailbox/',maildir)

See: auth_backends(5), authtest(1), authdaemond(8), smtpd.conf(5)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place, Secret
from pyfix.mail.auth.backends.authmysqlrc_file import PREFIX, MysqlRc, read_authmysqlrc
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.courier import courier_obstacle, courier_place
from pyfix.mail.auth.backends.dovecot_connect import mysql_tls
from pyfix.mail.auth.backends.sql_servers import MysqlLogin, Quote, SqlServers, mysql_servers

_FIELDS: Final = {
    "LOGIN_FIELD": "id",
    "CRYPT_PWFIELD": "''",
    "CLEAR_PWFIELD": "''",
    "UID_FIELD": "uid",
    "GID_FIELD": "gid",
    "HOME_FIELD": "home",
    "MAILDIR_FIELD": "''",
    "QUOTA_FIELD": "''",
    "NAME_FIELD": "''",
    "AUXOPTIONS_FIELD": "''",
}
"""What is selected, in the order in which MYSQL_SELECT_CLAUSE gives it, and its default."""
_CODE: Final = re.compile(r"\$\((local_part|domain|service)\)")
_LEAST_COLUMNS: Final = 6


@dataclass(frozen=True, slots=True)
class CourierRow:
    """One account."""

    login: str
    stored: str = field(repr=False)
    plain: str = field(repr=False)
    known: dict[str, str]
    """As authdaemond names it."""


class AuthmysqlrcBackend(LookupBackend):
    """Asks the table."""

    name = "authmysqlrc"

    def __init__(self, rc: MysqlRc, servers: SqlServers, context: Context) -> None:
        self._rc = rc
        self._servers = servers
        self._places = context.places

    def find(self, attempt: Attempt) -> Account | None:
        """Return the account; its passwords stored and plain are both good."""
        row = self._ask(attempt.login, attempt.service)
        if row is None:
            return None
        secrets = [Secret(row.stored, "CRYPT")] if row.stored else []
        secrets += [Secret(f"{{PLAIN}}{row.plain}", "PLAIN")] if row.plain else []
        obstacle = courier_obstacle(row.known["OPTIONS"], attempt.service)
        return Account(row.login or attempt.login, tuple(secrets), obstacle)

    def locate(self, user: str, service: str) -> Place | None:
        """Return where the mail is."""
        row = self._ask(user, service)
        return None if row is None else courier_place(row.known, self._delivered(row, user), self._rc.path)

    def close(self) -> None:
        self._servers.close()

    def _delivered(self, row: CourierRow, user: str) -> Place | None:
        """Return where deliveries go, if that is needed."""
        return None if all(row.known[name] for name in ("HOME", "UID", "GID")) else self._places.find(user)

    def _ask(self, login: str, service: str) -> CourierRow | None:
        if not is_askable(login):
            return None
        domain = self._rc.get("DEFAULT_DOMAIN")
        if domain and "@" not in login:
            login = f"{login}@{domain}"
        place = self._rc.place("MYSQL_SELECT_CLAUSE" if self._rc.get("MYSQL_SELECT_CLAUSE") else "MYSQL_USER_TABLE")
        result = self._servers.query(lambda quote: self._query(login, service, quote), place)
        if len(result.rows) > 1:
            raise BackendUnavailable(f"{place}: {len(result.rows)} rows for {login}; there may be one")
        if not result.rows:
            return None
        if len(result.columns) < _LEAST_COLUMNS:
            raise BackendUnavailable(f"{place}: the query gives {len(result.columns)} columns; it must give 10")
        return _row([value or "" for value in result.rows[0]])

    def _query(self, login: str, service: str, quote: Quote) -> str:
        rc = self._rc
        clause = rc.get("MYSQL_SELECT_CLAUSE")
        if clause:
            local, _, domain = login.partition("@")
            values = {"local_part": local, "domain": domain, "service": service}
            return _CODE.sub(lambda found: quote(values[found[1]]), clause)
        fields = ", ".join(rc.get(PREFIX + name) or default for name, default in _FIELDS.items())
        where = rc.get("MYSQL_WHERE_CLAUSE") or "1=1"
        name = rc.get("MYSQL_LOGIN_FIELD") or _FIELDS["LOGIN_FIELD"]
        return f"SELECT {fields} FROM {rc.get('MYSQL_USER_TABLE')} WHERE {name} = '{quote(login)}' AND ({where})"


def _row(values: list[str]) -> CourierRow:
    login, stored, plain, uid, gid, home, maildir, quota, name, options = [*values, *[""] * 10][:10]
    known = {
        "UID": uid, "GID": gid, "HOME": home, "MAILDIR": maildir, "QUOTA": quota, "NAME": name, "OPTIONS": options,
    }  # fmt: skip
    return CourierRow(login, stored, plain, known)


def open_authmysqlrc(name: str, context: Context) -> AuthmysqlrcBackend:
    """Return the back end; raises ConfigError."""
    if not name.startswith("/"):
        raise context.refuse(f'authmysqlrc:{name}: need the path of the file: "authmysqlrc:/etc/authmysqlrc"')
    rc = read_authmysqlrc(name)
    for text in rc.remarks:
        context.complain_once(text)
    try:
        servers = mysql_servers(_login(rc), context.timeout_s, rc.place("MYSQL_SERVER"), context.config.complain)
    except ValueError as error:
        raise rc.refuse("MYSQL_SERVER", f"MYSQL_SERVER: {error}") from None
    return AuthmysqlrcBackend(rc, servers, context)


def _login(rc: MysqlRc) -> MysqlLogin:
    """Return how to connect; raises ValueError."""
    names = {"ssl_ca": "MYSQL_SSL_CACERT", "ssl_cert": "MYSQL_SSL_CERT", "ssl_key": "MYSQL_SSL_KEY"}
    return MysqlLogin(
        [rc.get("MYSQL_SERVER") or "localhost"], rc.get("MYSQL_USERNAME"), rc.get("MYSQL_PASSWORD"),
        rc.get("MYSQL_DATABASE"), rc.get("MYSQL_PORT") or "3306", rc.get("MYSQL_SOCKET"),
        mysql_tls({name: rc.get(key) for name, key in names.items()}),
    )  # fmt: skip
