"""Which parameters `postconf` lists: built in, of a service, defined by the user.

See: postconf(1), option -C.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from pyfix.mail.config import discover
from pyfix.mail.config.config import Config
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.parameters import PerTransport
from pyfix.mail.config.unused import family_names, names_mentioned


class ParameterClass(StrEnum):
    """Where a name comes from."""

    BUILTIN = "builtin"
    SERVICE = "service"
    USER = "user"


ALL_CLASSES: Final = frozenset(ParameterClass)


def parameter_names(config: Config, entries: Sequence[ServiceEntry]) -> dict[str, ParameterClass]:
    """Return every name that has a meaning, with its class, in the order of names."""
    used = names_mentioned(config, entries)
    found = {name: ParameterClass.USER for name in config.set_names() if name in used}
    found |= dict.fromkeys(family_names(entries, unlisted=False), ParameterClass.SERVICE)
    found |= {
        name: ParameterClass.BUILTIN
        for name, declared in discover.declarations().items()
        if not isinstance(declared, PerTransport)
    }
    found |= {
        transport + family.suffix: ParameterClass.BUILTIN
        for family in discover.families()
        for transport in family.defaults
    }
    return dict(sorted(found.items()))


def select(
    config: Config, entries: Sequence[ServiceEntry], classes: Iterable[ParameterClass], *, only_set: bool
) -> list[str]:
    """Return the names to list; only_set leaves those that main.cf or an override sets."""
    wanted = frozenset(classes)
    return [
        name
        for name, kind in parameter_names(config, entries).items()
        if kind in wanted and (not only_set or config.is_set(name) or name == "config_directory")
    ]
