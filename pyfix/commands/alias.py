"""pyfix-alias(1): manage aliases.

    pyfix [-c DIR] alias add ADDRESS TARGET... [--inactive]
    pyfix [-c DIR] alias list [DOMAIN] [--json]
    pyfix [-c DIR] alias show ADDRESS [--json]
    pyfix [-c DIR] alias set ADDRESS [TARGET...] [options]
    pyfix [-c DIR] alias del ADDRESS

The aliases are in the database that accounts_database names, each in one of its domains. Mail for the address goes to
the targets instead, which may be anywhere. To keep a copy in a mailbox of the same address, name it among the targets.

The address @example.com is a catch-all: it gets mail for whoever in the domain is neither a mailbox nor another alias.
Its targets are addresses, or @example.net for the same names in another domain.

Exit status: 0 when it is done, 1 when it is refused, 2 for wrong usage, 75 when the database can't be asked.

Example:

    pyfix alias add sales@example.com alice@example.com bob@example.net

See: pyfix(1), pyfix-domain(1), pyfix-user(1), accounts_table(5), virtual(5), postconf(5)

Inside: local aliases, those of /etc/aliases, are another thing: newaliases(1).
"""

from __future__ import annotations

from dataclasses import replace

import click

from pyfix.commands.account_call import Call, accounts
from pyfix.commands.account_commands import del_command, list_command, show_command
from pyfix.commands.account_options import active_option, changed_standing
from pyfix.commands.account_views import ALIAS
from pyfix.mail.accounts import Alias, Standing, now_text
from pyfix.mail.accounts.names import check_alias_address, check_targets


@click.group()
def alias() -> None:
    """Manage aliases."""


@alias.command()
@click.argument("address", metavar="ADDRESS")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@active_option
@click.pass_obj
def add(call: Call, address: str, targets: tuple[str, ...], active: bool | None) -> None:
    """Add an alias."""
    with accounts(call, create=True) as store:
        address, domain = check_alias_address(address)
        standing = changed_standing(Standing(), active, None)
        store.aliases.add(Alias(address, domain, check_targets(targets, address), now_text(), standing))


@alias.command("set")
@click.argument("address", metavar="ADDRESS")
@click.argument("targets", metavar="[TARGET...]", nargs=-1)
@click.option("--add", "added", metavar="TARGET", multiple=True, help="A target besides those that it has.")
@click.option("--remove", "removed", metavar="TARGET", multiple=True, help="A target that it shall not have.")
@active_option
@click.pass_obj
def set_(
    call: Call,
    address: str,
    targets: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    active: bool | None,
) -> None:
    """Change an alias; targets replace those that it has."""

    def edit(before: Alias) -> Alias:
        gone = {target.casefold() for target in removed}
        wanted = [target for target in (*(targets or before.targets), *added) if target.casefold() not in gone]
        changed = bool(targets or added or removed)
        after = check_targets(tuple(wanted), before.address) if changed else before.targets
        return replace(before, targets=after, standing=changed_standing(before.standing, active, None))

    with accounts(call) as store:
        store.aliases.change(ALIAS.check(address), edit)


alias.add_command(list_command(ALIAS, of_domain=True))
alias.add_command(show_command(ALIAS, "ADDRESS"))
alias.add_command(del_command(ALIAS, "ADDRESS"))
