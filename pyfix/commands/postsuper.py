"""postsuper(1): delete, hold, release and requeue messages, and put the queue directory in order.

    postsuper [-c DIR] [-d ID] [-h ID] [-H ID] [-r ID] [-ps] [queue ...]

ID is a queue id, - for the ids on standard input, one a line, or ALL. The queues that are searched may be named:
maildrop, incoming, active, deferred, hold, corrupt. Otherwise they are hold, incoming, active and deferred; for -h all
of these but hold, for -H hold alone. Repairs come first; without any request -p and -s are carried out.

A request is carried out while the mail system runs: a message that moves at the same moment is found again or was
delivered. A message that is requeued goes through pickup(8) again, so that its addresses are rewritten and expanded as
the configuration now says.

Rights: only root and the owner of the queue may use it.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when it is done, also when an id was not there; 1 otherwise.

Not built: -e and -f, which make messages expire, and -S.

Example:

    postsuper -d 4C7F21A0B2
    postsuper -h ALL deferred
    postsuper -r ALL

See: postqueue(1), postcat(1), mailq(1), qmgr(8), pickup(8)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence

import click

from pyfix.base import clock
from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.commands.queue_repair import repair
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.ipc.client import Channel, IpcError
from pyfix.mail.ipc.messages import Trigger
from pyfix.mail.queue import LOG_NAMES, QUEUE_NAMES, Queue, ids, scan_problem
from pyfix.mail.queue.params import QueueParameters

USAGE = "usage: postsuper [-c config_dir] [-dhHr queue_id] [-ps] [-v] [queue...]"
_ACTIVE = ("incoming", "active", "deferred")
_ALL = ("hold", *_ACTIVE)
_OLD_S = 7 * 24 * 3600.0
_TIMEOUT_S = 10.0
_MOVES = 3
"""How often an id is looked for again: qmgr may move the file between looking and acting."""

Act = Callable[[str, str], None]
"""Takes the queue and the id of one file; raises FileNotFoundError when it has moved."""


class PostsuperParameters(QueueParameters, CoreParameters):
    """What postsuper needs to know."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    log = CommandLog("postsuper")
    with reported(log):
        try:
            command.main(arguments, standalone_mode=False, obj=log)
        except click.ClickException as error:
            raise CommandError(f"{USAGE}: {error.format_message()}") from error


def _refuse(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        raise CommandError(f"{parameter.opts[0]} is not built: messages expire by maximal_queue_lifetime only")


@click.command("postsuper", help="Delete, hold, release and requeue messages; put the queue in order.")
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-d", "deleted", multiple=True, metavar="ID", help="Delete.")
@click.option("-h", "held", multiple=True, metavar="ID", help="Put on hold.")
@click.option("-H", "released", multiple=True, metavar="ID", help="Release from hold.")
@click.option("-r", "requeued", multiple=True, metavar="ID", help="Requeue.")
@click.option("-e", multiple=True, expose_value=False, callback=_refuse, hidden=True)
@click.option("-f", multiple=True, expose_value=False, callback=_refuse, hidden=True)
@click.option("-S", is_flag=True, expose_value=False, callback=_refuse, hidden=True)
@click.option("-p", "purge", is_flag=True, help="Purge temporary files older than a week.")
@click.option("-s", "structure", is_flag=True, help="Check and repair the structure of the queue.")
@click.option("-v", "verbose", count=True, help="Accepted, and without effect.")
@click.argument("queues", nargs=-1)
@click.pass_obj
def command(
    log: CommandLog, directory: str | None, deleted: tuple[str, ...], held: tuple[str, ...],
    released: tuple[str, ...], requeued: tuple[str, ...], purge: bool, structure: bool, verbose: int,
    queues: tuple[str, ...],
) -> None:  # fmt: skip
    """Carry out all requests, repairs first."""
    work, params = _open(directory, log)
    for name in queues:
        if name not in QUEUE_NAMES:
            raise CommandError(f"invalid queue name: {name}")
    if not any((deleted, held, released, requeued, purge, structure)):
        purge = structure = True
    if purge:
        work.purge(queues or QUEUE_NAMES)
    if structure:
        work.repair(queues or QUEUE_NAMES)
    work.apply(deleted, queues or _ALL, work.delete, "removed", "Deleted")
    work.apply(held, queues or _ACTIVE, work.hold, "placed on hold", "Placed on hold")
    work.apply(released, queues or ("hold",), work.release, "released from hold", "Released from hold")
    work.apply(requeued, queues or _ALL, work.requeue, "requeued", "Requeued")
    if released:
        _wake(params.queue_service_name, "deferred")
    if requeued:
        _wake(params.pickup_service_name, "scan")


def _wake(service: str, what: str) -> None:
    """Have the files looked for at once; a mail system that is down finds them when it starts."""
    channel = Channel(f"public/{service}", _TIMEOUT_S)
    try:
        channel.send(Trigger(what))
    except IpcError:
        return
    finally:
        channel.close()


def _open(directory: str | None, log: CommandLog) -> tuple[Work, PostsuperParameters]:
    config = Config.load(directory)
    params = config.read(PostsuperParameters)
    try:
        os.chdir(params.queue_directory)
    except OSError as error:
        raise CommandError(f"chdir {params.queue_directory}: {error.strerror}") from error
    try:
        owner = os.stat("incoming").st_uid
    except OSError as error:
        raise CommandError(f"{params.queue_directory}/incoming: {error.strerror}; run pyfix check") from error
    if os.geteuid() not in (0, owner):
        raise CommandError("use of this command is reserved for the superuser")
    if os.geteuid() == 0 and owner != 0:
        os.seteuid(owner)
    log.open(config)
    return Work(Queue.from_params(params), log), params


class Work:
    """The requests on one queue directory."""

    def __init__(self, queue: Queue, log: CommandLog) -> None:
        self._queue = queue
        self._log = log

    def apply(self, wanted: Sequence[str], names: Sequence[str], act: Act, done: str, total: str) -> None:
        """Do one thing to the messages that the option names, and tell of each and of how many."""
        if not wanted:
            return
        count = 0
        for queue_id in _expand(wanted):
            if queue_id == "ALL":
                count += self._apply_all(names, act)
            elif self._apply_one(queue_id, names, act):
                count += 1
                self._log.info(f"{queue_id}: {done}")
        self._log.info(f"{total}: {count} message{'' if count == 1 else 's'}")

    def _apply_all(self, names: Sequence[str], act: Act) -> int:
        found = [(name, entry.id) for name in names for entry in self._queue.scan(name, self._not_seen(name))]
        return sum(self._try(act, name, queue_id) for name, queue_id in found)

    def _not_seen(self, name: str) -> Callable[[OSError], None]:
        return lambda error: self._log.warning(scan_problem(name, error))

    def _apply_one(self, queue_id: str, names: Sequence[str], act: Act) -> bool:
        if not ids.is_valid(queue_id):
            self._log.warning(f"invalid mail queue id: {queue_id[:100]}")
            return False
        for _ in range(_MOVES):
            name = self._queue.find(queue_id, names)
            if name is None:
                return False
            if self._try(act, name, queue_id):
                return True
        return False

    def _try(self, act: Act, name: str, queue_id: str) -> bool:
        try:
            act(name, queue_id)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise CommandError(f"{name}/{queue_id}: {error.strerror}") from error
        return True

    def delete(self, name: str, queue_id: str) -> None:
        """Remove the message, then its logs: in this order nobody makes a notice of what was deleted."""
        self._queue.remove(name, queue_id)
        self._remove_logs(queue_id)

    def hold(self, name: str, queue_id: str) -> None:
        """Nobody touches a message on hold."""
        self._queue.move(queue_id, name, "hold")

    def release(self, name: str, queue_id: str) -> None:
        """To deferred, due at once."""
        self._queue.move(queue_id, name, "deferred", clock.now())

    def requeue(self, name: str, queue_id: str) -> None:
        """To maildrop, where pickup finds it; what was logged about it is out of date."""
        self._queue.move(queue_id, name, "maildrop")
        self._remove_logs(queue_id)

    def _remove_logs(self, queue_id: str) -> None:
        for name in LOG_NAMES:
            try:
                self._queue.remove(name, queue_id)
            except FileNotFoundError:
                continue

    def purge(self, names: Iterable[str]) -> None:
        """Remove what crashes have left behind."""
        for name in names:
            for left in self._queue.remove_debris(name, clock.now() - _OLD_S, self._not_seen(name)):
                self._log.info(f"{name}/{left}: purged")

    def repair(self, names: Iterable[str]) -> None:
        """Put every file where it belongs."""
        renamed = 0
        for name in (*names, *LOG_NAMES):
            for old, new in repair(self._queue, name, self._not_seen(name)):
                self._log.info(f"{name}: renamed {old} to {new}")
                renamed += old.rpartition("/")[2] != new.rpartition("/")[2]
        if renamed:
            self._log.info(f"Renamed to match inode number: {renamed} message{'' if renamed == 1 else 's'}")
            self._log.warning("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS")


def _expand(wanted: Sequence[str]) -> Iterable[str]:
    for queue_id in wanted:
        if queue_id == "-":
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield queue_id
