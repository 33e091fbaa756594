"""pyfix-manager(1): manage those who look after accounts.

    pyfix [-c DIR] manager add NAME [--password-stdin] [options]
    pyfix [-c DIR] manager list [--json]
    pyfix [-c DIR] manager show NAME [--json]
    pyfix [-c DIR] manager set NAME [options]
    pyfix [-c DIR] manager passwd NAME [--password-stdin]
    pyfix [-c DIR] manager del NAME

The managers are in the database that accounts_database names. Programs that let them in, such as ExtMan, read them
there: an admin may do everything, a postmaster what concerns the domains that are given with --domain. The name has the
form of an address.

Exit status: 0 when it is done, 1 when it is refused, 2 for wrong usage, 75 when the database can't be asked.

Example:

    pyfix manager add boss@example.com --domain example.com

See: pyfix(1), pyfix-domain(1), pyfix-user(1), postconf(5)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from pyfix.commands.account_call import Call, accounts, new_password
from pyfix.commands.account_commands import del_command, list_command, passwd_command, show_command
from pyfix.commands.account_options import active_option, changed_standing, expires_option, stdin_option
from pyfix.commands.account_views import MANAGER
from pyfix.mail.accounts import Manager, Role, now_text
from pyfix.mail.accounts.names import check_domain, check_text


@click.group()
def manager() -> None:
    """Manage those who look after accounts."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option(
            "--role", type=click.Choice([role.value for role in Role]), metavar="ROLE", help="admin or postmaster."
        ),
        click.option("--domain", "domains", metavar="D", multiple=True, help="A domain; all together replace others."),
        click.option("--name", "full_name", metavar="TEXT", help="Who it is."),
        expires_option,
        active_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def _edited(before: Manager, given: dict[str, Any]) -> Manager:
    """Return a manager with what the options say."""
    after = replace(before, standing=changed_standing(before.standing, given["active"], given["expires"]))
    if given["role"] is not None:
        after = replace(after, role=Role(given["role"]))
    if given["domains"]:
        after = replace(after, domains=tuple(dict.fromkeys(map(check_domain, given["domains"]))))
    if given["full_name"] is not None:
        after = replace(after, name=check_text(given["full_name"], "name"))
    return after


@manager.command()
@click.argument("name", metavar="NAME")
@stdin_option
@click.option("--no-password", is_flag=True, help="Nobody can log in until there is a password.")
@_options
@click.pass_obj
def add(call: Call, /, name: str, from_stdin: bool, no_password: bool, **given: Any) -> None:
    """Add a manager; a postmaster by default."""
    with accounts(call, create=True) as store:
        new = _edited(Manager(MANAGER.check(name), Role.POSTMASTER, created=now_text()), given)
        password = "" if no_password else new_password(call, from_stdin=from_stdin)
        store.managers.add(replace(new, password=password))


@manager.command("set")
@click.argument("name", metavar="NAME")
@_options
@click.pass_obj
def set_(call: Call, /, name: str, **given: Any) -> None:
    """Change a manager; what no option names stays."""
    with accounts(call) as store:
        store.managers.change(MANAGER.check(name), lambda before: _edited(before, given))


manager.add_command(list_command(MANAGER, of_domain=False))
manager.add_command(show_command(MANAGER, "NAME"))
manager.add_command(passwd_command(MANAGER, "NAME", lambda before, stored: replace(before, password=stored)))
manager.add_command(del_command(MANAGER, "NAME"))
