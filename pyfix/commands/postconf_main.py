"""Show main.cf, and say what is wrong with the files: what postconf does without a request for a change.

Standard output holds what was asked for, standard error what is wrong: references that lead nowhere, settings that
nothing reads, in the files of tables too. A value in use that can't be expanded is a ConfigError, whatever was asked
for. Lines of master.cf that pyfix can't run are no trouble here.
See: postconf(1); unused.py and listing.py in mail/config.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence

import click

from pyfix.commands.postconf_call import MODES, Call
from pyfix.mail.config import Config, discover, listing, show
from pyfix.mail.config.host import this_host
from pyfix.mail.config.maincf import MainCf
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.service_line import ServiceLine, read_services
from pyfix.mail.config.unused import (
    expands,
    legacy_names,
    names_mentioned,
    refuse_broken_values,
    suggestion,
    undefined_in_services,
    undefined_references,
    unused_in_tables,
    unused_overrides,
    unused_settings,
)


def show_main_cf(call: Call) -> None:
    """Print parameters, then the warnings."""
    config, services = _defaults(call) if "d" in call.flags else read_both(call)
    if call.words:
        names = list(_known_names(call.words, config, services, only_set="n" in call.flags))
    else:
        names = listing.select(config, services, call.classes, only_set="n" in call.flags)
    for name in names:
        text = config.get(name) or ""
        if "x" in call.flags and expands(name):
            text = config.evaluate(name, text)
        click.echo(show.show_value(name, text, call.style))
    if "d" not in call.flags:
        _warn_all(unused_settings(config, names_mentioned(config, services)))
        warn_about_services(config, services)


def _known_names(
    words: Iterable[str], config: Config, services: Sequence[ServiceEntry], *, only_set: bool
) -> Iterator[str]:
    """Yield the words that are names of parameters, warn about the others."""
    known = {*listing.parameter_names(config, services), *legacy_names()}
    for word in words:
        if word not in known:
            warn(f"{word}: unknown parameter{suggestion(word, list(known))}")
        elif not only_set or config.is_set(word):
            yield word


def _defaults(call: Call) -> tuple[Config, list[ServiceEntry]]:
    """Return a configuration without settings, and the services that have parameters of their own."""
    main = Config(MainCf(), discover.default_text("config_directory") or "", this_host(), program="postconf")
    return main, _services(call)


def read_both(call: Call) -> tuple[Config, list[ServiceEntry]]:
    """Return main.cf and the services of master.cf, after warnings about references that lead nowhere.

    Raises ConfigError for a file that can't be read and for a value in use that can't be expanded.
    """
    config = Config.load(call.directory, call.overrides, program="postconf")
    _warn_all(config.warnings)
    services = _services(call)
    _warn_all(text for _, text in undefined_references(config, services))
    _warn_all(undefined_in_services(config, services))
    refuse_broken_values(config, services)
    return config, services


def _services(call: Call) -> list[ServiceEntry]:
    """Return the services of master.cf; without need for them none, where there is no such file.

    What is odd in a line is told of once: by those who show the lines, else here.
    """
    path = f"{call.directory}/master.cf"
    shows_lines = bool(call.flags & set(MODES))
    if not shows_lines and not os.path.exists(path):
        warn(f"open {path}: {os.strerror(errno.ENOENT)}")
        return []
    return [_service(line, path) for line in read_services(path, _pass_over if shows_lines else warn)]


def _service(line: ServiceLine, path: str) -> ServiceEntry:
    """Return a line as far as parameters are concerned."""
    overrides = list(line.overrides.items())
    kind = ServiceType(line.type)
    return ServiceEntry(line.name, kind, True, True, False, 0, True, None, line.program, overrides=overrides, file=path)


def warn_about_services(config: Config, services: Sequence[ServiceEntry]) -> None:
    """Warn about what nothing reads in master.cf and in the files of tables."""
    _warn_all([*unused_overrides(config, services), *unused_in_tables(config, services)])


def _warn_all(texts: Iterable[str]) -> None:
    """Warn about several things, of each once."""
    for text in dict.fromkeys(texts):
        warn(text)


def _pass_over(text: str) -> None:
    """Say nothing."""


def warn(text: str) -> None:
    """Write a warning to standard error."""
    click.echo(f"postconf: warning: {text}", err=True)
