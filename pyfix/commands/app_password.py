"""Subcommands of `pyfix user app-password`: passwords of a mailbox that are each for one program."""

from __future__ import annotations

import click

from pyfix.commands.account_call import Call, accounts
from pyfix.commands.account_options import json_option
from pyfix.commands.account_views import MAILBOX, Fields, print_json, print_table
from pyfix.commands.telling import say
from pyfix.mail.accounts import AppPassword, Service, now_text
from pyfix.mail.accounts.names import check_label
from pyfix.mail.accounts.services import PROTOCOLS, parse_services, stored_services
from pyfix.mail.passwords import generate_password, hash_generated


def _services(context: click.Context, option: click.Parameter, text: str) -> frozenset[Service]:
    try:
        return parse_services(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group("app-password")
def app_password() -> None:
    """Manage passwords of a mailbox that are each for one program."""


@app_password.command()
@click.argument("address", metavar="ADDRESS")
@click.argument("name", metavar="NAME")
@click.option(
    "--for", "services", metavar="PROTOCOLS", default="", callback=_services,
    help=f"What it is good for, with commas: {' '.join(PROTOCOLS)}; everything by default.",
)  # fmt: skip
@click.pass_obj
def add(call: Call, address: str, name: str, services: frozenset[Service]) -> None:
    """Make one, and print it: nobody can see it later."""
    with accounts(call, create=True) as store:
        password = generate_password()
        stored = hash_generated(password)
        store.app_passwords.add(AppPassword(MAILBOX.check(address), check_label(name), stored, services, now_text()))
    say("the password is printed this once; specify it in the program, with the address as user name")
    click.echo(password)


@app_password.command("list")
@click.argument("address", metavar="ADDRESS")
@json_option
@click.pass_obj
def list_(call: Call, address: str, as_json: bool) -> None:
    """List them with what they are good for and when they were last used."""
    with accounts(call) as store:
        rows = [_fields(found) for found in store.app_passwords.all(MAILBOX.check(address))]
    if as_json:
        print_json(rows)
    else:
        print_table(("name", "for", "created", "used"), rows)


@app_password.command("del")
@click.argument("address", metavar="ADDRESS")
@click.argument("name", metavar="NAME")
@click.pass_obj
def del_(call: Call, address: str, name: str) -> None:
    """Delete one: the program that has it gets in no more."""
    with accounts(call) as store:
        store.app_passwords.remove(MAILBOX.check(address), name)


def _fields(found: AppPassword) -> Fields:
    return {
        "name": found.name,
        "for": stored_services(found.services) or "everything",
        "created": found.created,
        "used": found.used or "never",
    }
