"""How a subcommand of pyfix tells what it has found, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from pyfix.commands.failures import describe_failure, discard_output
from pyfix.commands.findings import Finding
from pyfix.mail.config import ConfigError


def say(text: str) -> None:
    """Tell the caller on standard error, as Postfix's scripts do."""
    click.echo(f"pyfix: {text}", err=True)


@contextmanager
def fatal_errors(*others: type[Exception]) -> Iterator[None]:
    """Every failure that a user can cause is one line and exit status 1; `others` are those of one subcommand."""
    failures: tuple[type[Exception], ...] = (ConfigError, *others)
    try:
        yield
    except failures as error:
        say(f"fatal: {error}")
        sys.exit(1)
    except BrokenPipeError:
        discard_output()
        sys.exit(1)
    except OSError as error:
        say(f"fatal: {describe_failure(error)}")
        discard_output()
        sys.exit(1)


def tell(findings: Iterable[Finding]) -> None:
    """Say what was found, each in a line."""
    for finding in findings:
        say(str(finding))


def print_json(value: object) -> None:
    """Print a value for a program."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
