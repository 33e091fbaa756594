"""Which settings nothing reads, and which references lead nowhere.

A name is in use when pyfix declares it, when the default of such a name refers to it (a name of old, such as
virtual_maps), when it belongs to a family and its transport is a service of master.cf, when it is one of
smtpd_restriction_classes or belongs to a table (dbms.py), and when the value of a name in use refers to it. A service
sees main.cf and its own -o settings; what main.cf has is in use when one of the services uses it. The rest is most
often a typing error, so that the nearest known name is suggested. A parameter of Postfix's that pyfix does not have
counts as unused.
See: postconf(1).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from pyfix.mail.config import dbms, discover
from pyfix.mail.config.config import Config
from pyfix.mail.config.defaults import COMPUTED_FROM
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.parameters import PerTransport

_REFERENCE: Final = re.compile(r"\$(?:\$|[({]\s*([A-Za-z0-9_]+)|([A-Za-z0-9_]+))")
_NEAR: Final = 0.8
_SHOWN: Final = 2000
"""Characters of a value in a warning."""
_AGENTS: Final = ("local", "pipe", "smtp", "lmtp", "virtual", "error", "discard")
"""The programs that deliver mail."""
_UNLISTED: Final = ("discard",)
"""Those of them whose parameters postconf does not list, but knows."""
_LEVEL: Final = "compatibility_level"
_LISTS: Final = frozenset({"proxy_read_maps", "proxy_write_maps"})
"""Their defaults name every parameter of Postfix's that may hold a table, which does not mean that anybody reads it."""
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


@cache
def legacy_names() -> frozenset[str]:
    """Return the names that only a default refers to: former names of parameters."""
    declared = (item for name, item in discover.declarations().items() if name not in _LISTS)
    found = {reference for item in declared for reference in references(item.default)}
    return frozenset(found - discover.declarations().keys())


def family_names(entries: Iterable[ServiceEntry], unlisted: bool = True) -> set[str]:
    """Return the parameters that families have for the services of master.cf."""
    return {
        entry.name + family.suffix
        for entry in entries
        if entry.program in _AGENTS and (unlisted or entry.program not in _UNLISTED)
        for family in discover.families()
        if not family.programs or entry.program in family.programs
    }


def known_names(entries: Iterable[ServiceEntry]) -> set[str]:
    """Return every name that means something whatever the values are."""
    single = {name for name, item in discover.declarations().items() if not isinstance(item, PerTransport)}
    for family in discover.families():
        single |= {transport + family.suffix for transport in family.defaults}
    return single | legacy_names() | family_names(entries)


def names_in_use(config: Config, entries: Sequence[ServiceEntry]) -> set[str]:
    """Return every name that code reads, directly or through the values of such names."""
    known = known_names(entries)
    return set().union(*(_in_use(scope, names, known) for scope, names in _scopes(config, entries)))


def names_mentioned(config: Config, entries: Sequence[ServiceEntry]) -> set[str]:
    """Return the names that mean something in main.cf: what Postfix's postconf takes for used.

    That are those in use and all that any value refers to, but not what a service refers to and sets itself.
    """
    known = known_names(entries)
    found = _in_use(config, config.set_names(), known) | _referred(config, config.set_names())
    for entry in entries:
        own = dict(entry.overrides)
        scope = _scope(config, entry)
        values = [_value(scope, name) for name in own if name in known and expands(name)]
        found |= _referred(scope, own).union(*map(dbms.setting_names, values)) - own.keys()
    return found


def _scopes(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[tuple[Config, Collection[str]]]:
    """Yield the configurations that processes see, each with the names that are set for it alone.

    That are main.cf, and main.cf with the -o settings of a service.
    """
    yield config, list(config.set_names())
    for entry in entries:
        if entry.overrides:
            yield _scope(config, entry), dict(entry.overrides)


def _scope(config: Config, entry: ServiceEntry) -> Config:
    """Return the configuration of a service."""
    return config.extended(entry.overrides, entry.name, entry.program)


def _referred(config: Config, names: Iterable[str]) -> set[str]:
    """Return what the values of these names refer to, and the classes of restrictions that they name."""
    found = set().union(*(references(config.get(name) or "") for name in names if expands(name)))
    return found | set(_restriction_classes(config)) if _RESTRICTION_CLASSES in names else found


def _in_use(config: Config, names: Iterable[str], known: Collection[str]) -> set[str]:
    """Return what the known names lead to: references, restriction classes, settings of the tables in `names`.

    A table counts where the value of a present name or a class has it; one of a former name's is looked up by nobody.
    """
    lists = {name for name in _LISTS if not config.is_set(name)}
    classes = _restriction_classes(config)
    found = lists | reachable(config, *({*known, *discover.declarations()} - lists), *classes)
    asked = (set(known) - legacy_names()).union(classes)
    values = [_value(config, name) for name in names if name in asked and expands(name)]
    return found | reachable(config, *set().union(*map(dbms.setting_names, values)))


def _restriction_classes(config: Config) -> list[str]:
    """Return the names that smtpd_restriction_classes gives a meaning."""
    return _value(config, _RESTRICTION_CLASSES).replace(",", " ").split()


def _value(config: Config, name: str) -> str:
    """Return the expanded text of a name; nothing for one that cannot be expanded, which others tell of."""
    try:
        return config.evaluate(name, "")
    except ConfigError:
        return ""


def expands(name: str) -> bool:
    """Return whether $name in a value means a parameter; some values know other names only."""
    declared = discover.declarations().get(name)
    return declared is None or declared.expands


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
    if not expands(name):
        return ""
    if config.is_set(name):
        return config.get(name) or ""
    return COMPUTED_FROM.get(name) or discover.default_text(name) or ""


def unused_settings(config: Config, used: Collection[str]) -> Iterator[str]:
    """Yield a warning for each setting of main.cf whose name is not among the used ones."""
    for name in config.set_names():
        if name not in used:
            yield _unused(config.main_cf, name, config.get(name) or "")


def unused_overrides(config: Config, entries: Sequence[ServiceEntry], explained: Collection[str] = ()) -> Iterator[str]:
    """Yield a warning for each override of master.cf that nothing reads, but for names that somebody has explained."""
    known = known_names(entries)
    known |= names_mentioned(config, entries) & set(config.set_names()) | _referred(config, config.set_names())
    for entry in entries:
        if not any(name not in known and name not in explained for name, _ in entry.overrides):
            continue
        scope = _scope(config, entry)
        used = {*_in_use(scope, scope.set_names(), known), *_referred(scope, scope.set_names()), *explained}
        for name, value in dict(entry.overrides).items():
            if name not in used:
                yield _unused(entry.file, name, value)


def unused_in_tables(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[str]:
    """Yield what is wrong with the files of settings of the tables that main.cf and master.cf name."""
    for scope, name in _known_settings(config, entries):
        yield from dbms.file_problems(_value(scope, name))


def refuse_broken_values(config: Config, entries: Sequence[ServiceEntry]) -> None:
    """Raise ConfigError for the first value in use whose references are broken or go round in a circle.

    Also for a compatibility_level that is none: defaults depend on it.
    """
    discover.declarations()[_LEVEL].read(config)
    for scope, name in _known_settings(config, entries):
        scope.evaluate(name, "")


def _known_settings(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[tuple[Config, str]]:
    """Yield each setting of a known name, with the configuration that it is set in."""
    known = known_names(entries) - legacy_names()
    for scope, names in _scopes(config, entries):
        for name in names:
            if name in known and expands(name):
                yield scope, name


def _unused(place: str, name: str, value: str) -> str:
    """Return the words about a setting that nothing reads."""
    return f"{place}: unused parameter: {one_line(name)}={one_line(value, _SHOWN)}{suggestion(name, _suggestions())}"


def _suggestions() -> list[str]:
    """Return the names that may be meant."""
    return [name for name in discover.declarations() if not name.startswith("_")]


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return the words that suggest the nearest known name, if one is near."""
    nearest = difflib.get_close_matches(name, known, 1, _NEAR)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def undefined_references(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[tuple[str, str]]:
    """Yield (name, warning) for each setting of main.cf that refers to a name without a value.

    A name that a service sets has one: main.cf may be written for that service.
    """
    known = {*known_names(entries), *(name for entry in entries for name, _ in entry.overrides)}
    for name in config.set_names():
        for reference in _undefined(config, name, known):
            yield name, f"{config.main_cf}: undefined parameter: {reference}"


def undefined_in_services(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[str]:
    """Yield a warning for each -o setting of master.cf that refers to a name without a value."""
    known = known_names(entries)
    for entry in entries:
        scope = _scope(config, entry)
        for name in dict(entry.overrides):
            for reference in _undefined(scope, name, known):
                yield f"{entry.file}: undefined parameter: {reference}"


def _undefined(config: Config, name: str, known: Collection[str]) -> Iterator[str]:
    """Yield the names that a setting refers to, which mean nothing and are not set."""
    wanted = references(config.get(name) or "") if expands(name) else set()
    if name == _RESTRICTION_CLASSES:
        wanted |= set(_restriction_classes(config))
    for reference in sorted(wanted):
        if reference not in known and not config.is_set(reference):
            yield reference
