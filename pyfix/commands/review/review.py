"""Look through a whole configuration for what pyfix does not honour."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pyfix.commands.review import restrictions
from pyfix.commands.review.features import find_rule
from pyfix.commands.review.omission import Loss, Omission, Where
from pyfix.commands.review.services import HasProgram, review_service, service_key
from pyfix.mail.config import Config, ConfigError, discover
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.unused import is_known, names_in_use, reachable, references, transport_names
from pyfix.mail.maps.registry import LATER
from pyfix.service.catalog import find_service

ACCEPTED: Final = "run_without"
ORIGIN: Final = "myorigin"
_CLASSES: Final = "smtpd_restriction_classes"
_TABLE: Final = re.compile(rf"(?<![\w.:/-])(?:proxy:)?({'|'.join(sorted(LATER))}):[^\s,]+")


def has_program(name: str) -> bool:
    """Return whether pyfix has a program for a line of master.cf."""
    return find_service(name) is not None


def review(config: Config, entries: Sequence[ServiceEntry], has: HasProgram = has_program) -> list[Omission]:
    """Return every line of main.cf and master.cf that pyfix does not honour, in their order.

    Only what Postfix knows: a misspelt name is nobody's, and `check_parameters` tells of it.
    """
    found = [*_review_main(config, entries)]
    for entry in entries:
        found += review_service(entry, has)
        if has(entry.program):
            found += _review_options(config, entry, entries)
    return found


def explained_names(config: Config, entries: Sequence[ServiceEntry]) -> set[str]:
    """Return the names that are set, nobody reads, and a review tells of: none of them is misspelt."""
    names = {*config.main.settings, *(name for entry in entries for name, _ in entry.overrides)}
    return {name for name in names if discover.family_of(name) is not None or find_rule(name, "") is not None}


def _review_main(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Omission]:
    used = names_in_use(config, entries)
    lists = reachable(config, *restrictions.LISTS, *_classes(config))
    for name, setting in config.main.settings.items():
        where = Where(_line_of(setting.place), parameter=name)
        if name not in used:
            yield from _review_parameter(config, name, setting.value, setting.place, where)
        else:
            yield from _review_tables(name, setting.value, setting.place, where)
        if name in lists:
            yield from _review_list(config, name, setting.value, setting.place, where)
        if name == ORIGIN and setting.value.startswith("/"):
            yield Omission(
                Loss.LOST, name, setting.value, setting.place, where, "only Debian's Postfix reads the name in a file",
                "addresses end in the name of the file", "write the name itself",
            )  # fmt: skip


def _review_options(config: Config, entry: ServiceEntry, entries: Sequence[ServiceEntry]) -> Iterator[Omission]:
    referred = references(" ".join(value for _, value in entry.overrides))
    transports = transport_names(entries)
    service = config.overridden(entry.overrides, entry.name, entry.program)
    for name, value in entry.overrides:
        where = Where(entry.line, service_key(entry), name)
        if not is_known(name, transports) and name not in referred:
            yield from _review_parameter(service, name, value, entry.place, where)
        else:
            yield from _review_tables(name, value, entry.place, where)
        if name in restrictions.LISTS:
            yield from _review_list(config, name, value, entry.place, where)


def _review_parameter(config: Config, name: str, value: str, place: str, where: Where) -> Iterator[Omission]:
    """Yield why a parameter of Postfix's is not honoured; nothing for a name that is not Postfix's."""
    family = discover.family_of(name)
    if family is not None:
        transport = name.removesuffix(family.suffix)
        reason = f"master.cf has no service {transport} that delivers mail"
        yield Omission(Loss.NOTHING, name, value, place, where, reason)
        return
    rule = find_rule(name, _expanded(config, value))
    if rule is None:
        return
    remedy = f"take it out, or list it in {ACCEPTED}" if rule.loss in (Loss.GUARD, Loss.LOST) else ""
    yield Omission(rule.loss, name, value, place, where, rule.feature, rule.effect, remedy)


def _review_tables(name: str, value: str, place: str, where: Where) -> Iterator[Omission]:
    """Yield tables of types that pyfix lacks; out of a list of tables one can be taken, out of restrictions not."""
    for found in _TABLE.finditer(value):
        is_list = name.endswith(("_maps", "_domains"))
        yield Omission(
            Loss.IMPOSSIBLE, name, found[0], place, replace(where, words=(found[0],)) if is_list else where,
            f"{found[1]} tables are not in this release", "no process that needs the table can run",
            "put the content into a table of another type", Loss.LOST if is_list else None,
            "what is in it is not found" if is_list else "",
        )  # fmt: skip


def _review_list(config: Config, name: str, value: str, place: str, where: Where) -> Iterator[Omission]:
    for lacking in restrictions.find_lacking(value, name):
        yield Omission(
            Loss.HELD, lacking.name, "", place, Where(where.line, where.service, name, lacking.words),
            lacking.reason, f"{name} is answered with 451 4.3.5 from there on", "take it out of the list",
            lacking.loss_when_taken_out, lacking.effect_when_taken_out,
        )  # fmt: skip


def _classes(config: Config) -> list[str]:
    return re.split(r"[\s,]+", config.main.settings[_CLASSES].value) if _CLASSES in config.main.settings else []


def _expanded(config: Config, value: str) -> str:
    try:
        return config.expand(value)
    except ConfigError:
        return value  # check_parameters tells of it


def _line_of(place: str) -> int:
    """Return the number in "file, line N"."""
    return int(place.rpartition(" ")[2])
