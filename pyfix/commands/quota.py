"""pyfix-quota(1): how full mailboxes are.

    pyfix [-c DIR] quota show [ADDRESS... | --domain NAME | --all]
    pyfix [-c DIR] quota recount ADDRESS... | --domain NAME | --all

show prints for each mailbox of virtual(8) what is in it, what may be in it, how full that makes it, and which parameter
says so: virtual_mailbox_limit_maps, or virtual_mailbox_limit where no table has the address. Without addresses, and
with --all, all mailboxes are shown that the tables of virtual_mailbox_maps list; tables on a server can't, unless
they are those of the accounts: name the addresses then.

recount counts the mail itself and writes maildirsize anew. That is never needed: the mail system does it as soon as
maildirsize can't be right. It helps after mail has been copied into a mailbox by hand.

With --json both print what they have found for programs.

The commands act with the rights of each mailbox's owner. For root they show everybody's, for others what they may read.
The messages in an mbox file are not counted.

Exit status: 0 when all were shown, 1 when one has no mailbox or can't be read, 2 for wrong usage.

Example:

    pyfix quota show alice@example.com
    pyfix quota recount --all

See: pyfix(1), pyfix-user(1), virtual(8), quota_warning(5), postconf(5)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from pyfix.commands.account_call import Call
from pyfix.commands.account_views import print_table
from pyfix.commands.telling import fatal_errors, print_json, say
from pyfix.mail.accounts.quota import UNLIMITED
from pyfix.mail.mailbox.errors import MailboxError
from pyfix.mail.mailbox.locate import LookupFailed
from pyfix.mail.mailbox.quota.decide import percent_used
from pyfix.mail.mailbox.quota.mailboxes import QuotaMailbox, Quotas
from pyfix.mail.mailbox.quota.params import QuotaParameters
from pyfix.mail.mailbox.quota.usage import Usage
from pyfix.mail.mailbox.quota.warning import human_size
from pyfix.mail.maps import TableError
from pyfix.service.rights import Rights, RightsError

Fields = dict[str, Any]
_COLUMNS: Final = ("address", "used", "limit", "percent", "messages", "by")


@click.group()
def quota() -> None:
    """Look at quotas, and count mail anew."""


def _selection(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.argument("addresses", metavar="[ADDRESS]...", nargs=-1),
        click.option("--domain", metavar="NAME", help="The mailboxes of one domain."),
        click.option("--all", "is_all", is_flag=True, help="All mailboxes."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@quota.command()
@_selection
@click.pass_obj
def show(call: Call, addresses: Sequence[str], domain: str | None, is_all: bool, as_json: bool) -> None:
    """Show how full mailboxes are."""
    _run(call, Selection(addresses, domain, is_all or not (addresses or domain)), as_json=as_json, anew=False)


@quota.command()
@_selection
@click.pass_obj
def recount(call: Call, addresses: Sequence[str], domain: str | None, is_all: bool, as_json: bool) -> None:
    """Count the mail in mailboxes, and write maildirsize anew."""
    _run(call, Selection(addresses, domain, is_all), as_json=as_json, anew=True)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which mailboxes."""

    addresses: Sequence[str]
    domain: str | None
    is_all: bool

    def check(self) -> None:
        """Raise click.UsageError unless it says one thing."""
        if bool(self.addresses) + bool(self.domain) + self.is_all != 1:
            raise click.UsageError("specify addresses, --domain or --all")

    def find(self, quotas: Quotas) -> list[str]:
        """Return the addresses, folded; raises TableError for tables that can't list what they have."""
        if self.addresses:
            return [address.lower() for address in self.addresses]
        end = f"@{self.domain.lower()}" if self.domain else ""
        keys = (key.lower() for table in quotas.locator.mailboxes.tables for key, _ in table.entries())
        return sorted({key for key in keys if "@" in key[1:] and key.endswith(end)})


def _run(call: Call, selection: Selection, *, as_json: bool, anew: bool) -> None:
    selection.check()
    with fatal_errors(TableError):
        config = call.config()
        params = config.read(QuotaParameters)
        quotas = Quotas.open(config, params, lambda text: say(f"warning: {text}"), with_ids=os.getuid() == 0)
        rows = list(_rows(quotas, selection.find(quotas), anew=anew))
        if as_json:
            print_json(rows)
        else:
            print_table(_COLUMNS, [_shown(row) for row in rows])
    if any(row["problem"] for row in rows):
        sys.exit(1)


def _rows(quotas: Quotas, addresses: Sequence[str], *, anew: bool) -> Iterator[Fields]:
    rights = Rights()
    for address in addresses:
        try:
            found = quotas.find(address)
            if found is None:
                yield _row(address, problem="no such mailbox")
                continue
            with rights.as_user(found.mailbox.uid, found.mailbox.gid):
                used = found.measure(anew=anew)
        except (LookupFailed, RightsError) as problem:
            yield _row(address, problem=str(problem))
        except MailboxError as error:
            yield _row(address, problem=error.reason)
        else:
            yield _row(address, found, used)


def _row(address: str, found: QuotaMailbox | None = None, used: Usage | None = None, problem: str = "") -> Fields:
    """Return what JSON has of one mailbox; None for what is not known or has no limit."""
    limit = found.limit.quota if found else UNLIMITED
    if problem:
        say(f"{address}: {problem}")
    return {
        "address": address,
        "path": found.mailbox.path if found else None,
        "used": used.size if used else None,
        "messages": used.messages if used and found and found.mailbox.is_maildir else None,
        "limit": limit.size or None,
        "message_limit": limit.messages or None,
        "percent": round(percent_used(limit, used), 1) if used and limit != UNLIMITED else None,
        "by": (found.limit.parameter or None) if found else None,
        "problem": problem or None,
    }


def _shown(row: Fields) -> Fields:
    """Return a row for people."""
    limits = [human_size(row["limit"])] if row["limit"] else []
    limits += [f"{row['message_limit']} messages"] if row["message_limit"] else []
    return {
        "address": row["address"],
        "used": row["problem"] or human_size(row["used"] or 0),
        "limit": "" if row["problem"] else ", ".join(limits) or "none",
        "percent": "" if row["percent"] is None else f"{row['percent']:.1f}",
        "messages": "" if row["messages"] is None else str(row["messages"]),
        "by": row["by"] or "",
    }
