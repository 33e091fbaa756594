"""Subcommands that are alike for several kinds of accounts: list, show, passwd, del."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from pyfix.commands.account_call import Call, accounts, new_password
from pyfix.commands.account_options import json_option, stdin_option
from pyfix.commands.account_views import Fields, View, print_fields, print_json, print_table
from pyfix.mail.accounts import Store
from pyfix.mail.accounts.names import check_domain

T = TypeVar("T")


def list_command(view: View[T], *, of_domain: bool) -> click.Command:
    """Return the subcommand `list`; of_domain: whether one may ask for those of a domain."""

    @click.command("list", help=f"List {view.word}{'es' if view.word.endswith(('x', 's')) else 's'}.")
    @json_option
    @click.pass_obj
    def command(call: Call, as_json: bool, domain: str = "") -> None:
        with accounts(call) as store:
            records = view.accounts(store).all(check_domain(domain) if domain else "")
        rows = [view.fields(record) for record in records]
        if as_json:
            print_json(rows)
        else:
            print_table(view.columns, rows)

    return click.argument("domain", metavar="[DOMAIN]", default="")(command) if of_domain else command


def show_command(
    view: View[T], name: str, more: Callable[[Store, T], Fields] = lambda store, record: {}
) -> click.Command:
    """Return the subcommand `show`; name: what the argument is called; more: further fields."""

    @click.command("show", help=f"Show one {view.word}.")
    @click.argument("name", metavar=name)
    @json_option
    @click.pass_obj
    def command(call: Call, name: str, as_json: bool) -> None:
        with accounts(call) as store:
            record = view.accounts(store).get(view.check(name))
            fields = view.fields(record) | more(store, record)
        if as_json:
            print_json(fields)
        else:
            print_fields(fields)

    return command


def passwd_command(view: View[T], name: str, edit: Callable[[T, str], T]) -> click.Command:
    """Return the subcommand `passwd`; edit: returns an account with another stored password."""

    @click.command("passwd", help=f"Set a {view.word}'s password.")
    @click.argument("name", metavar=name)
    @stdin_option
    @click.pass_obj
    def command(call: Call, name: str, from_stdin: bool) -> None:
        with accounts(call) as store:
            key = view.check(name)
            view.accounts(store).get(key)
            password = new_password(call, from_stdin=from_stdin)
            view.accounts(store).change(key, lambda before: edit(before, password))

    return command


def del_command(view: View[T], name: str) -> click.Command:
    """Return the subcommand `del` of accounts that have nothing but their row."""

    @click.command("del", help=f"Delete a{'n' if view.word.startswith('a') else ''} {view.word}.")
    @click.argument("name", metavar=name)
    @click.pass_obj
    def command(call: Call, name: str) -> None:
        with accounts(call) as store:
            view.accounts(store).remove(view.check(name))

    return command
