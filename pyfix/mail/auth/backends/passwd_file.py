"""auth_passwd_file(5): a file of users and their passwords.

    auth_backends = passwd-file:/etc/pyfix/users

A line is a user, a colon and the stored password, as htpasswd writes it:

    alice@example.com:{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=4$...
    bob:$2y$05$...

or has more fields, as in Dovecot's passwd-file and in /etc/passwd:

    user:password:uid:gid:comment:home:shell:extra fields

Extra fields are separated by spaces: allow_nets=192.0.2.0/24, nologin, and userdb_mail=maildir:~/Maildir or
userdb_quota_rule=*:storage=1G for where the mail is, as in dovecot_sql(5). A password without {SCHEME} is what
crypt makes. Empty lines and lines that begin with # say nothing. Of two lines for a user the first counts.

The file is read anew when it has changed.

Rights: the file should be readable for root alone.

Failures: a file that is missing, and a line that is none, is a temporary failure for everybody, told with file and
line: nobody's line is skipped over.

See: auth_backends(5), authtest(1), dovecot_sql(5)
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, LookupBackend, Place
from pyfix.mail.auth.backends.context import Context, is_askable
from pyfix.mail.auth.backends.dovecot_variables import BadVariable, Variables, values_of
from pyfix.mail.auth.backends.fields import Fields, Source, prefetched, read_account, read_place
from pyfix.mail.config import ConfigError, lines
from pyfix.mail.maps.table import FileStamp

_NAMES: Final = ("password", "uid", "gid", "comment", "home", "shell", "extra")


@dataclass(frozen=True, slots=True)
class Line:
    """One user."""

    number: int
    passdb: Mapping[str, str | None] = field(repr=False)
    userdb: Mapping[str, str | None]


class BadLine(ValueError):
    """A line is none; str() says which and why."""


def parse_passwd_file(text: str) -> dict[str, Line]:
    """Return the users of a file; raises BadLine. Pure."""
    found: dict[str, Line] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if lines.is_comment(line):
            continue
        user, colon, rest = line.rstrip("\r").partition(":")
        if not colon or not user or user != user.strip():
            raise BadLine(f"line {number}: need user:password")
        found.setdefault(user, _line(number, rest))
    return found


def _line(number: int, rest: str) -> Line:
    values = dict(zip(_NAMES, rest.split(":", len(_NAMES) - 1), strict=False))
    passdb: dict[str, str | None] = {"password": values.get("password") or None}
    for word in values.get("extra", "").split():
        name, equals, text = word.partition("=")
        passdb[name] = text if equals else "yes"
    userdb = {name: values[name] for name in ("uid", "gid", "home") if values.get(name)}
    return Line(number, passdb, {**userdb, **prefetched(passdb)})


class PasswdFileBackend(LookupBackend):
    """Reads the file."""

    name = "passwd-file"

    def __init__(self, path: str, context: Context) -> None:
        self._path = path
        self._places = context.places
        self._source = Source(path, context.complain_once)
        self._lock = threading.Lock()
        self._stamp: FileStamp | None = None
        self._users: dict[str, Line] = {}

    def find(self, attempt: Attempt) -> Account | None:
        """Return the user's line."""
        line = self._lines().get(attempt.login) if is_askable(attempt.login) else None
        return None if line is None else read_account(line.passdb, attempt, "CRYPT", self._source)

    def locate(self, user: str, service: str) -> Place | None:
        """Return what the line says, else where the mail is delivered."""
        line = self._lines().get(user)
        if line is None:
            return None
        return self._place(line.userdb, user, service)

    def _place(self, fields: Fields, user: str, service: str) -> Place:
        def expand(text: str, name: str, home: str) -> str:
            try:
                return Variables.parse(text).fill({**values_of(name, service), "h": home})
            except BadVariable as error:
                raise self._source.unavailable(f"mail of {name}: {error}") from error

        return read_place(fields, user, lambda: self._places.find(user), expand, self._source)

    def _lines(self) -> dict[str, Line]:
        """Return the users that the file has now; raises BackendUnavailable."""
        with self._lock:
            if self._stamp is None or self._stamp.has_changed():
                self._read()
            return self._users

    def _read(self) -> None:
        try:
            with open(self._path, "rb") as file:
                stamp = FileStamp.of(self._path, file.fileno())
                text = lines.decode(file.read(), self._path)
            self._users = parse_passwd_file(text)
            self._stamp = stamp
        except OSError as error:
            raise BackendUnavailable(f"open {self._path}: {error.strerror}; make it, readable for root") from error
        except (BadLine, ConfigError) as error:
            where = "" if isinstance(error, ConfigError) else f"{self._path}, "
            raise BackendUnavailable(f"{where}{error}") from error


def open_passwd_file(name: str, context: Context) -> PasswdFileBackend:
    """Return the back end; raises ConfigError."""
    if not name.startswith("/"):
        raise context.refuse(f'passwd-file:{name}: need the path of a file: "passwd-file:/etc/pyfix/users"')
    if "%" in name:
        raise context.refuse(f"passwd-file:{name}: % in a path is not built; specify one file")
    return PasswdFileBackend(name, context)
