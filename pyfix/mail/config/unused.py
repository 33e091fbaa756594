"""Which settings nothing reads, and which references lead nowhere.

A name is in use when pyfix declares it, when it belongs to a family and its transport is a service of master.cf, or
when the value of a name in use, or of a master.cf override, refers to it. The rest is most often a typing error, so
that the nearest known name is suggested. A parameter of Postfix's that pyfix does not have counts as unused.
See: postconf(1).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from pyfix.mail.config import discover
from pyfix.mail.config.config import Config
from pyfix.mail.config.defaults import COMPUTED_FROM
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.parameters import PerTransport
from pyfix.mail.config.values import words

_REFERENCE: Final = re.compile(r"\$(?:\$|[({]\s*([A-Za-z0-9_]+)|([A-Za-z0-9_]+))")
_NEAR: Final = 0.8
_AGENTS: Final = ("local", "pipe", "smtp", "lmtp", "virtual", "error", "discard")
"""The programs that deliver mail."""
_RESTRICTION_CLASSES: Final = "smtpd_restriction_classes"


def references(text: str) -> set[str]:
    """Return the names that a text refers to, in whatever branch."""
    return {found[1] or found[2] for found in _REFERENCE.finditer(text)} - {None}


def transport_names(entries: Iterable[ServiceEntry]) -> list[str]:
    """Return the services that deliver mail, and so have parameters of their own."""
    return [entry.name for entry in entries if entry.program in _AGENTS]


def is_known(name: str, transports: Iterable[str]) -> bool:
    """Return whether pyfix declares a name, on its own or for one of the transports."""
    declared = discover.declarations().get(name)
    if declared is not None and not isinstance(declared, PerTransport):
        return True
    family = discover.family_of(name)
    return family is not None and name.removesuffix(family.suffix) in transports


def unused_names(config: Config, entries: Sequence[ServiceEntry]) -> list[str]:
    """Return the names that main.cf sets and nothing reads, in the order of the file."""
    used = names_in_use(config, entries)
    return [name for name in config.main.settings if name not in used]


def names_in_use(config: Config, entries: Sequence[ServiceEntry]) -> set[str]:
    """Return every name that code reads, directly or through a value."""
    transports = transport_names(entries)
    known = {name for name in config.main.settings if is_known(name, transports)} | set(discover.declarations())
    classes = words(config.expand(config.get(_RESTRICTION_CLASSES) or ""), _RESTRICTION_CLASSES)
    overrides = [name for entry in entries for _, value in entry.overrides for name in references(value)]
    return reachable(config, *known, *classes, *overrides)


def reachable(config: Config, *names: str) -> set[str]:
    """Return the names and all that their values refer to, in whatever branch and however far."""
    waiting = list(names)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(_text(config, name))
    return found


def _text(config: Config, name: str) -> str:
    """Return the text of a name; of a computed default the references to what it is made of."""
    if config.is_set(name):
        return config.get(name) or ""
    return COMPUTED_FROM.get(name) or discover.default_text(name) or ""


def unused_settings(config: Config, entries: Sequence[ServiceEntry], explained: Collection[str] = ()) -> Iterator[str]:
    """Yield a warning for each setting of main.cf that nothing reads, but for those that somebody has explained."""
    known = _suggestions()
    for name in unused_names(config, entries):
        if name in explained:
            continue
        value = one_line(config.main.settings[name].value)
        yield f"{config.main_cf}: unused parameter: {one_line(name)}={value}{suggestion(name, known)}"


def unused_overrides(entries: Sequence[ServiceEntry], explained: Collection[str] = ()) -> Iterator[str]:
    """Yield a warning for each override of master.cf that nothing reads, but for names that somebody has explained."""
    known = _suggestions()
    transports = transport_names(entries)
    for entry in entries:
        values = " ".join(value for _, value in entry.overrides)
        for name, value in entry.overrides:
            if not is_known(name, transports) and name not in references(values) and name not in explained:
                yield f"{entry.file}: unused parameter: {one_line(name)}={one_line(value)}{suggestion(name, known)}"


def _suggestions() -> list[str]:
    """Return the names that may be meant."""
    return [name for name in discover.declarations() if not name.startswith("_")]


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return the words that suggest the nearest known name, if one is near."""
    nearest = difflib.get_close_matches(name, known, 1, _NEAR)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def undefined_references(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[tuple[str, str]]:
    """Yield (name, warning) for each setting in use that refers to a name without a value."""
    used = names_in_use(config, entries)
    transports = transport_names(entries)
    for name, setting in config.main.settings.items():
        declared = discover.declarations().get(name)
        if name not in used or (declared is not None and not declared.expands):
            continue
        for reference in sorted(references(setting.value)):
            if not config.is_set(reference) and not is_known(reference, transports):
                yield name, f"{config.main_cf}: undefined parameter: {reference}"
