"""Every lookup table that a parameter names, opened."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import Final

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import open_maps
from pyfix.mail.maps.table import UnavailableTable

_TABLE: Final = re.compile(r"^(?:proxy:)?(texthash|hash|btree|lmdb|cdb|regexp|pcre|cidr):(/\S+)$")


def check_tables(config: Config) -> Iterator[str]:
    """Open every table file that a parameter names, and say what is wrong with it."""
    for name in config.set_names():
        for spec in _table_files(config, name):
            yield from _check_table(config, name, spec)
        if name.endswith("_maps"):
            try:
                open_maps(config.evaluate(name, ""), name, config)
            except ConfigError as error:
                yield str(error)


def _table_files(config: Config, name: str) -> Iterator[str]:
    try:
        text = config.evaluate(name, "")
    except ConfigError:
        return  # check_parameters has named it
    for word in re.split(r"[\s,{}]+", text):
        if _TABLE.match(word):
            yield word


def _check_table(config: Config, name: str, spec: str) -> Iterator[str]:
    before = len(config.warnings)
    try:
        maps = open_maps([spec], name, config)
    except ConfigError as error:
        yield str(error)
        return
    yield from config.warnings[before:]
    for table in maps.tables:
        if isinstance(table, UnavailableTable):
            yield f"{config.place(name)}: {name}: {table.reason}"
    yield from _writable_table(name, spec)


def _writable_table(parameter: str, spec: str) -> Iterator[str]:
    match = _TABLE.match(spec)
    if match and os.path.exists(match[2]) and os.stat(match[2]).st_mode & stat.S_IWOTH:
        yield f"{parameter}: world-writable: {match[2]}"
