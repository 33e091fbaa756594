"""pyfix-user(1): manage mailboxes.

    pyfix [-c DIR] user add ADDRESS [--password-stdin] [options]
    pyfix [-c DIR] user list [DOMAIN] [--json]
    pyfix [-c DIR] user show ADDRESS [--json]
    pyfix [-c DIR] user set ADDRESS [options]
    pyfix [-c DIR] user passwd ADDRESS [--password-stdin]
    pyfix [-c DIR] user verify ADDRESS [options]
    pyfix [-c DIR] user del ADDRESS [--delete-mail]
    pyfix [-c DIR] user app-password add ADDRESS NAME [--for smtp,pop3]
    pyfix [-c DIR] user app-password list ADDRESS [--json]
    pyfix [-c DIR] user app-password del ADDRESS NAME

The mailboxes are in the database that accounts_database names, each in one of its domains. A new one gets the quota and
the lifetime that are the domain's defaults, and is refused where the domain has no room. Its quota counts in the sum
that the domain may give away; virtual(8) enforces it where virtual_mailbox_limit_maps = accounts:limits.

A password is typed at a prompt, or read from standard input; it never stands on the command line, which other users can
see. It is stored as password_scheme says. What other programs have stored, in any scheme that Dovecot or ExtMail write,
is verified as well; password_default_scheme is the scheme of a text that names none.

App passwords are further passwords of a mailbox, each with a name and for one program or device: it gets in with its
own, which can be taken back without a change for the others. One that is --for smtp, pop3, imap or webmail is good for
these alone. add makes and prints it; nobody can see it later. list tells when it was last used, to within five minutes.

A mailbox that is not active, has expired (the last day counts as good), or may not receive (--disable smtp) gets no
mail: it is unknown. Its mail stays where it is, and so does that of a mailbox that is deleted, unless --delete-mail.

Exit status: 0 when it is done, 1 when it is refused, 2 for wrong usage, 75 when the database can't be asked; of verify
0 when the password is right and the mailbox may be used.

Example:

    pyfix user add alice@example.com --name "Alice" --quota 500M

See: pyfix(1), pyfix-domain(1), pyfix-alias(1), accounts_table(5), postconf(5)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import click

from pyfix.commands.account_call import Call, accounts, new_password, read_password
from pyfix.commands.account_commands import list_command, passwd_command, show_command
from pyfix.commands.account_mail import delete_mail
from pyfix.commands.account_options import changed_standing, quota_of, size, standing_options, stdin_option
from pyfix.commands.account_views import MAILBOX
from pyfix.commands.app_password import app_password
from pyfix.commands.telling import say
from pyfix.mail.accounts import Mailbox, Refused, Service, Standing, now_text, today
from pyfix.mail.accounts.dates import day_after
from pyfix.mail.accounts.names import check_mailbox_address, check_maildir, check_text, default_maildir
from pyfix.mail.accounts.rules import obstacle
from pyfix.mail.passwords import PasswordParameters, UnusableHash, verify_password


@click.group()
def user() -> None:
    """Manage mailboxes."""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--name", "full_name", metavar="TEXT", help="Whose it is."),
        click.option("--quota", type=size, metavar="SIZE", help="How much mail it may hold; 0: any amount."),
        click.option("--maildir", metavar="PATH", help="Where it is below virtual_mailbox_base."),
        standing_options,
    )
    for option in reversed(options):
        function = option(function)
    return function


def _edited(before: Mailbox, given: dict[str, Any]) -> Mailbox:
    """Return a mailbox with what the options say."""
    expires: date | str | None = given["expires"]
    standing = changed_standing(before.standing, given["active"], expires, given["disable"], given["enable"])
    after = replace(before, standing=standing, quota=quota_of(given["quota"], before.quota))
    if given["full_name"] is not None:
        after = replace(after, name=check_text(given["full_name"], "name"))
    if given["maildir"] is not None:
        after = replace(after, maildir=check_maildir(given["maildir"]))
    return after


@user.command()
@click.argument("address", metavar="ADDRESS")
@stdin_option
@click.option("--no-password", is_flag=True, help="Nobody can log in until there is a password.")
@_options
@click.pass_obj
def add(call: Call, /, address: str, from_stdin: bool, no_password: bool, **given: Any) -> None:
    """Add a mailbox."""
    with accounts(call, create=True) as store:
        address, domain_name = check_mailbox_address(address)
        domain = store.domains.get(domain_name)
        password = "" if no_password else new_password(call, from_stdin=from_stdin)
        new = Mailbox(
            address, domain_name, password, maildir=default_maildir(address), quota=domain.default_quota,
            created=now_text(), standing=Standing(expires=day_after(domain.default_expire, today())),
        )  # fmt: skip
        store.mailboxes.add(_edited(new, given))


@user.command("set")
@click.argument("address", metavar="ADDRESS")
@_options
@click.pass_obj
def set_(call: Call, /, address: str, **given: Any) -> None:
    """Change a mailbox; what no option names stays."""
    with accounts(call) as store:
        store.mailboxes.change(MAILBOX.check(address), lambda before: _edited(before, given))


@user.command()
@click.argument("address", metavar="ADDRESS")
@stdin_option
@click.option(
    "--service",
    type=click.Choice(["smtpd", "pop3", "imap", "webmail"]),
    metavar="NAME",
    help="What for: smtpd, pop3, imap or webmail.",
)
@click.pass_obj
def verify(call: Call, address: str, from_stdin: bool, service: str | None) -> None:
    """Tell whether a password is right, and whether the mailbox may be used with it."""
    with accounts(call) as store:
        mailbox = store.mailboxes.get(MAILBOX.check(address))
        domain = store.domains.get(mailbox.domain)
        given = read_password(from_stdin=from_stdin, confirm=False)
        scheme = call.config().read(PasswordParameters).password_default_scheme
        try:
            is_right = verify_password(given, mailbox.password, default_scheme=scheme, user=mailbox.address)
        except UnusableHash as error:
            raise Refused(f"mailbox {mailbox.address}: {error}") from error
        wanted = Service(service) if service else None
        for what, standing in (("mailbox", mailbox.standing), ("domain", domain.standing)):
            if reason := obstacle(standing, today(), wanted):
                raise Refused(f"the password is {'right' if is_right else 'wrong'}, but the {what} is: {reason}")
    say(f"the password is {'right' if is_right else 'wrong'}")
    sys.exit(0 if is_right else 1)


@user.command("del")
@click.argument("address", metavar="ADDRESS")
@click.option("--delete-mail", "with_mail", is_flag=True, help="Delete its mail, too.")
@click.pass_obj
def del_(call: Call, address: str, with_mail: bool) -> None:
    """Delete a mailbox."""
    with accounts(call) as store:
        mailbox = store.mailboxes.remove(MAILBOX.check(address))
        if with_mail:
            delete_mail(call.config(), mailbox)


user.add_command(app_password)
user.add_command(list_command(MAILBOX, of_domain=True))
user.add_command(show_command(MAILBOX, "ADDRESS"))
user.add_command(passwd_command(MAILBOX, "ADDRESS", lambda before, stored: replace(before, password=stored)))
