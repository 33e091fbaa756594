"""The command line of postmap and postalias: one set of options, three things to do.

See: postmap(1), postalias(1).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import click

from pyfix.commands import tables
from pyfix.commands.tables import BuildOptions, ReadEntries, TableCommandError, Target
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.source import Entry
from pyfix.mail.maps.table import Table

_OPTIONS: Final = (
    click.option("-c", "directory", metavar="DIR", help="The directory of main.cf."),
    click.option("-d", "delete_key", metavar="KEY", help="Remove a key; -: the keys on standard input."),
    click.option("-f", "no_fold", is_flag=True, help="Leave the case of keys as it is."),
    click.option("-i", "incremental", is_flag=True, help="Add the entries on standard input."),
    click.option("-n", "plain", is_flag=True, help="Accepted: no NUL at the end of keys and values, always so."),
    click.option("-N", "null", is_flag=True, help="Accepted: tables are searched for both forms."),
    click.option("-o", "keep_root", is_flag=True, help="As root, keep root's rights for files of others."),
    click.option("-p", "own_mode", is_flag=True, help="Mode 0644 for the index, not that of its source."),
    click.option("-q", "query_key", metavar="KEY", help="Print the value of a key; -: of those on standard input."),
    click.option("-r", "replace", is_flag=True, help="An entry replaces one with the same key."),
    click.option("-s", "sequence", is_flag=True, help="Print all entries."),
    click.option("-v", "verbose", count=True, help="Say what is done."),
    click.option("-w", "quiet", is_flag=True, help="No warning about keys that come twice."),
    click.argument("files", nargs=-1, required=True),
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the user gave."""

    directory: str | None
    delete_key: str | None
    no_fold: bool
    incremental: bool
    plain: bool
    null: bool
    keep_root: bool
    own_mode: bool
    query_key: str | None
    replace: bool
    sequence: bool
    verbose: int
    quiet: bool
    files: tuple[str, ...]

    def build_options(self) -> BuildOptions:
        """Return what concerns the making of an index."""
        return BuildOptions(
            fold=not self.no_fold,
            incremental=self.incremental,
            replace=self.replace,
            warn_duplicates=not self.quiet,
            own_mode=self.own_mode,
            keep_root=self.keep_root,
        )


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
    refused: dict[str, str]
    """Options of Postfix that there are not, with what they are about."""


class Call:
    """One call of a program."""

    def __init__(self, program: Program, arguments: Arguments) -> None:
        self._program = program
        self._arguments = arguments
        self._warn = tables.warner(program.name)
        config = self._config = Config.load(arguments.directory)
        self._params = config.read(AddressParameters)
        for warning in config.warnings:
            self._warn(warning)
        self._targets = [Target.parse(file, self._params.default_database_type) for file in arguments.files]

    def carry_out(self) -> int:
        """Do what is asked; return the exit status."""
        given = self._arguments
        if sum((given.sequence, given.query_key is not None, given.delete_key is not None)) > 1:
            raise TableCommandError("specify only one of -s -q or -d")
        if given.query_key is not None:
            return self._query(given.query_key)
        if given.delete_key is not None:
            keys = tables.stdin_keys() if given.delete_key == "-" else [given.delete_key]
            return not tables.delete(self._targets, keys, not given.no_fold)
        if given.sequence:
            return self._list()
        for target in self._targets:
            self.build(target)
        return 0

    def build(self, target: Target) -> None:
        """Build one index."""
        options = self._arguments.build_options()
        extra = () if options.incremental else self._program.extra(self._params)
        tables.build(target, self._program.read, options, self._warn, extra)
        if self._arguments.verbose:
            click.echo(f"{self._program.name}: built {target.index}", err=True)

    def _query(self, key: str) -> int:
        opened = self._open()
        if key != "-":
            value = tables.query(opened, key, self._warn)
            if value is not None:
                click.echo(value)
            return value is None
        found = False
        for line in tables.stdin_keys():
            value = tables.query(opened, line, self._warn)
            if value is not None:
                found = True
                click.echo(f"{line}{self._program.separator}{value}")
        return not found

    def _open(self) -> list[Table]:
        inform = tables.informer(self._program.name)
        opening = Opening(self._warn, not self._arguments.no_fold, inform=inform, config=self._config)
        return tables.open_all(self._targets, opening)

    def _list(self) -> int:
        opened = self._open()
        for key, value in tables.list_entries(opened):
            click.echo(f"{key}{self._program.separator}{value}")
        return 0


def make_command(program: Program) -> click.Command:
    """Return the click command of a program; its result is the exit status."""

    def carry_out(**given: Any) -> int:
        return Call(program, Arguments(**given)).carry_out()

    function: Callable[..., Any] = carry_out
    for option in reversed(_OPTIONS):
        function = option(function)
    command = click.command(program.name, help=f"usage: {program.usage}")(function)
    command.params += [_refused(name, what) for name, what in program.refused.items()]
    return command


def _refused(name: str, what: str) -> click.Option:
    def refuse(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            raise TableCommandError(f"option {name} ({what}) is not supported")

    return click.Option([name], is_flag=True, expose_value=False, hidden=True, callback=refuse)


def run(name: str, usage: str, command: click.Command) -> None:
    """Run a command the way Postfix's programs end: messages on standard error, status 0 or 1."""
    try:
        status = command.main(standalone_mode=False)
    except click.UsageError as error:
        click.echo(f"{name}: {error.format_message()}", err=True)
        click.echo(f"{name}: fatal: usage: {usage}", err=True)
        status = 1
    except (ConfigError, TableCommandError) as error:
        click.echo(f"{name}: fatal: {error}", err=True)
        status = 1
    except BrokenPipeError:
        status = 1
    sys.exit(status)
