"""lookup_tables(5), internal_table(5): tables, by type and name.

    type:name

Access, aliases, canonical addresses, routes: whatever is looked up stands in a table, and a parameter names it as
type:name. Several may be listed; the first that has the key decides. `postconf -m` lists the types, and each has a page
with its name and _table: regexp_table(5), lmdb_table(5). One has none of its own:

    internal:name   a table without any entry

Keys are folded to lower case, except by tables of patterns and addresses. A table whose file changes is read anew: by a
new process, once the present one has finished what it was asked. No reload is needed, also for texthash, regexp, pcre
and cidr files, and for files that a list names, of which Postfix takes no notice.

Failures: a table that can't be asked (a file is missing, a server is down) is a temporary failure: mail is deferred,
never refused, and the log has the reason. A type that does not exist and wrong syntax are mistakes in main.cf, which
keep a process from starting.

See: postmap(1), texthash_table(5), access(5), aliases(5), canonical(5), virtual(5), transport(5), match_list(5)

Inside: one function a type. A file that can't be read gives an UnavailableTable, so that a server starts and answers
temporarily; what no waiting mends is a ConfigError.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Final

from pyfix.base import clock
from pyfix.mail.config import ConfigError
from pyfix.mail.maps import cidr, combined, configured, inline, pattern_file, unix
from pyfix.mail.maps.cdb_file import open_cdb
from pyfix.mail.maps.configured import open_configured
from pyfix.mail.maps.debug import DebugTable
from pyfix.mail.maps.environ import EnvironTable
from pyfix.mail.maps.index_file import NotAnIndex, open_index
from pyfix.mail.maps.indexed import Index, IndexedTable
from pyfix.mail.maps.leaves import leaves
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.pattern_table import PatternTable
from pyfix.mail.maps.proxy import open_proxied
from pyfix.mail.maps.randmap import open_random
from pyfix.mail.maps.socketmap import open_socketmap
from pyfix.mail.maps.source import LogicalLine, logical_lines, map_entries
from pyfix.mail.maps.static import FailTable, StaticTable
from pyfix.mail.maps.table import FileStamp, FixedTable, Table, UnavailableTable, Warn
from pyfix.mail.maps.tcp import open_tcp

INDEX_SUFFIX: Final = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
"""Types with an index that postmap builds, and how its file name ends."""
LATER: Final = frozenset(
    {
        "dbm",
        "mongodb",
        "nis",
        "sdbm",
    }
)
"""Types of Postfix that pyfix does not have."""
_AGE_MARGIN: Final = 100.0
"""A source younger than this is perhaps still being written; no warning about its index then."""


def open_table(spec: str, opening: Opening) -> Table:
    """Open type:name; raises ConfigError with the reason alone, the caller adds where it stands."""
    kind, colon, name = spec.partition(":")
    if not colon or not kind or not name:
        raise ConfigError(f'open dictionary: expecting "type:name" form instead of "{spec}"')
    opener = _OPENERS.get(kind)
    if opener is None:
        raise ConfigError(unsupported(kind))
    return opener(spec, name, opening)


def is_configured(kind: str) -> bool:
    """Tell whether tables of a type have settings of their own."""
    return _OPENERS.get(kind) is open_configured


def load(kind: str) -> None:
    """Load the code that is only loaded when a table of a type is opened."""
    if is_configured(kind):
        configured.load(kind)
    elif kind == "accounts":
        importlib.import_module("pyfix.mail.accounts.table")


def unsupported(kind: str) -> str:
    """Return the message about a type that there is not."""
    later = " (pyfix does not have it yet)" if kind in LATER else ""
    return f"unsupported dictionary type: {kind}{later}. Supported types are: {' '.join(TYPES)}"


def _accounts(spec: str, name: str, opening: Opening) -> Table:
    from pyfix.mail.accounts.table import open_accounts

    return open_accounts(spec, name, opening)


def _static(spec: str, name: str, opening: Opening) -> Table:
    return StaticTable(spec, name)


def _fail(spec: str, name: str, opening: Opening) -> Table:
    return FailTable(spec)


def _environ(spec: str, name: str, opening: Opening) -> Table:
    return EnvironTable(spec, fold=opening.fold)


def _internal(spec: str, name: str, opening: Opening) -> Table:
    return FixedTable(spec, {})


def _random(spec: str, name: str, opening: Opening) -> Table:
    return open_random(spec, name)


def _debug(spec: str, name: str, opening: Opening) -> Table:
    return DebugTable(spec, open_table(name, opening), opening.inform)


def _socketmap(spec: str, name: str, opening: Opening) -> Table:
    return _unauthenticated(spec, opening) or open_socketmap(spec, name)


def _tcp(spec: str, name: str, opening: Opening) -> Table:
    return _unauthenticated(spec, opening) or open_tcp(spec, name)


def _memcache(spec: str, name: str, opening: Opening) -> Table:
    return _unauthenticated(spec, opening) or open_configured(spec, name, opening)


def _unauthenticated(spec: str, opening: Opening) -> Table | None:
    """Return what stands in the place of a table whose word must not be taken here; None where it may be."""
    if not opening.sensitive:
        return None
    return UnavailableTable(spec, f"{spec} map is not allowed for security sensitive data")


def _inline(spec: str, name: str, opening: Opening) -> Table:
    return FixedTable(spec, inline.parse(spec, name, opening.fold), fold=opening.fold)


def _proxy(spec: str, name: str, opening: Opening) -> Table:
    if opening.direct or opening.sensitive:
        table = open_table(name, opening)
        table.name = spec
        return table
    for kind, _ in leaves(name):
        if kind not in _OPENERS:
            raise ConfigError(unsupported(kind))
    return open_proxied(spec, opening)


def _unix(spec: str, name: str, opening: Opening) -> Table:
    return unix.open_unix(spec, name)


def _union(spec: str, name: str, opening: Opening) -> Table:
    return combined.UnionTable(spec, _parts(spec, name, opening))


def _pipe(spec: str, name: str, opening: Opening) -> Table:
    return combined.PipeTable(spec, _parts(spec, name, opening))


def _parts(spec: str, name: str, opening: Opening) -> list[Table]:
    return [open_table(part, opening) for part in combined.parse(spec, name)]


def _texthash(spec: str, name: str, opening: Opening) -> Table:
    def build(lines: list[LogicalLine], stamp: FileStamp | None) -> Table:
        return FixedTable(spec, _text_content(lines, name, opening), fold=opening.fold, stamp=stamp)

    return _from_file(spec, name, opening, build, "open database ")


def _text_content(lines: list[LogicalLine], path: str, opening: Opening) -> dict[str, str]:
    content: dict[str, str] = {}
    for entry in map_entries(lines, path, opening.warn):
        key = entry.key.casefold() if opening.fold else entry.key
        if key in content:
            opening.warn(f'{path}, line {entry.number}: duplicate entry: "{entry.key}"')
        else:
            content[key] = entry.value
    return content


def _regexp(spec: str, name: str, opening: Opening) -> Table:
    return _patterns(spec, name, opening, pattern_file.REGEXP)


def _pcre(spec: str, name: str, opening: Opening) -> Table:
    return _patterns(spec, name, opening, pattern_file.PCRE)


def _patterns(spec: str, name: str, opening: Opening, dialect: pattern_file.Dialect) -> Table:
    def build(lines: list[LogicalLine], stamp: FileStamp | None) -> Table:
        rules = pattern_file.PatternReader(dialect, name, opening.warn, opening.substitution).read(lines)
        return PatternTable(spec, rules, stamp)

    return _from_file(spec, name, opening, build)


def _cidr(spec: str, name: str, opening: Opening) -> Table:
    def build(lines: list[LogicalLine], stamp: FileStamp | None) -> Table:
        return cidr.CidrTable(spec, cidr.read_rules(lines, name, opening.warn), stamp)

    return _from_file(spec, name, opening, build)


Builder = Callable[[list[LogicalLine], FileStamp | None], Table]


def _from_file(spec: str, name: str, opening: Opening, build: Builder, verb: str = "open ") -> Table:
    """Read the file, or the rules that stand in braces in its place, and build the table."""
    if name.startswith("{") and verb == "open ":
        return build(inline.rule_lines(spec, name), None)
    try:
        with open(name, "rb") as file:
            stamp = FileStamp.of(name, file.fileno())
            return build(list(logical_lines(file, name, opening.warn, utf8=opening.utf8)), stamp)
    except IsADirectoryError:
        return UnavailableTable(spec, f"read {name}: Is a directory")
    except OSError as error:
        return UnavailableTable(spec, f"{verb}{name}: {error.strerror}", missing=name)


def _indexed(spec: str, name: str, opening: Opening) -> Table:
    kind = spec.removeprefix("proxy:").partition(":")[0]
    path = name + INDEX_SUFFIX[kind]
    remedy = f'; build it with "postmap {kind}:{name}", or newaliases for an alias file'
    try:
        index: Index = open_cdb(path) if kind == "cdb" else open_index(path)
    except OSError as error:
        return UnavailableTable(spec, f"open database {path}: {error.strerror}{remedy}", missing=path)
    except NotAnIndex as problem:
        return UnavailableTable(spec, f"{problem}{remedy}")
    warn_if_old(path, index.stamp.mtime_ns, name, opening.warn)
    return IndexedTable(spec, index, opening)


def warn_if_old(path: str, mtime_ns: int, source: str, warn: Warn) -> None:
    """Warn about an index that is older than its source, if that is there."""
    try:
        changed = os.stat(source).st_mtime
    except OSError:
        return
    if changed > mtime_ns / 1e9 and changed < clock.now() - _AGE_MARGIN:
        warn(f"database {path} is older than source file {source}")


_OPENERS: Final[dict[str, Callable[[str, str, Opening], Table]]] = {
    "accounts": _accounts,
    "btree": _indexed,
    "cdb": _indexed,
    "cidr": _cidr,
    "debug": _debug,
    "environ": _environ,
    "fail": _fail,
    "hash": _indexed,
    "inline": _inline,
    "internal": _internal,
    "ldap": open_configured,
    "lmdb": _indexed,
    "memcache": _memcache,
    "mysql": open_configured,
    "pcre": _pcre,
    "pgsql": open_configured,
    "pipemap": _pipe,
    "proxy": _proxy,
    "randmap": _random,
    "redis": open_configured,
    "regexp": _regexp,
    "socketmap": _socketmap,
    "sqlite": open_configured,
    "static": _static,
    "tcp": _tcp,
    "texthash": _texthash,
    "unionmap": _union,
    "unix": _unix,
}
TYPES: Final = tuple(_OPENERS)
"""The types that there are, sorted: `postconf -m`."""
