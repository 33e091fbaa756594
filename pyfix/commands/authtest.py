"""authtest(1): show an account, and try a password.

    authtest [-s service] [-m type] user [password]

Asks auth(8) for an account, as Courier's authtest asks authdaemond, and prints what is known of it:

         Authenticated: alice@example.com  (uid 1000, gid 1000)
        Home Directory: /var/mailbox/example.com/alice
               Maildir: /var/mailbox/example.com/alice/Maildir/
                 Quota: 104857600S

With a password it is tried first; "-" stands for one that is typed, or is the first line of standard input: what stands
on the command line other users can see. Stored passwords are shown to nobody.

Rights: auth tells root alone where mail is.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when the account is there and the password right; 1 otherwise; 75 when nobody can tell now.

Not built: a third argument, a new password; use pyfix-user(1).

See: testsaslauthd(1), auth(8), authdaemond(8), auth_backends(5), pyfix-user(1)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from pyfix.commands.auth_question import ask_auth, find_account, log_in, reason_of, typed_password
from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.mail.config import Config
from pyfix.mail.sasl.answers import Accepted, Found, Rejected
from pyfix.mail.sasl.client import AuthClient
from pyfix.mail.sasl.courier import describe_account
from pyfix.mail.sasl.passwords import service_name

USAGE = "usage: authtest [-s service] [-m type] user [password]"
_FAILED = "Authentication FAILED: Operation not permitted"
_NONE = "(none)"
_HIDDEN = "(not shown)"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    log = CommandLog("authtest")
    with reported(log):
        try:
            command.main(arguments, standalone_mode=False, obj=log)
        except click.ClickException as error:
            raise CommandError(f"{error.format_message()}; {USAGE}") from error


@click.command("authtest", help="Show an account, and try a password.")
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-s", "service", default="login", show_default=True, metavar="SERVICE", help="What it is for.")
@click.option(
    "-m", "mechanism", type=click.Choice(["plain", "login", "cram-md5"], case_sensitive=False), default="plain",
    show_default=True, help="How to log in.",
)  # fmt: skip
@click.argument("user")
@click.argument("password", required=False)
@click.argument("new_password", required=False)
def command(
    directory: str | None, service: str, mechanism: str, user: str, password: str | None, new_password: str | None
) -> None:
    """Ask, and print the account."""
    if new_password is not None:
        raise CommandError(f'a new password is not for the command line; use "pyfix user passwd {user}"')
    config = Config.load(directory)
    secret = None if password is None else typed_password(None if password == "-" else password)

    async def ask(client: AuthClient) -> Found | Rejected | None:
        if secret is None:
            return await client.find_user(user, service_name(service))
        answer = await log_in(client, user, secret, service_name(service), mechanism.upper())
        if isinstance(answer, Accepted):
            return await find_account(client, answer)
        return answer if isinstance(answer, Rejected) else Rejected()

    found = ask_auth(config, "authtest", ask)
    if isinstance(found, Found):
        print("Authentication succeeded.\n")
        print("\n".join(lines_of(found)))
        return
    if found is not None and found.is_temporary:
        raise CommandError(reason_of(found), os.EX_TEMPFAIL)
    print(_FAILED)
    sys.exit(1)


def lines_of(found: Found) -> list[str]:
    """Return what is printed of an account, in Courier's form."""
    known = describe_account(found)
    ids = f"(uid {known['UID']}, gid {known['GID']})" if known["UID"] else "(rights of the mail system)"
    return [
        f"     Authenticated: {found.user}  {ids}",
        f"    Home Directory: {known['HOME'] or _NONE}",
        f"           Maildir: {known['MAILDIR'] or found.fields.get('mail') or _NONE}",
        f"             Quota: {known['QUOTA'] or _NONE}",
        f"Encrypted Password: {_HIDDEN}",
        f"Cleartext Password: {_HIDDEN}",
        f"           Options: {_NONE}",
    ]
