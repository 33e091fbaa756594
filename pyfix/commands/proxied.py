"""What postmap does with proxy: tables: it asks proxymap, and has proxywrite remove keys.

See: proxymap(8), postmap(1).
"""

from __future__ import annotations

from pyfix.commands.table_target import TableCommandError, Target
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps.proxy import ProxyTable, open_for_writing
from pyfix.mail.maps.table import Table, TableError


def have_opened(table: Table) -> None:
    """Raise TableCommandError for a table that proxymap does not open."""
    if isinstance(table, ProxyTable):
        try:
            table.open()
        except TableError as error:
            raise TableCommandError(str(error)) from error


def refuse_list(table: Table) -> None:
    """Raise TableCommandError for a table that only proxymap could list."""
    if isinstance(table, ProxyTable):
        raise TableCommandError("can't sequence maps via the proxy service")


def refuse_build(target: Target) -> None:
    """Raise TableCommandError for a table whose index only proxymap could build."""
    if target.kind == "proxy":
        raise TableCommandError("can't create maps via the proxy service")


def delete_proxied(target: Target, keys: list[str], config: Config, *, fold: bool) -> bool:
    """Have proxywrite take keys out of its table; return whether any was there. Raises TableCommandError."""
    try:
        table = open_for_writing(target.spec, config, fold=fold)
        found = [table.delete(key) for key in keys]
    except (ConfigError, TableError) as error:
        raise TableCommandError(str(error)) from error
    return any(found)
