"""Which programs there are: a folder of `daemons/` for each name that master.cf can use.

Looked up by name and imported on demand: the skeleton and the master import no daemon, and a master.cf that names a
program which pyfix does not have is answered with None.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Mapping
from typing import Final

from pyfix.service.service import AnyService, Service

_ROOMS: Final = "pyfix.daemons"
_OTHER_NAMES: Final = {"lmtp": "smtp", "oqmgr": "qmgr", "nqmgr": "qmgr", "retry": "error"}
_PROGRAM_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def find_service(program: str) -> AnyService | None:
    """Return the declaration of a program, or None when pyfix has no such program."""
    if not _PROGRAM_NAME.fullmatch(program):
        return None
    folder = _OTHER_NAMES.get(program, program).replace("-", "_")
    module = f"{_ROOMS}.{folder}.daemon"
    try:
        if importlib.util.find_spec(f"{_ROOMS}.{folder}") is None or importlib.util.find_spec(module) is None:
            return None
    except ModuleNotFoundError:
        return None
    declared = [item for item in vars(importlib.import_module(module)).values() if isinstance(item, Service)]
    named = [service for service in declared if service.program == program]
    return (named or declared)[0]


def services() -> Mapping[str, AnyService]:
    """Return the service of every folder, by the name of its package."""
    folders = importlib.import_module(_ROOMS).__path__
    found = {
        f"{_ROOMS}.{item.name}": find_service(item.name.replace("_", "-")) for item in pkgutil.iter_modules(folders)
    }
    return {name: service for name, service in sorted(found.items()) if service is not None}
