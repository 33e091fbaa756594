"""postcat(1): show what is in a queue file.

    postcat [-behq] [-c DIR] file ...

Without a selection: envelope, headers and body. The envelope is shown as `name: value`, recipients that are done as
done_recipient. With -q the arguments are queue ids, looked for in all queues.

Rights: it needs the right to read the files, which only root and the owner of the queue have.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when all are shown, 1 otherwise.

See: mailq(1), postsuper(1)
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from pyfix.commands.outcome import CommandError, CommandLog, reported
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.ipc.messages import Envelope
from pyfix.mail.message.header import parse_header_block
from pyfix.mail.queue import CorruptFile, Queue, QueueFile, ids
from pyfix.mail.queue.params import QueueParameters

_HEAD_LIMIT = 1024 * 1024


class PostcatParameters(QueueParameters, CoreParameters):
    """What postcat needs to know."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The parts to show."""

    envelope: bool
    header: bool
    body: bool

    @property
    def is_all(self) -> bool:
        return self.envelope and self.header and self.body


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    log = CommandLog("postcat")
    with reported(log):
        try:
            command.main(arguments, standalone_mode=False)
        except click.ClickException as error:
            raise CommandError(f"usage: postcat [-behq] [-c config_dir] file...: {error.format_message()}") from error


@click.command("postcat", help="Show what is in queue files.")
@click.option("-b", "body", is_flag=True, help="Show the body.")
@click.option("-e", "envelope", is_flag=True, help="Show the envelope.")
@click.option("-h", "header", is_flag=True, help="Show the headers.")
@click.option("-q", "by_id", is_flag=True, help="The arguments are queue ids.")
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-v", "verbose", count=True, help="Accepted, and without effect.")
@click.argument("files", nargs=-1, required=True)
def command(
    body: bool, envelope: bool, header: bool, by_id: bool, directory: str | None, verbose: int, files: tuple[str, ...]
) -> None:
    """Show each file."""
    selection = Selection(envelope, header, body) if body or envelope or header else Selection(True, True, True)
    params = Config.load(directory).read(PostcatParameters)
    for name in files:
        path = _find(params, name) if by_id else os.path.abspath(name)
        with _open(path) as file:
            show(file, os.path.relpath(path, params.queue_directory) if by_id else name, selection)


def _find(params: PostcatParameters, queue_id: str) -> str:
    queue = Queue.from_params(params, params.queue_directory)
    if not ids.is_valid(queue_id):
        raise CommandError(f"bad mail queue id: {queue_id[:100]}")
    name = queue.find(queue_id)
    if name is None:
        raise CommandError(f"open queue file {queue_id}: No such file or directory")
    return queue.path(name, queue_id)


def _open(path: str) -> QueueFile:
    try:
        return QueueFile.open_path(path)
    except OSError as error:
        raise CommandError(f"open {path}: {error.strerror}") from error
    except CorruptFile as error:
        raise CommandError(f"{path}: {error.reason}") from error


def show(file: QueueFile, name: str, selection: Selection) -> None:
    """Write the selected parts to standard output."""
    out = sys.stdout.buffer
    if selection.envelope:
        out.write(f"*** ENVELOPE RECORDS {name} ***\n".encode())
        for line in _envelope_lines(file):
            out.write(line.encode("utf-8", "surrogateescape") + b"\n")
    if selection.is_all:
        out.write(f"*** MESSAGE CONTENTS {name} ***\n".encode())
    for piece in _content(file, selection):
        out.write(piece)
    if selection.is_all:
        out.write(f"*** HEADER EXTRACTED {name} ***\n*** MESSAGE FILE END {name} ***\n".encode())
    out.flush()


def _envelope_lines(file: QueueFile) -> Iterator[str]:
    envelope = file.envelope
    yield f"message_size: {envelope.size:15} {file.content_offset:15} {file.recipient_count:15}"
    yield f"message_arrival_time: {time.ctime(envelope.arrival)}"
    yield from (f"named_attribute: {name}={value}" for name, value in _attributes(envelope) if value)
    yield f"sender: {envelope.sender}"
    for recipient, is_done in file.read_all_recipients():
        if recipient.original and recipient.original != recipient.address:
            yield f"original_recipient: {recipient.original}"
        if recipient.orcpt:
            yield f"named_attribute: dsn_orig_rcpt={recipient.orcpt}"
        if recipient.notify:
            yield f"named_attribute: notify_flags={recipient.notify}"
        yield f"{'done_recipient' if is_done else 'recipient'}: {recipient.address}"


def _attributes(envelope: Envelope) -> Iterator[tuple[str, str]]:
    client = envelope.client
    yield "log_client_name", client.name
    yield "log_client_address", client.address
    yield "log_client_port", client.port
    yield "log_helo_name", client.helo
    yield "log_protocol_name", client.protocol
    yield "sasl_method", client.sasl_method
    yield "sasl_username", client.sasl_username
    yield "sasl_sender", client.sasl_sender
    yield "rewrite_context", envelope.rewrite_context
    yield "encoding", envelope.encoding
    yield "smtputf8", "1" if envelope.smtputf8 else ""
    yield "dsn_envelope_id", envelope.envid
    yield "ret_flags", str(envelope.ret) if envelope.ret else ""
    yield "trace_flags", str(envelope.trace) if envelope.trace else ""
    yield "filter", envelope.filter
    yield "redirect", envelope.redirect
    yield "delay_warned", "1" if envelope.delay_warned else ""


def _content(file: QueueFile, selection: Selection) -> Iterator[bytes]:
    """Yield headers, body or both."""
    end = parse_header_block(file.read_content(0, _HEAD_LIMIT)).end
    start = 0 if selection.header else end
    stop = file.content_length if selection.body else end
    while start < stop and (data := file.read_content(start, min(256 * 1024, stop - start))):
        yield data
        start += len(data)
