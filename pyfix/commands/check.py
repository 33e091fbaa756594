"""pyfix-check(1): find what would go wrong, before mail does.

    pyfix [-c DIR] [-v] check

Looks at main.cf and master.cf, at the directories and the rights of files, at every lookup table that a parameter
names, and at domains that are in two address classes. Creates missing directories of the queue, and changes nothing
else.

    warning: ...   what will surprise somebody
    fatal: ...     what keeps the mail system from starting

Exit status: 1 when the mail system would not start, 0 otherwise.

See: pyfix(1), postconf(1), postconf(5), master(5)

Inside: check_files.py looks through whole trees.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from pyfix.commands.check_files import check_files
from pyfix.mail.config import Config, ConfigError, CoreParameters, mastercf
from pyfix.mail.config.check import check_master_cf, check_parameters
from pyfix.mail.maps import MatchList, TableError, open_maps
from pyfix.mail.maps.table import UnavailableTable
from pyfix.master.layout import LayoutError, check_layout, check_maillog
from pyfix.master.services import plan_services

_CLASS_LISTS: Final = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
_TABLE = re.compile(r"^(?:proxy:)?(texthash|hash|btree|lmdb|cdb|regexp|pcre|cidr):(/\S+)$")


@dataclass(slots=True)
class CheckResult:
    """What was found."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_instance(config: Config, explain: Callable[[str], None] = lambda text: None) -> CheckResult:
    """Check everything; never raises for a configuration that is merely wrong. `explain` is told each step."""
    result = CheckResult()
    explain("checking the parameters of main.cf")
    result.warnings += check_parameters(config)
    try:
        params = config.read(CoreParameters)
        explain(f"checking {params.queue_directory}, {params.data_directory} and the log file")
        check_maillog(params)
        result.warnings += check_layout(params)
    except (ConfigError, LayoutError) as error:
        result.errors.append(str(error))
        return result
    explain("checking the services of master.cf")
    _check_services(config, params, result)
    explain(f"checking the rights of the files in {config.directory} and {params.queue_directory}")
    result.warnings += check_files(config.directory, params)
    explain("checking lookup tables and address classes")
    result.warnings += [*check_tables(config), *overlapping_classes(config)]
    if os.getuid() != 0:
        result.notes.append(
            f"not root: every process runs as user id {os.getuid()}, ports below 1024 and other users' mailboxes"
            " are out of reach"
        )
    return result


def _check_services(config: Config, params: CoreParameters, result: CheckResult) -> None:
    try:
        entries = mastercf.read(os.path.join(config.directory, "master.cf"))
    except ConfigError as error:
        result.errors.append(str(error))
        return
    result.warnings += plan_services(entries, params.default_process_limit).warnings
    result.warnings += check_master_cf(config)


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


def overlapping_classes(config: Config) -> Iterator[str]:
    """Name every domain that two address classes claim (ADDRESS_CLASS_README): mail would go to the wrong one."""
    lists: dict[str, MatchList] = {}
    for name in _CLASS_LISTS:
        if name == "virtual_alias_domains" and not config.is_set(name):
            continue  # its default names tables of addresses, not of domains
        try:
            lists[name] = MatchList(config.expand(config.get(name) or ""), name, config, parents=False)
        except ConfigError as error:
            yield str(error)
    words = {name: _literal_domains(config, name) for name in lists}
    for first, second in combinations(lists, 2):
        if {first, second} == {"mydestination", "relay_domains"} and not config.is_set("relay_domains"):
            continue
        for domain in sorted(words[first] | words[second]):
            try:
                both = lists[first].matches(domain) and lists[second].matches(domain)
            except TableError:
                continue  # check_tables has named the table
            if both:
                yield f"do not list domain {domain} in BOTH {first} and {second}"


def _literal_domains(config: Config, name: str) -> set[str]:
    text = config.expand(config.get(name) or "")
    return {word.lower() for word in re.split(r"[\s,]+", text) if word and ":" not in word and word[0] not in "/!."}
