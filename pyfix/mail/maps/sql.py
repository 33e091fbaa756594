"""What the tables of SQL databases have in common: the query, also in the form of the parameters before Postfix 2.2.

    query = SELECT goto FROM alias WHERE address = '%s'
    table = alias, select_field = goto, where_field = address, additional_conditions = AND active = 1

What a key puts into the query is quoted by the client library of the database.
See: mysql_table(5), pgsql_table(5), sqlite_table(5).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.queried import KeyValues, QueriedTable, parse_template, read_template
from pyfix.mail.maps.settings import Settings
from pyfix.mail.maps.template import Quote, Template, Templates

Row = Iterable[str | None]
REMEMBER_S: Final = 1
"""Of servers: see remembered.py."""


class SqlTable(QueriedTable):
    """A table that a query asks for."""

    has_select_function: ClassVar[bool] = False
    """Whether `select_function` may take the place of a query, as with PostgreSQL."""

    def __init__(self, name: str, settings: Settings, opening: Opening) -> None:
        self._query = read_query(settings, has_select_function=self.has_select_function)
        templates = Templates([self._query], read_template(settings, "result_format", "%s"))
        super().__init__(name, settings, opening, templates, settings.integer("expansion_limit", 0))

    @abstractmethod
    def rows(self, key: KeyValues) -> Iterable[Row]:
        """Return what the query gives for a key; raises TableError."""

    def query_for(self, key: KeyValues, quote: Quote) -> str:
        """Return the query for a key."""
        return self._query.fill(key, quote)

    def find(self, key: KeyValues) -> Iterator[str | None]:
        for row in self.rows(key):
            yield from row


def read_query(settings: Settings, *, has_select_function: bool) -> Template:
    """Return the query template; raises ConfigError."""
    query = settings.string("query")
    legacy = _legacy_query(settings, is_needed=not query, has_select_function=has_select_function)
    return parse_template(settings, "query" if query else "where_field", query or legacy)


def _legacy_query(settings: Settings, *, is_needed: bool, has_select_function: bool) -> str:
    """Return the query that the old parameters make; they are read, and count as used, also where there is a query."""
    function = settings.string("select_function") if has_select_function else ""
    if is_needed and function:
        return f"SELECT {function}('%s')"
    table, select, where = (settings.string(name) for name in ("table", "select_field", "where_field"))
    conditions = settings.string("additional_conditions")
    for name, value in (("table", table), ("select_field", select), ("where_field", where)):
        if is_needed and not value:
            raise settings.refuse(name, f'no query, and no "{name}" to make one; specify "query = SELECT ..."')
    return f"SELECT {select} FROM {table} WHERE {where}='%s' {conditions}"
