"""The command line of `pyfix import-postfix`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Final

import click

from pyfix.commands.import_postfix.directory import ImportRefused
from pyfix.commands.import_postfix.run import import_postfix
from pyfix.commands.telling import fatal_errors, print_json, say, tell
from pyfix.mail.config.params import DEFAULT_CONFIG_DIRECTORY

_POSTFIX_DIRECTORY: Final = "/etc/postfix"


@click.command("import-postfix")
@click.argument("directory", metavar="[DIR]", default=_POSTFIX_DIRECTORY)
@click.option("--to", "target", metavar="DIR2", default=DEFAULT_CONFIG_DIRECTORY, show_default=True, help="Where to.")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Do without this; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_configuration(directory: str, target: str, accepted: tuple[str, ...], as_json: bool) -> None:
    """Make a configuration for pyfix out of one of Postfix's, and list what is not honoured."""
    with fatal_errors(ImportRefused):
        imported = import_postfix(directory, target, accepted)
    if as_json:
        print_json(dataclasses.asdict(imported))
    else:
        tell(imported.findings)
        say(imported.summary)
    sys.exit(imported.status)
