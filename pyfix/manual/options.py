"""The options of commands as sections of their pages, made of what click knows.

An option that is hidden is one of Postfix's that pyfix refuses, saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from pyfix.manual.markup import parse_line
from pyfix.manual.page import Block, Definition, Definitions, Line, Paragraph, Section, Strong, Text


def options_section(command: click.Command, known: frozenset[str]) -> Section:
    """Return the options of a command."""
    return Section("OPTIONS", tuple(_option_blocks(command, known)))


def _option_blocks(command: click.Command, known: frozenset[str]) -> Iterator[Block]:
    options = options_of(command)
    help_names = command.context_settings.get("help_option_names", ["--help"])
    show_help = Definition((Strong(", ".join(help_names)),), ((Text("Show a summary and exit."),),))
    yield Definitions((*(_definition(option, known) for option in options if not option.hidden), show_help))
    refused = [", ".join(option.opts) for option in options if option.hidden]
    if refused:
        yield Paragraph((Text("Options of Postfix that are refused: "), Strong(", ".join(refused)), Text(".")))


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options of a command by their letters, without --help, which click adds when the command runs."""
    found = [item for item in command.params if isinstance(item, click.Option)]
    return sorted(found, key=lambda option: (option.opts[0].lstrip("-").lower(), option.opts[0].swapcase()))


def _definition(option: click.Option, known: frozenset[str]) -> Definition:
    return Definition(_term(option), (parse_line(f"{option.help or ''}{_default(option)}", known),))


def _term(option: click.Option) -> Line:
    names: list[Strong | Text] = []
    for name in (*option.opts, *option.secondary_opts):
        names += [*([Text(", ")] if names else []), Strong(name)]
    if not option.is_flag and not option.count:
        names.append(Text(f" {option.metavar or option.type.name.upper()}"))
    return tuple(names)


def _default(option: click.Option) -> str:
    return f" The default is {option.default}." if option.show_default is True else ""


def subcommands_section(group: click.Group, known: frozenset[str]) -> Section:
    """Return the subcommands of a command, each with its options."""
    return Section(
        "COMMANDS", (Definitions(tuple(_subcommand(command, known) for command in sorted_commands(group).values())),)
    )


def sorted_commands(group: click.Group) -> Mapping[str, click.Command]:
    """Return the subcommands that are not hidden, by name."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in sorted(group.list_commands(context))}
    return {name: command for name, command in found.items() if command is not None and not command.hidden}


def _subcommand(command: click.Command, known: frozenset[str]) -> Definition:
    arguments = [
        item.metavar or (item.name or "").upper() for item in command.params if isinstance(item, click.Argument)
    ]
    options = [option for option in options_of(command) if not option.hidden]
    details = (
        (*_term(option), Text("  "), *parse_line(f"{option.help or ''}{_default(option)}", known)) for option in options
    )
    term = (Strong(" ".join([command.name or "", *arguments])),)
    return Definition(term, (parse_line(command.help or "", known), *details))
