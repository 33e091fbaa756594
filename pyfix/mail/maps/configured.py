"""Open the tables that have settings of their own: those that ask a server or a database.

Of each type there is a module with a function open_TYPE(spec, settings, opening). It is loaded when a table of its type
is opened and not before, since client libraries are large. Some of these are left to who installs pyfix:
`pip install 'pyfix[pgsql]'`. A process opens its tables before it gives up its rights, so that everything is loaded
when it enters the jail.
See: settings.py, queried.py.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.settings import Settings, read_settings
from pyfix.mail.maps.table import Table, UnavailableTable

_EXTRAS: Final = {"ldap": "ldap3", "pgsql": "psycopg"}
"""Types whose client library is optional, and its name; the extra is called like the type."""
Open = Callable[[str, Settings, Opening], Table]


def open_configured(spec: str, name: str, opening: Opening) -> Table:
    """Read the settings of a table and open it; warn about settings that it does not know. Raises ConfigError."""
    open_it = _load(spec.partition(":")[0])
    try:
        settings = read_settings(name, opening)
    except OSError as error:
        return _cannot_open(spec, name, error)
    try:
        table = open_it(spec, settings, opening)
    except OSError as error:
        table = _cannot_open(spec, error.filename or name, error)
    for warning in settings.warnings():
        opening.warn(warning)
    return table


def load(kind: str) -> None:
    """Load what tables of a type need, if it is installed: opening one says the rest."""
    with contextlib.suppress(ConfigError):
        _load(kind)


def _load(kind: str) -> Open:
    """Return what opens tables of a type; raises ConfigError where its library is missing."""
    try:
        module = importlib.import_module(f"pyfix.mail.maps.{kind}")
    except ImportError as error:
        if kind not in _EXTRAS:
            raise
        raise ConfigError(
            f"{kind}: tables need the Python package {_EXTRAS[kind]}, which can't be loaded"
            f" ({' '.join(str(error).split())}); install it with: pip install 'pyfix[{kind}]'"
        ) from error
    open_it: Open = getattr(module, f"open_{kind}")
    return open_it


def _cannot_open(spec: str, path: str, error: OSError) -> Table:
    if isinstance(error, IsADirectoryError):
        return UnavailableTable(spec, f"read {path}: Is a directory")
    return UnavailableTable(spec, f"open {path}: {error.strerror}{_other_name(path)}", missing=path)


def _other_name(path: str) -> str:
    """Return a remedy where a file has the name that ExtMan gave it, and main.cf the one that tutorials give it."""
    other = path.replace("_mailbox_limit_", "_limit_")
    return f"; there is {other}, as ExtMan calls it: name that file instead" if os.path.exists(other) else ""
