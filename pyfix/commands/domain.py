"""pyfix-domain(1): manage the domains that have mailboxes.

    pyfix [-c DIR] domain add NAME [options]
    pyfix [-c DIR] domain list [--json]
    pyfix [-c DIR] domain show NAME [--json]
    pyfix [-c DIR] domain set NAME [options]
    pyfix [-c DIR] domain del NAME [--recursive [--delete-mail]]

The domains are in the database that accounts_database names, in which add makes what tables are missing; main.cf has
them as in accounts_table(5). A limit of 0 is none. With --max-quota each mailbox of the domain needs a quota, and all
of them together may not exceed it.

A domain that is not active, has expired, or may not receive (--disable smtp) gets no mail: it is none of ours. What is
disabled for a domain is disabled for all its mailboxes.

Exit status: 0 when it is done, 1 when it is refused, 2 for wrong usage, 75 when the database can't be asked.

Example:

    pyfix domain add example.com --max-users 50 --default-quota 1G

See: pyfix(1), pyfix-user(1), pyfix-alias(1), pyfix-manager(1), accounts_table(5), postconf(5)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import click

from pyfix.commands.account_call import Call, accounts
from pyfix.commands.account_commands import list_command, show_command
from pyfix.commands.account_mail import delete_mail
from pyfix.commands.account_options import LIMIT, changed_standing, quota_of, size, span, standing_options
from pyfix.commands.account_views import DOMAIN, Fields
from pyfix.mail.accounts import Domain, Store, now_text
from pyfix.mail.accounts.names import check_domain, check_text

Given = dict[str, Any]


@click.group()
def domain() -> None:
    """Manage the domains that have mailboxes."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--description", metavar="TEXT", help="What the domain is."),
        click.option("--max-users", type=LIMIT, metavar="N", help="How many mailboxes it may have."),
        click.option("--max-aliases", type=LIMIT, metavar="N", help="How many aliases it may have."),
        click.option("--max-quota", type=size, metavar="SIZE", help="The quota of all mailboxes together."),
        click.option("--default-quota", type=size, metavar="SIZE", help="The quota of a new mailbox."),
        click.option("--default-expire", type=span, metavar="TIME", help="How long a new mailbox lives, such as 1y."),
        standing_options,
    )
    for option in reversed(options):
        function = option(function)
    return function


def _edited(before: Domain, given: Given) -> Domain:
    """Return a domain with what the options say."""
    chosen = {
        name: given[name]
        for name in ("max_users", "max_aliases", "max_quota", "default_expire")
        if given[name] is not None
    }
    if given["description"] is not None:
        chosen["description"] = check_text(given["description"], "description")
    expires: date | str | None = given["expires"]
    standing = changed_standing(before.standing, given["active"], expires, given["disable"], given["enable"])
    quota = quota_of(given["default_quota"], before.default_quota)
    return replace(before, standing=standing, default_quota=quota, **chosen)


@domain.command()
@click.argument("name", metavar="NAME")
@_options
@click.pass_obj
def add(call: Call, /, name: str, **given: Any) -> None:
    """Add a domain."""
    with accounts(call, create=True) as store:
        store.domains.add(_edited(Domain(check_domain(name), created=now_text()), given))


@domain.command("set")
@click.argument("name", metavar="NAME")
@_options
@click.pass_obj
def set_(call: Call, /, name: str, **given: Any) -> None:
    """Change a domain; what no option names stays."""
    with accounts(call) as store:
        store.domains.change(check_domain(name), lambda before: _edited(before, given))


@domain.command("del")
@click.argument("name", metavar="NAME")
@click.option("--recursive", is_flag=True, help="Delete its mailboxes and aliases, too.")
@click.option("--delete-mail", "with_mail", is_flag=True, help="Delete the mail of its mailboxes, too.")
@click.pass_obj
def del_(call: Call, name: str, recursive: bool, with_mail: bool) -> None:
    """Delete a domain."""
    if with_mail and not recursive:
        raise click.UsageError("--delete-mail needs --recursive")
    with accounts(call) as store:
        if not recursive:
            store.domains.remove(check_domain(name))
            return
        for mailbox in store.domains.remove_all(check_domain(name)):
            if with_mail:
                delete_mail(call.config(), mailbox)


def _usage(store: Store, record: Domain) -> Fields:
    usage = store.domains.usage(record.name)
    return {"users": usage.users, "aliases": usage.aliases, "quota_given": usage.quota}


domain.add_command(list_command(DOMAIN, of_domain=False))
domain.add_command(show_command(DOMAIN, "NAME", _usage))
