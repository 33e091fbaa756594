"""Read the option files of MySQL and MariaDB clients: my.cnf.

    [group]      name = value      name      !include file      !includedir directory      # comment      ; comment

Names are the same with "-" and "_". Later files and lines go before earlier ones.
See: mysql_table(5) "option_file"; the client library's own manual for the files.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import Final

DEFAULT_FILES: Final = ("/etc/my.cnf", "/etc/mysql/my.cnf")
_NESTING_LIMIT: Final = 10


def read_options(files: Sequence[str], groups: Sequence[str]) -> dict[str, str]:
    """Return the options of some groups; raises OSError."""
    options: dict[str, dict[str, str]] = {group: {} for group in groups}
    for path in files:
        _read(path, options, 0)
    return {name: value for group in groups for name, value in options[group].items()}


def _read(path: str, options: dict[str, dict[str, str]], depth: int) -> None:
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file]
    group: dict[str, str] = {}
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            group = options.get(line[1:-1].strip(), {})
        elif line.startswith("!"):
            for included in _included(line, path) if depth < _NESTING_LIMIT else ():
                _read(included, options, depth + 1)
        elif line and line[0] not in "#;":
            name, _, value = line.partition("=")
            group[name.strip().replace("_", "-")] = _unquote(value.partition(" #")[0].strip())


def _included(line: str, path: str) -> list[str]:
    word, _, name = line.partition(" ")
    name = os.path.join(os.path.dirname(path), name.strip())
    if word == "!includedir":
        return sorted(glob.glob(f"{glob.escape(name)}/*.cnf"))
    return [name] if word == "!include" and os.path.exists(name) else []


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
