"""What is known of a table from its type:name alone: somebody else will open it.

See: proxy.py, which leaves that to proxymap; combined.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.maps import combined, unix

PROXY: Final = "proxy:"
_WRAPPERS: Final = ("debug", "proxy")
_PATTERNS: Final = frozenset({"cidr", "pcre", "regexp", "socketmap", "tcp"})
"""Types that are asked for whole addresses only (Table.is_pattern)."""
_LOCAL: Final = frozenset(
    {
        "btree", "cdb", "cidr", "environ", "fail", "hash", "inline", "internal", "lmdb", "pcre", "randmap", "regexp",
        "static", "texthash",
    }
)  # fmt: skip
"""Types whose tables have no need to wait for anybody."""


def leaves(spec: str) -> Iterator[tuple[str, str]]:
    """Yield type and name of each table that a table is made of, itself if it is no compound; raises ConfigError."""
    kind, colon, name = spec.partition(":")
    if not colon or not kind or not name:
        raise ConfigError(f'open dictionary: expecting "type:name" form instead of "{spec}"')
    if kind in _WRAPPERS:
        yield from leaves(name)
    elif kind in combined.TYPES:
        for part in combined.parse(spec, name):
            yield from leaves(part)
    else:
        yield kind, name


def is_pattern(spec: str) -> bool:
    """Tell whether keys are patterns, as Table.is_pattern does; raises ConfigError."""
    return any(kind in _PATTERNS for kind, _ in leaves(spec))


def may_wait(spec: str) -> bool:
    """Tell whether a lookup may have to wait for somebody on another machine; raises ConfigError."""
    return any(unix.asks_network() if kind == "unix" else kind not in _LOCAL for kind, _ in leaves(spec))


def unproxied(spec: str) -> str:
    """Return type:name without any proxy: in front."""
    while spec.startswith(PROXY):
        spec = spec[len(PROXY) :]
    return spec
