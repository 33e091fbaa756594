"""Options and subcommands of click as sections."""

from __future__ import annotations

import click
from click.testing import CliRunner

from pyfix.manual.options import options_section, subcommands_section
from pyfix.manual.page import Definitions, Line, Paragraph, Section

COMMAND = click.Command(
    "one",
    params=[
        click.Argument(["file"]),
        click.Option(["-b", "--both"], metavar="X", help="See mail_owner."),
        click.Option(["-B"], is_flag=True, help="A flag."),
        click.Option(["-a"], default="5", show_default=True, help="Text."),
        click.Option(["-v"], count=True, help="More."),
        click.Option(["-S"], is_flag=True, hidden=True),
    ],
    help="Do one thing.",
)


def shown(line: Line) -> str:
    """Return the text of a line."""
    return "".join(getattr(span, "text", "") or getattr(span, "name", "") for span in line)


def items(section: Section) -> list[tuple[str, list[str]]]:
    """Return terms and paragraphs of the first list."""
    block = section.blocks[0]
    assert isinstance(block, Definitions)
    return [(shown(item.term), [shown(line) for line in item.body]) for item in block.items]


def test_options_are_sorted_and_complete() -> None:
    """Small letters first; with operand and default."""
    assert items(options_section(COMMAND, frozenset())) == [
        ("-a TEXT", ["Text. The default is 5."]),
        ("-b, --both X", ["See mail_owner."]),
        ("-B", ["A flag."]),
        ("-v", ["More."]),
        ("--help", ["Show a summary and exit."]),
    ]


def test_refused_options_are_named() -> None:
    """Who looks for one of Postfix's learns that it is not there."""
    block = options_section(COMMAND, frozenset()).blocks[1]
    assert isinstance(block, Paragraph) and shown(block.line) == "Options of Postfix that are refused: -S."


def test_help_is_what_the_command_says() -> None:
    """Not what click has made of it when the command last ran."""
    command = click.Command("one", context_settings={"help_option_names": ["-h", "--help"]})
    CliRunner().invoke(command, ["-h"])
    assert items(options_section(command, frozenset())) == [("-h, --help", ["Show a summary and exit."])]


def test_subcommands_come_with_their_options() -> None:
    """Each with its arguments; --help is said once."""
    group = click.Group("all", commands={"one": COMMAND, "old": click.Command("old", hidden=True)})
    ((term, body),) = items(subcommands_section(group, frozenset()))
    assert term == "one FILE"
    assert body[0] == "Do one thing."
    assert body[1:] == ["-a TEXT  Text. The default is 5.", "-b, --both X  See mail_owner.", "-B  A flag.", "-v  More."]
