"""A real cleanup process, with a qmgr, a trivial-rewrite and a trace service of the test's own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from harness import RunningWorker, make_queue_directory, run_worker

from pyfix.daemons.cleanup.daemon import SERVICE
from pyfix.mail.address.rewrite import RewriteRules, rewrite
from pyfix.mail.ipc.messages import (
    CLEANUP_BCC,
    CLEANUP_BOUNCE,
    CLEANUP_EXTRACT,
    CLEANUP_LOCAL,
    CLEANUP_MAP,
    CLEANUP_NOTICE,
    NOTIFY_SUCCESS,
    AnyMessage,
    Arrived,
    Done,
    Envelope,
    Hello,
    LogRecipient,
    Message,
    Recipient,
    Rewrite,
    Rewritten,
    Submit,
    Submitted,
    Trigger,
)
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.queue import Queue

RULES = RewriteRules("example.test", "")
BODY = b"Received: r\nFrom: a@example.org\nDate: d\nMessage-Id: <m@i>\nTo: u@example.org\n\nbody\n"


@contextmanager
def neighbour(path: Path, answer: Callable[[AnyMessage], Message | None]) -> Iterator[list[AnyMessage]]:
    """A fake service: yields the list of what it is told."""
    told: list[AnyMessage] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    closing = threading.Event()

    def serve() -> None:
        while True:
            try:
                listener.setblocking(not closing.is_set())
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setblocking(True)
            peer = Peer(sock)
            try:
                with suppress(PeerGone):  # it may have said all and gone
                    peer.send(Hello("fake"))
                while True:
                    message = peer.receive()
                    told.append(message)
                    if (reply := answer(message)) is not None:
                        peer.send(reply)
            except PeerGone:
                peer.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        closing.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))  # comes behind everybody who is waiting to be heard
        thread.join(10)
        listener.close()


def complete(message: AnyMessage) -> Message:
    assert isinstance(message, Rewrite)
    return Rewritten([rewrite(address, RULES) for address in message.addresses])


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """The queue, on the side of the submitter."""
    return Queue(str(make_queue_directory(tmp_path)))


@contextmanager
def cleanup(tmp_path: Path, main_cf: str = "") -> Iterator[RunningWorker]:
    with (
        neighbour(tmp_path / "private" / "rewrite", complete),
        run_worker(SERVICE, f"alias_maps =\nmydestination =\n{main_cf}", tmp_path, name="cleanup") as worker,
    ):
        yield worker


def submit(
    worker: RunningWorker, queue: Queue, body: bytes = BODY, *, to: list[str] | None = None, spooled: bool = False,
    flags: int = CLEANUP_MAP, notify: int = 0, context: str = "local", hold: str = "",
    sender: str = "sender@example.org", envid: str = "", rcpts: list[Recipient] | None = None,
) -> Submitted:  # fmt: skip
    """Create the file and ask for the message."""
    file = queue.create()
    if spooled:
        file.spool(body)
    file.close()
    if rcpts is None:
        rcpts = [Recipient(address, notify=notify) for address in (["u@example.org"] if to is None else to)]
    envelope = Envelope(sender, 1795415178.0, 0, rewrite_context=context, envid=envid)
    reply = worker.call(Submit(file.id, envelope, rcpts, None if spooled else body, flags, hold), Submitted)
    assert isinstance(reply, Submitted)
    assert reply.queue_id == file.id
    return reply


def stored(queue: Queue, queue_id: str, name: str = "incoming") -> tuple[bytes, list[str], Envelope]:
    """Return content, recipients and envelope."""
    with queue.open(name, queue_id) as message:
        rcpts = [recipient.address for recipient in message.read_recipients()[0]]
        return b"".join(message.iter_content()), rcpts, message.envelope


def refused(reply: Submitted, queue: Queue) -> tuple[int, str, str]:
    """Return the reply, after checking that no file is left."""
    assert list(queue.scan("incoming")) == []
    return reply.code, reply.status, reply.reason


@pytest.mark.parametrize("spooled", [False, True])
def test_a_complete_message_is_stored_unchanged(queue: Queue, tmp_path: Path, spooled: bool) -> None:
    """Small and large take different ways to the same file."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, spooled=spooled)
        assert (reply.code, reply.reason) == (250, "")
        content, rcpts, envelope = stored(queue, reply.queue_id)
        assert content == BODY
        assert rcpts == ["u@example.org"]
        assert (envelope.sender, envelope.size) == ("sender@example.org", len(BODY))
        assert worker.wait_for_line("message-id") == f"{reply.queue_id}: message-id=<m@i>"


@pytest.mark.parametrize("spooled", [False, True])
def test_missing_headers_are_added_to_mail_of_our_own(queue: Queue, tmp_path: Path, spooled: bool) -> None:
    """At the end of the header block; the body does not move or change."""
    body = b"Received: r\nSubject: s\n\n" + b"body\n" * 30_000
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, body, spooled=spooled)
        content, _, _ = stored(queue, reply.queue_id)
        head, _, rest = content.partition(b"\n\n")
        assert rest == b"body\n" * 30_000
        lines = head.split(b"\n")
        assert lines[:2] == [b"Received: r", b"Subject: s"]
        assert [line.split(b":")[0] for line in lines[2:]] == [b"Message-Id", b"Date", b"From"]
        assert lines[2] == f"Message-Id: <20261123062618.{reply.queue_id}@mail.example.test>".encode()


def test_mail_of_strangers_is_not_completed(queue: Queue, tmp_path: Path) -> None:
    """Its headers are none of our business, but for those that are always removed."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, b"Received: r\nTo: u\nReturn-Path: <x>\n\nbody\n", context="remote")
        assert stored(queue, reply.queue_id)[0] == b"Received: r\nTo: u\n\nbody\n"
        assert worker.wait_for_line("message-id") == f"{reply.queue_id}: message-id=<>"


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ("", b"X-A"),
        ("message_drop_headers = x-a, BCC", b"Return-Path Content-Length"),
        ("message_drop_headers =", b"Return-Path Content-Length Bcc X-A"),
    ],
)
def test_headers_that_are_removed_are_a_parameter(queue: Queue, tmp_path: Path, setting: str, kept: bytes) -> None:
    """message_drop_headers."""
    with cleanup(tmp_path, setting) as worker:
        body = BODY.replace(b"\n\n", b"\nReturn-Path: r\nContent-Length: 5\nBcc: b@example.org\nX-A: a\n\n", 1)
        content = stored(queue, submit(worker, queue, body).queue_id)[0]
    names = [line.split(b":")[0] for line in content.split(b"\n\n")[0].split(b"\n")[5:]]
    assert names == kept.split()


def test_always_add_missing_headers_is_for_strangers_too(queue: Queue, tmp_path: Path) -> None:
    """The parameter of this name."""
    with cleanup(tmp_path, "always_add_missing_headers = yes") as worker:
        reply = submit(worker, queue, b"Received: r\n\nbody\n", context="remote")
        assert b"\nMessage-Id: " in stored(queue, reply.queue_id)[0]


def test_incomplete_addresses_are_completed(queue: Queue, tmp_path: Path) -> None:
    """In the envelope always, in headers of our own mail; the original address is kept."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, b"Received: r\nTo: bob (x), carol@example.org\n\nb\n", to=["bob"])
        content, rcpts, _ = stored(queue, reply.queue_id)
        assert b"\nTo: bob@example.test (x), carol@example.org\n" in content
        assert rcpts == ["bob@example.test"]
        with queue.open("incoming", reply.queue_id) as message:
            assert message.read_recipients()[0][0].original == "bob"


def test_without_trivial_rewrite_a_message_waits_only_if_it_needs_it(queue: Queue, tmp_path: Path) -> None:
    """A complete address asks nobody; the other message is refused for now, and leaves nothing."""
    with run_worker(SERVICE, "alias_maps =", tmp_path, name="cleanup") as worker:
        reply = submit(worker, queue, to=["bob"])
        assert refused(reply, queue) == (451, "4.3.0", "Error: queue file write error")
        assert submit(worker, queue).code == 250


def test_recipients_come_from_headers(queue: Queue, tmp_path: Path) -> None:
    """sendmail -t: all of To, Cc and Bcc; Bcc is removed."""
    body = b"Received: r\nTo: a, b@example.org\nBcc: c@example.org\n\nbody\n"
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, body, to=[], flags=CLEANUP_MAP | CLEANUP_EXTRACT)
        content, rcpts, _ = stored(queue, reply.queue_id)
        assert rcpts == ["a@example.test", "b@example.org", "c@example.org"]
        assert b"Bcc" not in content


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"sender": '"a\nReceived: forged"@x.y'}, "5.1.7"),
        ({"to": ["good@x.y", '"a\rb"@x.y']}, "5.1.3"),
        ({"to": ["a(\n)@x.y"]}, "5.1.3"),
        ({"to": ["x" * 3000 + "@x.y"]}, "5.1.3"),
        ({"rcpts": [Recipient("a@x.y", "b\n@x.y")]}, "5.1.3"),
        ({"rcpts": [Recipient("a@x.y", orcpt="rfc822;\n@x.y")]}, "5.1.3"),
        ({"envid": "e\0"}, "5.5.4"),
    ],
)
def test_control_characters_in_the_envelope_are_refused(
    queue: Queue, tmp_path: Path, fields: dict[str, Any], status: str
) -> None:
    """Whoever submits: they would forge lines in the mailbox, in the log and on the wire."""
    with cleanup(tmp_path) as worker:
        code, said, _ = refused(submit(worker, queue, **fields), queue)
        assert (code, said) == (501, status)


def test_a_recipient_from_a_header_is_looked_at_too(queue: Queue, tmp_path: Path) -> None:
    """sendmail -t: folding inside quotes is a blank, as in Postfix; what is no address refuses the message."""
    with cleanup(tmp_path) as worker:
        flags = CLEANUP_MAP | CLEANUP_EXTRACT
        folded = submit(worker, queue, b'Received: r\nTo: "a\n b"@example.org\n\n', to=[], flags=flags)
        assert stored(queue, folded.queue_id)[1] == ['"a  b"@example.org']
        for value in (b'"a\x0bb"@example.org', b"\xff@example.org"):
            reply = submit(worker, queue, b"Received: r\nTo: %b\n\n" % value, to=[], flags=flags)
            assert (reply.code, reply.status) == (501, "5.1.3")


def test_a_header_address_that_is_none_is_left_alone(queue: Queue, tmp_path: Path) -> None:
    """Its bytes may be of any alphabet, and of no consequence."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, b"Received: r\nTo: \xff, bob\n\nb\n")
        assert b"\nTo: \xff, bob@example.test\n" in stored(queue, reply.queue_id)[0]


def test_an_alias_with_control_characters_is_a_mistake_of_ours(queue: Queue, tmp_path: Path) -> None:
    """The message waits until the table is repaired."""
    with cleanup(tmp_path, 'virtual_alias_maps = inline:{ {a@example.org = "x\x01y"@b.c} }') as worker:
        reply = submit(worker, queue, to=["a@example.org"])
        assert refused(reply, queue) == (451, "4.6.0", "Alias expansion error")
        assert "bad address syntax in virtual_alias_maps result for a@example.org" in worker.wait_for_line("syntax")


def test_a_bare_name_is_an_alias_at_an_address_of_this_machine(queue: Queue, tmp_path: Path) -> None:
    """user@[own address] is as local as user@domain in mydestination; a trailing dot does not count."""
    main_cf = "virtual_alias_maps = inline:{{bob = c@d.e}}\ninet_interfaces = 127.0.0.1\nmydestination = here.test"
    with cleanup(tmp_path, main_cf) as worker:
        for address, result in (
            ("bob@[127.0.0.1]", "c@d.e"), ("bob@here.test.", "c@d.e"), ("bob@[127.0.0.9]", "bob@[127.0.0.9]"),
        ):  # fmt: skip
            assert stored(queue, submit(worker, queue, to=[address]).queue_id)[1] == [result]


def test_a_changed_list_of_local_domains_ends_the_process(queue: Queue, tmp_path: Path) -> None:
    """As a changed alias table does."""
    domains = tmp_path / "domains"
    domains.write_text("here.test\n")
    with cleanup(tmp_path, f"mydestination = {domains}") as worker:
        assert submit(worker, queue).code == 250
        domains.write_text("here.test there.test\n")
        assert worker.channel is not None
        worker.channel.close()
        assert "mydestination has changed -- restarting" in worker.wait_for_line("has changed")


def test_no_recipients_is_an_error(queue: Queue, tmp_path: Path) -> None:
    """With the reply of Postfix."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, b"Received: r\n\nbody\n", to=[], flags=CLEANUP_EXTRACT)
        assert refused(reply, queue) == (550, "5.1.0", "Error: no recipients specified")


ALIASES = """
virtual_alias_maps = inline:{
  {two@example.org = u1@example.org, u2+q, "x y" <u3@example.org>} {@dom.test = @other.test}
  {big@example.org = a@b c@d e@f g@h} {long@example.org = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x.y}
  {loop@example.org = loop2@example.org} {loop2@example.org = loop@example.org} }
virtual_alias_expansion_limit = 3
virtual_alias_address_length_limit = 40
virtual_alias_recursion_limit = 5
recipient_delimiter = +
"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("two@example.org", ["u1@example.org", "u2+q@example.test", "u3@example.org"]),
        ("two+e@example.org", ["u1+e@example.org", "u2+q+e@example.test", "u3+e@example.org"]),
        ("TWO@example.org", ["u1@example.org", "u2+q@example.test", "u3@example.org"]),
        ("u@dom.test", ["u@other.test"]),
        ("nobody@example.org", ["nobody@example.org"]),
    ],
)
def test_virtual_aliases_are_expanded(queue: Queue, tmp_path: Path, address: str, expected: list[str]) -> None:
    """Extensions go along; results are completed; @domain changes the domain only."""
    with cleanup(tmp_path, ALIASES) as worker:
        assert stored(queue, submit(worker, queue, to=[address]).queue_id)[1] == expected


@pytest.mark.parametrize(
    ("address", "warning"),
    [
        ("big@example.org", "unreasonable virtual_alias_maps map expansion size for big@example.org"),
        ("loop@example.org", "unreasonable virtual_alias_maps map nesting for loop@example.org"),
        ("long@example.org", "unreasonable virtual_alias_maps result aaaaaaa"),
    ],
)
def test_an_unreasonable_alias_is_refused_for_now(queue: Queue, tmp_path: Path, address: str, warning: str) -> None:
    """With Postfix's reply and warning."""
    with cleanup(tmp_path, ALIASES) as worker:
        assert refused(submit(worker, queue, to=[address]), queue) == (451, "4.6.0", "Alias expansion error")
        line = worker.wait_for_line(warning)
        assert line.startswith("warning: ")
        assert line.endswith(" -- message not accepted, try again later")


def test_aliases_are_not_for_mail_that_pyfix_makes(queue: Queue, tmp_path: Path) -> None:
    """Without CLEANUP_MAP a recipient is final."""
    with cleanup(tmp_path, ALIASES) as worker:
        assert stored(queue, submit(worker, queue, to=["two@example.org"], flags=0).queue_id)[1] == ["two@example.org"]


def test_a_success_notice_for_an_expanded_alias_goes_to_trace(queue: Queue, tmp_path: Path) -> None:
    """RFC 3461: the sender who asked for it hears that the address was expanded.

    The log is there before the message is, and qmgr has to find the message by itself: it looks for logs then.
    """
    complete: list[bool] = []

    def trace(message: AnyMessage) -> Message:
        complete.extend(entry.complete for entry in queue.scan("incoming"))
        return Done()

    with (
        neighbour(tmp_path / "private" / "trace", trace) as told,
        neighbour(tmp_path / "public" / "qmgr", lambda message: None) as hints,
        cleanup(tmp_path, ALIASES) as worker,
    ):
        reply = submit(worker, queue, to=["two@example.org"], notify=NOTIFY_SUCCESS)
        worker.stop()
    (logged,) = told
    assert isinstance(logged, LogRecipient)
    assert (logged.queue_id, logged.recipient.address) == (reply.queue_id, "two@example.org")
    assert (logged.outcome.verb, logged.outcome.dsn.status) == ("expanded", "2.0.0")
    assert complete == [False]
    assert hints == [Trigger("scan")]


def test_everything_is_copied_to_always_bcc(queue: Queue, tmp_path: Path) -> None:
    """Once, and without notices."""
    with cleanup(tmp_path, "always_bcc = archive") as worker:
        reply = submit(worker, queue, to=["u@example.org", "U@example.org"], flags=CLEANUP_MAP | CLEANUP_BCC)
        assert stored(queue, reply.queue_id)[1] == ["u@example.org", "archive@example.test"]


def test_what_is_forwarded_or_made_here_is_not_copied(queue: Queue, tmp_path: Path) -> None:
    """A notice or a forwarded message maps its recipients, and has no blind copy."""
    with cleanup(tmp_path, "always_bcc = archive") as worker:
        reply = submit(worker, queue, to=["u@example.org"], flags=CLEANUP_MAP | CLEANUP_LOCAL)
        assert stored(queue, reply.queue_id)[1] == ["u@example.org"]


@pytest.mark.parametrize(("received", "code"), [(4, 250), (5, 554)])
def test_too_many_hops(queue: Queue, tmp_path: Path, received: int, code: int) -> None:
    """hopcount_limit counts the header of this hop too."""
    with cleanup(tmp_path, "hopcount_limit = 5") as worker:
        reply = submit(worker, queue, b"Received: x\n" * received + b"\n")
        assert reply.code == code
        if code == 554:
            assert refused(reply, queue) == (554, "5.4.0", "Error: too many hops")
            assert worker.wait_for_line("hopcount") == f"warning: {reply.queue_id}: message rejected: hopcount exceeded"


def test_a_problem_that_nobody_waits_to_hear_of_bounces(queue: Queue, tmp_path: Path) -> None:
    """The message is queued for the error transport, which returns it."""
    with cleanup(tmp_path, "hopcount_limit = 2") as worker:
        reply = submit(worker, queue, b"Received: x\n" * 2 + b"\n", flags=CLEANUP_MAP | CLEANUP_BOUNCE)
        assert reply.code == 250
        assert stored(queue, reply.queue_id)[2].filter == "error:5.4.0 too many hops"


@pytest.mark.parametrize("spooled", [False, True])
def test_a_message_that_is_too_big_is_refused(queue: Queue, tmp_path: Path, spooled: bool) -> None:
    """message_size_limit, whoever forgot to look before."""
    with cleanup(tmp_path, "message_size_limit = 1000") as worker:
        reply = submit(worker, queue, BODY + b"x" * 1000, spooled=spooled)
        assert refused(reply, queue) == (552, "5.3.4", "Error: message file too big")


@pytest.mark.parametrize("spooled", [False, True])
def test_a_notice_is_as_large_as_it_has_to_be(queue: Queue, tmp_path: Path, spooled: bool) -> None:
    """Refused, it would be refused each time that it is made: message_size_limit is for those who can send less."""
    with cleanup(tmp_path, "message_size_limit = 1000") as worker:
        reply = submit(worker, queue, BODY + b"x" * 1000, spooled=spooled, flags=CLEANUP_NOTICE)
        assert reply.code == 250
        assert len(stored(queue, reply.queue_id)[0]) > 1000


@pytest.mark.parametrize("spooled", [False, True])
def test_a_stray_carriage_return_becomes_a_space(queue: Queue, tmp_path: Path, spooled: bool) -> None:
    """cleanup_replace_stray_cr_lf: no smuggling on the way out."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, BODY + b"a\rb\r\n", spooled=spooled)
        assert stored(queue, reply.queue_id)[0] == BODY + b"a b \n"


def test_a_message_without_an_empty_line_gets_one(queue: Queue, tmp_path: Path) -> None:
    """Else the body would be taken for headers at the next hop."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, b"Received: r\nno header\nbody\n", context="remote")
        assert stored(queue, reply.queue_id)[0] == b"Received: r\n\nno header\nbody\n"


def test_qmgr_is_told_of_each_message(queue: Queue, tmp_path: Path) -> None:
    """The hint carries all that qmgr needs on the fast path."""
    with neighbour(tmp_path / "public" / "qmgr", lambda message: None) as told, cleanup(tmp_path) as worker:
        first = submit(worker, queue)
        second = submit(worker, queue)
        submit(worker, queue, hold="reason")
        third = submit(worker, queue, to=[f"u{number}@example.org" for number in range(300)])
        worker.stop()
    hints = [message for message in told if isinstance(message, Arrived)]
    assert [hint.queue_id for hint in hints] == [first.queue_id, second.queue_id, third.queue_id]
    assert hints[0].recipients == [Recipient("u@example.org", "u@example.org", position=0)]
    assert hints[0].content_length == len(BODY)
    assert hints[2].recipients is None
    assert hints[2].envelope.recipient_count == 300


def test_a_held_message_goes_to_hold(queue: Queue, tmp_path: Path) -> None:
    """Where qmgr does not look."""
    with cleanup(tmp_path) as worker:
        reply = submit(worker, queue, hold="reason")
        assert list(queue.scan("incoming")) == []
        assert stored(queue, reply.queue_id, "hold")[1] == ["u@example.org"]


def test_a_file_that_is_not_there_is_refused(queue: Queue, tmp_path: Path) -> None:
    """Another process gave a wrong id: nothing is written anywhere."""
    with cleanup(tmp_path) as worker:
        for queue_id in ("123456ABC", "../hold/ABCDEF"):
            reply = worker.call(Submit(queue_id, Envelope("a@b.c", 1.0, 0), [Recipient("d@e.f")], BODY), Submitted)
            assert isinstance(reply, Submitted)
            assert (reply.code, reply.status) == (451, "4.3.0")


def test_a_changed_table_ends_the_process(queue: Queue, tmp_path: Path) -> None:
    """The next one reads it anew; the message under way is not disturbed."""
    table = tmp_path / "virtual"
    table.write_text("a@example.org b@example.org\n")
    with cleanup(tmp_path, f"virtual_alias_maps = texthash:{table}") as worker:
        assert stored(queue, submit(worker, queue, to=["a@example.org"]).queue_id)[1] == ["b@example.org"]
        table.write_text("a@example.org c@example.org, d@example.org\n")
        assert worker.channel is not None
        worker.channel.close()
        assert "has changed -- restarting" in worker.wait_for_line("has changed")
