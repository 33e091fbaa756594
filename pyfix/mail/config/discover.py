"""Find every parameter that pyfix declares: all classes of all params modules.

A room declares its parameters in a module named `params`; those are imported on the first question about a name that
the asking process does not declare itself. They hold declarations only, so that this is cheap and has no effects.
One name declared by two sets is a mistake of the program: TypeError names both.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache

import pyfix
from pyfix.mail.config.parameters import Declared, ParameterSet, PerTransport

PARAMS_MODULE = "params"


@cache
def parameter_sets() -> tuple[type[ParameterSet], ...]:
    """Return the parameter sets of pyfix, sorted by module and name."""
    found = {
        item
        for module in sorted(_params_modules())
        for item in vars(importlib.import_module(module)).values()
        if isinstance(item, type) and issubclass(item, ParameterSet) and item.__module__ == module
    }
    return tuple(sorted(found, key=lambda item: (item.__module__, item.__name__)))


def _params_modules(directory: str = pyfix.__path__[0], prefix: str = "pyfix.") -> Iterator[str]:
    """Yield the names of all params modules, from the files alone: no package is imported for having none."""
    for module in pkgutil.iter_modules([directory]):
        if module.ispkg:
            yield from _params_modules(os.path.join(directory, module.name), f"{prefix}{module.name}.")
        elif module.name == PARAMS_MODULE:
            yield prefix + module.name


@cache
def declarations() -> Mapping[str, Declared[object]]:
    """Return every declaration by name (a family by its suffix)."""
    found: dict[str, Declared[object]] = {}
    for parameter_set in parameter_sets():
        for name, item in parameter_set.declared.items():
            if found.setdefault(name, item) is not item:
                raise TypeError(f"parameter {name} is declared twice, the second time in {parameter_set.__module__}")
    return found


def default_text(name: str) -> str | None:
    """Return the default text of a parameter, also of a member of a family; None for an unknown name."""
    known = declarations()
    item = known.get(name)
    if item is not None and not isinstance(item, PerTransport):
        return item.default
    family = family_of(name)
    return family.default_for(name.removesuffix(family.suffix)) if family else None


def family_of(name: str) -> PerTransport[object] | None:
    """Return the family that a name belongs to, by the longest suffix."""
    fitting = [item for item in families() if name.endswith(item.suffix) and len(name) > len(item.suffix)]
    return max(fitting, key=lambda item: len(item.suffix), default=None)


@cache
def families() -> tuple[PerTransport[object], ...]:
    """Return the declared families."""
    return tuple(item for item in declarations().values() if isinstance(item, PerTransport))
