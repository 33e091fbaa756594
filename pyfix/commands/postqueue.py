"""postqueue(1): look at the queue, and have it tried now.

    postqueue -p
    postqueue -j
    postqueue -f
    postqueue -i ID
    postqueue -s site

Every user may look at the queue and have it tried, as far as authorized_mailq_users and authorized_flush_users allow.
In the list, * after a queue id marks a message that is being delivered, ! one on hold.

While the mail system is down, whoever may read the queue directory still gets the listing.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status:

    0    done
    64   a mistake in the options
    69   the mail system is down
    77   not allowed

Not built: -s needs the flush service, and is an error.

See: mailq(1), postsuper(1), postcat(1), qmgr(8), showq(8)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from pyfix.commands import queue_report
from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import ListQueue, QueueEnd, QueueEntry, Refused, Trigger
from pyfix.mail.queue import Queue, ids
from pyfix.mail.queue.listing import list_queue
from pyfix.mail.queue.params import QueueParameters

USAGE = "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site"
_TIMEOUT_S = 60.0


class PostqueueParameters(QueueParameters, CoreParameters):
    """What postqueue needs to know; it declares none."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    log = CommandLog("postqueue")
    with reported(log):
        try:
            command.main(arguments, standalone_mode=False, obj=log)
        except click.ClickException as error:
            raise CommandError(f"{USAGE}: {error.format_message()}", os.EX_USAGE) from error


@click.command("postqueue", help="Look at the queue, and have it tried now.")
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-p", "as_text", is_flag=True, help="List the queue.")
@click.option("-j", "as_json", is_flag=True, help="List the queue as JSON.")
@click.option("-f", "flush", is_flag=True, help="Try every message now.")
@click.option("-i", "queue_id", metavar="ID", help="Try one deferred message now.")
@click.option("-s", "site", metavar="SITE", help="Try the messages for a destination (needs the flush service).")
@click.option("-v", "verbose", count=True, help="Accepted, and without effect.")
@click.pass_obj
def command(
    log: CommandLog, directory: str | None, as_text: bool, as_json: bool, flush: bool, queue_id: str | None,
    site: str | None, verbose: int,
) -> None:  # fmt: skip
    """Do the one thing that is asked for."""
    if as_text + as_json + flush + (queue_id is not None) + (site is not None) != 1:
        raise CommandError(USAGE, os.EX_USAGE)
    config = Config.load(directory)
    params = config.read(PostqueueParameters)
    try:
        os.chdir(params.queue_directory)
    except OSError as error:
        raise CommandError(f"chdir {params.queue_directory}: {error.strerror}", os.EX_UNAVAILABLE) from error
    log.open(config)
    if site is not None:
        raise CommandError(f'Flush service is not configured for destination "{site[:100]}"', os.EX_UNAVAILABLE)
    if as_text or as_json:
        print_queue(_entries(params, log), as_json=as_json, long_ids=params.enable_long_queue_ids)
    else:
        _trigger(params, _request(queue_id))


# --- listing


def print_queue(entries: Iterable[QueueEntry], *, as_json: bool, long_ids: bool) -> None:
    """Print the listing as it comes."""
    lines = queue_report.list_json(entries) if as_json else queue_report.list_text(entries, long_ids=long_ids)
    sys.stdout.writelines(lines)
    sys.stdout.flush()


def _entries(params: PostqueueParameters, log: CommandLog) -> Iterator[QueueEntry]:
    """Yield what showq says, or what is in the queue directory when it can't be asked."""
    channel = Channel(f"public/{params.showq_service_name}", _TIMEOUT_S)
    try:
        channel.send(ListQueue())
    except IpcError as error:
        if not os.access("deferred", os.R_OK | os.X_OK):
            raise CommandError(
                f"Queue report unavailable - mail system is down ({error})", os.EX_UNAVAILABLE
            ) from error
        log.warning(f"Mail system is down -- accessing queue directly ({error})")
        yield from list_queue(Queue.from_params(params), log.warning)
        return
    yield from _receive(channel)


def _receive(channel: Channel) -> Iterator[QueueEntry]:
    try:
        while True:
            match channel.receive():
                case QueueEntry() as entry:
                    yield entry
                case QueueEnd():
                    return
                case Refused(reason=reason):
                    raise CommandError(reason, os.EX_NOPERM)
                case other:
                    raise CommandError(f"unexpected answer {type(other).__name__} from showq", os.EX_PROTOCOL)
    except IpcError as error:
        raise CommandError(f"Queue report unavailable - {error}", os.EX_UNAVAILABLE) from error
    finally:
        channel.close()


# --- trying


def _request(queue_id: str | None) -> Trigger:
    if queue_id is None:
        return Trigger("flush")
    if not ids.is_valid(queue_id):
        raise CommandError(f'Cannot flush queue ID - invalid name: "{queue_id[:100]}"', os.EX_USAGE)
    return Trigger(f"release {queue_id}")


def _trigger(params: PostqueueParameters, request: Trigger) -> None:
    """Ask qmgr through pickup, which is open to all users and knows who may (authorized_flush_users)."""
    channel = Channel(f"public/{params.pickup_service_name}", _TIMEOUT_S)
    try:
        channel.send(request)
        reply = channel.receive()
    except IpcError as error:
        raise CommandError("Cannot flush mail queue - mail system is down", os.EX_UNAVAILABLE) from error
    finally:
        channel.close()
    if isinstance(reply, Refused):
        raise CommandError(reply.reason, os.EX_NOPERM)
