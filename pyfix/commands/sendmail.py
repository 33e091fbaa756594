"""sendmail(1): take a message from a program and put it into the mail system.

    sendmail [options] recipient ...
    sendmail -t [options] < message
    sendmail -bp | -bi | -bs | -q

Reads a message on standard input, and hands it to pickup(8) over public/pickup, where the kernel tells who submits: no
special rights are needed. While the mail system is down the message is left in maildrop/, if the rights of that
directory allow it. Whatever goes wrong, a mistake in the options too, ends with exit status 75, which programs know as
a temporary failure. Other jobs of the name are passed on: -bp is mailq(1), -bi newaliases(1), -q postqueue(1).

Options: a value may stand in the same word or in the next one, but for -q and -d.

    -bm               submit a message; the default
    -bp               list the queue: mailq(1)
    -bs               speak SMTP on standard input and output
    -bv               do not deliver, but mail a report of what would be done
    -bi, -I           rebuild the alias tables: newaliases(1)
    -bd, -bl          start the mail system: pyfix(1)
    -B TYPE           the body: 7BIT or 8BITMIME
    -C DIR            the directory of main.cf; without it MAIL_CONFIG
    -f, -r SENDER     the envelope sender; the user otherwise
    -F NAME           the full name for the header From:
    -G                the message is passed on: header addresses and missing headers stay as they are
    -i, -oi           a line with a dot alone does not end the message
    -N WHEN           never, or of success, failure and delay: when the sender is told
    -oA TABLE         the alias table that -bi rebuilds
    -o7, -o8          as -B 7BIT, -B 8BITMIME
    -q                try the whole queue: postqueue(1)
    -qIid             try one message
    -qRsite           try the messages for a destination
    -R WHAT           full or hdrs: how much of the message a notice returns
    -t                recipients are also those of the headers To:, Cc: and Bcc:
    -v                mail a report of the delivery; twice: tell more of the submission
    -V ID             the envelope id, which notices repeat
    -A, -D, -L, -O    accepted, and without effect; likewise -U, -X, -bh, -bH, -c, -d, -e, -h, -m, -n, -p, -x, other
                      letters after -o, and an interval after -q

Environment: MAIL_CONFIG names the directory of main.cf, NAME the full name.

Exit status:

    0    accepted
    64   a mistake in the options
    65   the message or an address makes no sense
    69   refused
    75   try again later
    77   not allowed: authorized_submit_users
    78   a mistake in main.cf

See: pickup(8), mailq(1), newaliases(1), postqueue(1), pyfix(1)

Inside: sendmail_options.py reads the command line, sendmail_input.py the message, submission.py hands it over.
"""

from __future__ import annotations

import os
import pwd
import select
import sys
from collections.abc import Iterable, Iterator, Sequence

from pyfix.base.accounts import shown_login_name
from pyfix.commands import sendmail_input as message_input
from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.commands.params import SendmailParameters
from pyfix.commands.sendmail_options import BadOption, BadUsage, Options, parse_options
from pyfix.commands.submission import CHUNK, SILENCE_S, Door
from pyfix.mail.address.tokens import normalize_address
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import LocalSubmit
from pyfix.mail.message.address_header import split_addresses
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.queue import Queue


def main(arguments: Sequence[str] | None = None, program: str = "sendmail") -> None:
    """Run the program under one of its names: sendmail, newaliases."""
    log = CommandLog(program)
    with reported(log, os.EX_TEMPFAIL):
        run(sys.argv[1:] if arguments is None else arguments, log, program)


def run(arguments: Sequence[str], log: CommandLog, program: str = "sendmail") -> None:
    """Do what the command line asks for; raise CommandError."""
    try:
        options = parse_options(arguments, program)
    except BadOption as error:
        raise CommandError(f"usage: {program} [options]: {error}", os.EX_USAGE) from error
    except BadUsage as error:
        raise CommandError(str(error), os.EX_USAGE) from error
    for warning in options.warnings:
        log.warning(warning)
    match options.mode:
        case "m" | "v":
            submit_message(options, log)
        case "s":
            speak_smtp(options, log)
        case _:
            pass_on(options)


# --- other jobs


def pass_on(options: Options) -> None:
    """Run the command that does what this name is asked for."""
    place = ["-c", options.directory] if options.directory else []
    match options.mode:
        case "p":
            from pyfix.commands import postqueue

            postqueue.main([*place, "-p"])
        case "q":
            from pyfix.commands import postqueue

            postqueue.main([*place, *_queue_request(options)])
        case "i":
            from pyfix.commands import newaliases

            newaliases.carry_out(options.directory, options.alias_table, options.verbose)
        case "d" | "l":
            from pyfix.commands import pyfix

            pyfix.main([*place, "start"])
        case _:  # -bh, -bH: there is no host status database
            return


def _queue_request(options: Options) -> list[str]:
    if options.queue_id:
        return ["-i", options.queue_id]
    return ["-s", options.site] if options.site else ["-f"]


# --- submission


def open_door(options: Options, log: CommandLog) -> tuple[Door, Config]:
    """Go to the queue directory and return the way in, and the configuration."""
    config = Config.load(options.directory)
    params = config.read(SendmailParameters)
    try:
        os.chdir(params.queue_directory)
    except OSError as error:
        raise CommandError(f"chdir {params.queue_directory}: {error.strerror}", os.EX_TEMPFAIL) from error
    log.open(config)
    user = f"{shown_login_name(os.getuid())}({os.getuid()})"
    return Door(f"public/{params.pickup_service_name}", Queue.from_params(params), user, log), config


def submit_message(options: Options, log: CommandLog) -> None:
    """Submit what comes on standard input."""
    door, config = open_door(options, log)
    line_ends = config.read(SendmailParameters).sendmail_fix_line_endings
    written = [address for word in options.recipients for address in split_addresses(word) if address]
    recipients = list(map(normalize_address, written))
    if not recipients and not options.extract:
        raise CommandError(
            f"{door.user}: Recipient addresses must be specified on the command line or via the -t option",
            os.EX_USAGE,
        )
    request = make_request(options, recipients, log)
    queue_id = door.submit(request, [] if options.mode == "v" else _read_message(options, recipients, door, line_ends))
    if options.verbose > 1:
        log.info(
            f"{door.user}: from=<{request.sender or ''}>: {f'queued as {queue_id}' if queue_id else 'left in maildrop'}"
        )
    if request.trace:
        sender = request.sender if request.sender is not None else shown_login_name(os.getuid())
        sys.stdout.write(f"Mail Delivery Status Report will be mailed to <{sender}>.\n")


def make_request(options: Options, recipients: list[str], log: CommandLog) -> LocalSubmit:
    """Return what pickup is told about a message."""
    return LocalSubmit(
        sender=None if options.sender is None else _parse_sender(options.sender, log),
        full_name=options.full_name if options.full_name is not None else full_name(os.getuid()),
        recipients=recipients,
        extract=options.extract,
        encoding=options.encoding,
        notify=options.notify,
        ret=options.ret,
        envid=options.envid,
        trace=options.trace,
        rewrite_context="remote" if options.is_gateway else "local",
    )


def _parse_sender(text: str, log: CommandLog) -> str:
    addresses = split_addresses(text)
    if len(addresses) > 1:
        log.warning(f"-f option specified malformed sender: {text}")
    return normalize_address(addresses[0]) if addresses else ""


def full_name(uid: int) -> str:
    """Return the name of a user: $NAME, or the first part of the passwd entry, where & stands for the login name.

    Nobody asked for it on the command line: one that can't be used is as good as none.
    """
    name = os.environ.get("NAME") or _passwd_name(uid)
    return name if is_clean(name) else ""


def _passwd_name(uid: int) -> str:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return ""
    return entry.pw_gecos.split(",", 1)[0].replace("&", entry.pw_name.capitalize())


def _read_message(options: Options, recipients: list[str], door: Door, line_ends: str) -> Iterable[bytes]:
    """Return the content; with -t, only when there is a recipient."""
    pieces = message_input.fix_line_ends(_read_input(), line_ends)
    if not options.ignore_dots:
        pieces = message_input.until_dot(pieces)
    if not options.extract:
        return pieces
    head, rest = message_input.split_head(pieces)
    if not recipients and not message_input.find_recipients(head):
        raise CommandError(f"{door.user}: No recipient addresses found in message header", os.EX_USAGE)
    return _chain(head, rest)


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _read_input() -> Iterator[bytes]:
    """Yield the pieces as they come, and an empty one now and then while none comes."""
    while True:
        try:
            if not select.select([0], [], [], SILENCE_S)[0]:
                yield b""
                continue
            data = os.read(0, CHUNK)
        except OSError as error:
            raise CommandError(f"error reading input: {error.strerror}", os.EX_DATAERR) from error
        if not data:
            return
        yield data


def speak_smtp(options: Options, log: CommandLog) -> None:
    """-bs: an SMTP session on standard input and output."""
    from pyfix.commands.sendmail_smtp import LocalSmtp, LocalSmtpParameters

    door, config = open_door(options, log)
    LocalSmtp(sys.stdin.buffer, sys.stdout.buffer, door, config.read(LocalSmtpParameters)).run()
