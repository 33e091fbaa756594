"""unix_table(5): the accounts that the system knows.

    unix:passwd.byname
    unix:group.byname

The key is the name of a user or group, the value the line as it would stand in /etc/passwd or /etc/group. The system's
name service is asked, which may know users that are in no file.

Failures: an account database that does not answer is a temporary failure.

Example: local recipients are users and aliases

    local_recipient_maps = unix:passwd.byname $alias_maps

See: lookup_tables(5), local(8)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pyfix.base import accounts
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.table import Table, TableError

_SWITCH: Final = "/etc/nsswitch.conf"
_ON_THIS_MACHINE: Final = frozenset({"altfiles", "compat", "db", "extrausers", "files", "systemd"})
"""Sources of the name service that ask nobody over a network."""


class UnixTable(Table):
    """Asks the name service of the system, which may ask a server elsewhere."""

    blocking = True

    def __init__(self, name: str, find: Callable[[str], str | None]) -> None:
        super().__init__(name)
        self._find = find

    def lookup(self, key: str) -> str | None:
        name = key.casefold()
        if ":" in name:
            return None
        try:
            return self._find(name)
        except OSError as error:
            raise TableError(f"{self.name}: {error.strerror}") from error


def asks_network(switch: str = _SWITCH) -> bool:
    """Tell whether the name service may ask somebody over a network for users or groups (nsswitch.conf(5))."""
    try:
        with open(switch, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    sources: set[str] = set()
    for line in text.splitlines():
        database, colon, listed = line.partition("#")[0].partition(":")
        if colon and database.strip() in ("passwd", "group"):
            sources.update(re.sub(r"\[[^]]*\]", " ", listed).split())
    return not sources <= _ON_THIS_MACHINE


def _passwd(name: str) -> str | None:
    entry = accounts.find_user(name)
    return None if entry is None else ":".join(map(str, entry))


def _group(name: str) -> str | None:
    entry = accounts.find_group(name)
    return None if entry is None else f"{entry.gr_name}:{entry.gr_passwd}:{entry.gr_gid}:{','.join(entry.gr_mem)}"


_FINDERS = {"passwd.byname": _passwd, "group.byname": _group}


def open_unix(spec: str, name: str) -> Table:
    """Return the table; raises ConfigError for a name that there is not."""
    finder = _FINDERS.get(name)
    if finder is None:
        raise ConfigError(f'unknown table: {spec}; specify "unix:passwd.byname" or "unix:group.byname"')
    return UnixTable(spec, finder)
