"""Find out which process or command reads which parameter.

A process has the parameters of its set, and of those that this builds on; it reads those that its own modules mention,
or modules that they import, however far. What the skeleton of all processes reads is nobody's in particular. The
imports are followed no further than to another room that has a page, since that speaks for itself, and for a command
only through the rooms of commands and the master.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import ParameterSet, discover
from pyfix.mail.config.defaults import COMPUTED_FROM
from pyfix.mail.config.parameters import Declared
from pyfix.mail.config.unused import references
from pyfix.manual.sources import Module

Declarations = Mapping[str, Declared[object]]
ParameterSets = Mapping[str, type[ParameterSet]]
"""The set of each process, by the package of its room."""

SKELETON: Final = "pyfix.service"
_LANGUAGE: Final = "pyfix.mail.config"
"""Knows many names, and reads none for anybody in particular."""
_ROOM: Final = re.compile(r"pyfix\.(?:(?P<command>commands)\.\w+|daemons\.\w+|master)")
"""A command or the room of a process; pages of other modules describe files."""
_SET_BY_ITSELF: Final = ("process_id", "process_name", "service_name")
"""What a process does not read but says, for main.cf to refer to."""
_COMMANDS: Final = ("pyfix.commands", "pyfix.master", "pyfix.mail.config.check")


@dataclass(frozen=True, slots=True)
class Usage:
    """The parameters that the modules with pages read, by module."""

    shared: frozenset[str]
    """Read by all processes."""
    read: Mapping[str, frozenset[str]]

    def readers(self, name: str) -> list[str]:
        """Return the modules that read a parameter, those aside that only do as all processes."""
        return [module for module, names in self.read.items() if name in names]


def find_usage(modules: Mapping[str, Module], sets: ParameterSets) -> Usage:
    """Return what each room with a page reads, and what all processes do."""
    skeleton = _mentioned(discover.declarations(), _words(modules, SKELETON, (SKELETON,), frozenset()))
    shared = frozenset(skeleton).union(_SET_BY_ITSELF)
    rooms = {name: found for name, module in modules.items() if module.has_page and (found := _ROOM.fullmatch(name))}
    read: dict[str, frozenset[str]] = {}
    for name, found in rooms.items():
        others = rooms.keys() - {name}
        if found["command"]:
            read[name] = frozenset(_mentioned(discover.declarations(), _words(modules, name, _COMMANDS, others)))
        else:
            words = _words(modules, name, ("pyfix",), others)
            read[name] = frozenset(_mentioned(sets[name].declared, words)) - shared
    return Usage(shared, read)


def _mentioned(candidates: Declarations, words: frozenset[str]) -> set[str]:
    """Return the candidates that the words name, and what their defaults refer to."""
    waiting = [name for name, item in candidates.items() if {name, item.attribute} & words]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            default = COMPUTED_FROM.get(name) or candidates[name].default
            waiting += references(default) & candidates.keys()
    return found


def _words(modules: Mapping[str, Module], start: str, within: tuple[str, ...], others: Set[str]) -> frozenset[str]:
    """Return the words of a room and of what it imports from the rooms `within`, however far, but for the others."""
    waiting = [name for name in modules if _is_below(name, (start,))]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in modules and name not in found | others and _is_below(name, within) and not _is_language(name):
            found.add(name)
            waiting += modules[name].imports
    return frozenset().union(*(modules[name].words for name in found))


def _is_below(name: str, rooms: Iterable[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def _is_language(name: str) -> bool:
    return _is_below(name, (_LANGUAGE,)) and name not in _COMMANDS
