"""testsaslauthd(1): try a password.

    testsaslauthd -u user [-p password] [-r realm] [-s service]
                  [-f socket] [-R count]

Asks auth(8) whether the password is right, as smtpd(8) does for somebody who logs in. With -f a saslauthd is asked at
its socket, be it pyfix's saslauthd(8) or that of Cyrus. The answer is that of Cyrus' testsaslauthd:

    0: OK "Success."
    0: NO "authentication failed"

The number counts the tries. Without -p the password is typed, or is the first line of standard input: what stands on
the command line other users can see.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when the password is right; 255 when it is wrong, or nobody could be asked; 1 for wrong usage.

See: authtest(1), auth(8), saslauthd(8), auth_backends(5), smtpd.conf(5)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pyfix.base.endpoint import Endpoint
from pyfix.base.failure import words_for
from pyfix.base.stream import Stream, StreamError
from pyfix.commands.auth_question import ask_auth, log_in, reason_of, typed_password
from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.mail.config import Config
from pyfix.mail.sasl.answers import Accepted, Rejected
from pyfix.mail.sasl.passwords import service_name
from pyfix.proto.saslauthd import Question, SaslauthdError, answer_length, parse_answer

USAGE = "usage: testsaslauthd -u user [-p password] [-r realm] [-s service] [-f socket] [-R count]"
_TIMEOUT_S = 60.0
_WRONG = 255


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    log = CommandLog("testsaslauthd")
    with reported(log):
        try:
            command.main(arguments, standalone_mode=False, obj=log)
        except click.ClickException as error:
            raise CommandError(f"{error.format_message()}; {USAGE}") from error


@click.command("testsaslauthd", help="Try a password.")
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-u", "user", required=True, metavar="USER", help="The name.")
@click.option("-p", "password", metavar="PASSWORD", help="The password, for all to see.")
@click.option("-r", "realm", default="", metavar="REALM", help="The domain behind the name, where it has none.")
@click.option("-s", "service", default="imap", show_default=True, metavar="SERVICE", help="What it is for.")
@click.option("-f", "socket", metavar="SOCKET", help="Ask the saslauthd that listens there.")
@click.option("-R", "count", type=click.IntRange(1, 10000), default=1, show_default=True, help="Ask so often.")
def command(
    directory: str | None, user: str, password: str | None, realm: str, service: str, socket: str | None, count: int
) -> None:
    """Ask, and print the answer."""
    secret = typed_password(password)
    is_right = True
    for number in range(count):
        try:
            if socket is None:
                is_right = _ask(directory, f"{user}@{realm}" if realm and "@" not in user else user, secret, service)
            else:
                is_right = _ask_saslauthd(socket, user, secret, service, realm)
        except CommandError as error:
            raise CommandError(str(error), _WRONG) from error
        print(f'{number}: OK "Success."' if is_right else f'{number}: NO "authentication failed"')
    sys.exit(0 if is_right else _WRONG)


def _ask(directory: str | None, user: str, password: bytes, service: str) -> bool:
    """Return whether auth takes the password for the right one; raises CommandError."""
    config = Config.load(directory)
    answer = ask_auth(
        config, "testsaslauthd", lambda client: log_in(client, user, password, service_name(service), "PLAIN")
    )
    match answer:
        case Accepted():
            return True
        case Rejected(is_temporary=False):
            return False
        case Rejected():
            raise CommandError(reason_of(answer))
    raise CommandError("auth has asked for more than a password")


def _ask_saslauthd(path: str, user: str, password: bytes, service: str, realm: str) -> bool:
    """Return whether a saslauthd takes the password for the right one; raises CommandError."""
    try:
        data = Question(user.encode(), password, service.encode(), realm.encode()).encode()
    except ValueError as error:
        raise CommandError(str(error)) from error
    try:
        stream = Stream(Endpoint.unix(path).connect(_TIMEOUT_S), _TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise CommandError(f"connect to {path}: {words_for(error)}; start saslauthd, or correct -f") from error
    try:
        stream.send(data)
        return parse_answer(stream.exactly(answer_length(stream.exactly(2))))
    except (StreamError, SaslauthdError) as error:
        raise CommandError(f"{path}: {error}; its log says why") from error
    finally:
        stream.close()
