"""One call of postmap or postalias: what both do with the options and tables they are given.

See: postmap(1), postalias(1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from pyfix.commands import tables
from pyfix.commands.failures import describe_failure, discard_output
from pyfix.commands.table_keys import line_keys, message_keys
from pyfix.commands.table_options import OPTIONS, Arguments, make_command, usage_problem
from pyfix.commands.table_target import TableCommandError, Target
from pyfix.commands.tables import ReadEntries
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps.file_values import FileValues
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.source import Entry
from pyfix.mail.maps.table import Table


@dataclass(frozen=True, slots=True)
class Program:
    """What the two programs differ in."""

    name: str
    usage: str
    read: ReadEntries
    extra: Callable[[AddressParameters], Iterable[Entry]]
    """Entries that a new index gets besides those of its source."""
    separator: str
    """Between key and value in what is printed for -q -."""
    options: tuple[click.Parameter, ...] = ()
    """Those that the other one has not."""

    @property
    def command(self) -> click.Command:
        """Return the click command; its result is the exit status."""

        def carry_out(**given: Any) -> int:
            return Call(self, Arguments(**given)).carry_out()

        return make_command(self.name, self.usage, (*OPTIONS, *self.options), carry_out)


class Call:
    """One call of a program."""

    def __init__(self, program: Program, arguments: Arguments) -> None:
        if not arguments.files:
            raise click.UsageError("")
        arguments.check()
        self._program = program
        self._arguments = arguments
        self._warn = tables.warner(program.name)
        config = self._config = Config.load(arguments.directory)
        self._params = config.read(AddressParameters)
        for warning in config.warnings:
            self._warn(warning)
        self._targets = [Target.parse(file, self._params.default_database_type) for file in arguments.files]
        self._utf8 = arguments.is_utf8(self._params)
        self._tables: list[Table] = []

    def carry_out(self) -> int:
        """Do what is asked; return the exit status."""
        given = self._arguments
        if given.mime and given.message is None:
            self._warn("ignoring -m option without -b or -h")
        if given.query_keys:
            return self._query(given.query_keys[0])
        if given.delete_keys:
            options = given.build_options(self._params)
            keys = self._keys(given.delete_keys[0])
            return not tables.delete(self._targets, keys, options, self._config, self._warn)
        if given.sequence:
            return self._list()
        for target in self._targets:
            self.build(target)
        return 0

    def build(self, target: Target) -> None:
        """Build one index."""
        options = self._arguments.build_options(self._params)
        extra = () if options.incremental else self._program.extra(self._params)
        tables.build(target, self._program.read, options, self._warn, extra)
        if self._arguments.verbose:
            tables.informer(self._program.name)(f"built {target.index}")

    def _keys(self, given: str) -> Iterable[str]:
        """Return the keys to ask for or to remove, those of standard input in the place of -."""
        if given != "-":
            return [tables.decode(os.fsencode(given), self._utf8)]
        lines, message = sys.stdin.buffer, self._arguments.message
        return (
            tables.decode(key, self._utf8) for key in (message_keys(lines, message) if message else line_keys(lines))
        )

    def _query(self, given: str) -> int:
        found = False
        for key in self._keys(given):
            value = tables.query(self._opened(), key, self._warn, utf8=self._utf8)
            if value is not None:
                found = True
                _print(f"{key}{self._program.separator}{value}" if given == "-" else value)
        return not found

    def _opened(self) -> Iterator[Table]:
        """Yield the tables; one is opened once those before it have not had a key, as in Postfix."""
        for number, target in enumerate(self._targets):
            if number == len(self._tables):
                self._tables.append(self._open(target))
            yield self._tables[number]

    def _open(self, target: Target) -> Table:
        given = self._arguments
        opening = Opening(
            self._warn, not given.no_fold, inform=tables.informer(self._program.name), config=self._config,
            utf8=self._utf8, null=given.has_null,
        )  # fmt: skip
        table = tables.open_target(target, opening)
        return FileValues(table) if given.files_hold_values else table

    def _list(self) -> int:
        for key, value in tables.list_entries(self._opened()):
            _print(f"{key}{self._program.separator}{value}")
        return 0


def _print(text: str) -> None:
    """Print a line; a table may hold bytes of any kind."""
    click.echo(text.encode("utf-8", "surrogateescape"))


def run(name: str, usage: str, command: click.Command) -> None:
    """Run a command the way Postfix's programs end: messages on standard error, status 0 or 1."""
    say = tables.informer(name)
    try:
        status = command.main(standalone_mode=False)
    except click.UsageError as error:
        if problem := usage_problem(name, error):
            click.echo(problem, err=True)
        say(f"fatal: usage: {usage}")
        status = 1
    except (ConfigError, TableCommandError) as error:
        say(f"fatal: {error}")
        status = 1
    except BrokenPipeError:
        discard_output()
        status = 1
    except OSError as error:
        say(f"fatal: {describe_failure(error)}")
        discard_output()
        status = 1
    sys.exit(status)
