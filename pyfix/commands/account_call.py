"""What the commands for accounts have in common: opening the accounts, asking for a password, and how they end.

Exit status: 0 done, 1 refused (no such account, a limit, a bad name), 2 wrong usage, 75 when the database can't be
asked now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from pyfix.commands.telling import fatal_errors, say
from pyfix.mail.accounts import AccountsError, AccountsParameters, AccountsUnavailable, Store, open_store
from pyfix.mail.config import Config
from pyfix.mail.passwords import LONGEST_PASSWORD, PasswordParameters, PasswordRefused, hash_password


class Call(Protocol):
    """What the options before the subcommand say."""

    def config(self) -> Config:
        """Read main.cf."""

    def explain(self, text: str) -> None:
        """Say what goes on inside, with -v."""


@contextmanager
def refusals() -> Iterator[None]:
    """End with one line and an exit status for every failure that a user can cause."""
    with fatal_errors(AccountsError, PasswordRefused):
        try:
            yield
        except AccountsUnavailable as error:
            say(f"fatal: {error}")
            sys.exit(os.EX_TEMPFAIL)


@contextmanager
def accounts(call: Call, *, create: bool = False) -> Iterator[Store]:
    """Open the accounts, and close them; create: make the file and the tables where there are none."""
    with refusals():
        config = call.config()
        call.explain(f"accounts_database = {config.read(AccountsParameters).accounts_database}")
        store = open_store(config, create=create)
        try:
            yield store
        finally:
            store.close()


def new_password(call: Call, *, from_stdin: bool) -> str:
    """Return what to store for a password that the caller types twice, or that is the first line of standard input."""
    scheme = call.config().read(PasswordParameters).password_scheme
    return hash_password(read_password(from_stdin=from_stdin, confirm=True), scheme)


def read_password(*, from_stdin: bool, confirm: bool) -> bytes:
    """Return a password; raises click.UsageError where nobody can type one."""
    if from_stdin:
        line = sys.stdin.buffer.readline(LONGEST_PASSWORD + 3)
        return line.removesuffix(b"\n").removesuffix(b"\r")
    if not sys.stdin.isatty():
        raise click.UsageError("standard input is no terminal: specify --password-stdin")
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    return text.encode("utf-8", "surrogateescape")
