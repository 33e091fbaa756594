"""The command line of `pyfix check`."""

from __future__ import annotations

import dataclasses
import sys

import click

from pyfix.commands.check.instance import check_instance
from pyfix.commands.findings import keeps_from_working
from pyfix.commands.pyfix_call import Call
from pyfix.commands.telling import fatal_errors, print_json, tell


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(call: Call, as_json: bool) -> None:
    """Look for trouble: rights, directories, parameters, tables, address classes. Creates missing directories."""
    with fatal_errors():
        findings = check_instance(call.config(), call.explain)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        tell(findings)
    sys.exit(1 if keeps_from_working(findings) else 0)
