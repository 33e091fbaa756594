"""What all delivery agents have in common, whatever they deliver to."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_cleanup import FakeCleanup
from fake_rewrite import rewrite_service
from harness import make_queue_directory, run_worker
from mail_agents import deliver, enqueue, reachable_directory, verbs

from pyfix.daemons.discard.daemon import SERVICE as DISCARD
from pyfix.daemons.error.daemon import SERVICE as ERROR
from pyfix.daemons.local import daemon as local
from pyfix.daemons.pipe import daemon as pipe
from pyfix.daemons.virtual import daemon as virtual
from pyfix.mail.ipc.messages import Deliver, Submit
from pyfix.mail.queue import Queue
from pyfix.service.service import AnyService

USER = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
PIPE = [f"user={USER}", "argv=/bin/true"]
VIRTUAL = "virtual_mailbox_maps = inline:{known@b.test=box/}\n" + "".join(
    f"virtual_{kind}_maps = static:2525\n" for kind in ("uid", "gid")
)
AGENTS: list[tuple[AnyService, list[str]]] = [
    (virtual.SERVICE, []), (local.SERVICE, []), (pipe.SERVICE, PIPE), (ERROR, []), (DISCARD, []),
]  # fmt: skip
Handler = Callable[..., object]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def settings(root: Path) -> str:
    """A configuration that every agent starts with."""
    owner = "daemon" if os.getuid() == 0 else USER
    return f"mail_owner = {owner}\nalias_maps =\nbiff = no\nvirtual_mailbox_base = {root}\n{VIRTUAL}"


def spread(root: Path, request: Deliver) -> None:
    """Move the message to where it lies when active is in hash_queue_names with two levels."""
    plain = Queue(str(root)).path("active", request.queue_id)
    hashed = Queue(str(root), hash_names=("active",), hash_depth=2).path("active", request.queue_id)
    os.makedirs(os.path.dirname(hashed))
    os.rename(plain, hashed)


@pytest.mark.parametrize(("service", "argv"), AGENTS, ids=lambda value: getattr(value, "program", ""))
def test_queue_is_where_the_configuration_says(tmp_path: Path, service: AnyService, argv: list[str]) -> None:
    """hash_queue_names and hash_queue_depth: the file is opened, and its recipients get a verdict."""
    text = settings(tmp_path) + "hash_queue_names = active\nhash_queue_depth = 2\n"
    with run_worker(service, text, tmp_path, name=service.program, argv=argv) as worker:
        request = enqueue(tmp_path, ["nosuch@b.test"])
        spread(tmp_path, request)
        deliver(worker, request)
        assert worker.wait_for_line(f"{request.queue_id}: to=<nosuch@b.test>")


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    ("service", "parameter"),
    [
        (virtual.SERVICE, "virtual_delivery_status_filter"),
        (local.SERVICE, "local_delivery_status_filter"),
        (pipe.SERVICE, "pipe_delivery_status_filter"),
    ],
)
def test_status_of_a_delivery_can_be_replaced(tmp_path: Path, service: AnyService, parameter: str, own: bool) -> None:
    """By the filter of the agent, or by that of all; pipe is successful here, the others do not know the user."""
    table = tmp_path / "filter"
    table.write_text("/^5\\.1\\.1 / 4.1.9 come back\n/^2\\.0\\.0 / 2.1.9 went well\n")
    name = parameter if own else "default_delivery_status_filter"
    text = settings(tmp_path) + f"{name} = regexp:{table}\n"
    argv = PIPE if service is pipe.SERVICE else []
    with run_worker(service, text, tmp_path, name=service.program, argv=argv) as worker:
        request = enqueue(tmp_path, ["nosuch@b.test"])
        answer = deliver(worker, request)
        expected = "status=sent (went well)" if service is pipe.SERVICE else "status=deferred (come back)"
        assert worker.wait_for_line(expected)
        failed = [("nosuch@b.test", "deferred", "4.1.9")]
        assert verbs(answer) == ([] if service is pipe.SERVICE else failed)


@pytest.mark.parametrize("service", [virtual.SERVICE, local.SERVICE, pipe.SERVICE], ids=lambda value: value.program)
def test_unforeseen_exception_defers_the_recipient(
    tmp_path: Path, service: AnyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives, and the next message is its own affair."""

    def fail(*unused: object, **options: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(virtual.MaildirWriter, "begin", fail)
    monkeypatch.setattr(local.Expansion, "recipient", fail)
    monkeypatch.setattr(pipe, "run", fail)
    argv = PIPE if service is pipe.SERVICE else []
    with run_worker(service, settings(tmp_path), tmp_path, name=service.program, argv=argv) as worker:
        for _ in range(2):
            request = enqueue(tmp_path, ["known@b.test"])
            assert verbs(deliver(worker, request)) == [("known@b.test", "deferred", "4.3.0")]
        line = worker.wait_for_line(f"{request.queue_id}: unexpected error: ZeroDivisionError: a bug in ")
        assert worker.wait_for_line("status=deferred (unknown mail system error)")
    assert "test_agents.py:" in line


@dataclass
class OwnedFiles(FakeCleanup):
    """A cleanup that looks at whose files it gets."""

    owners: list[tuple[int, int]] = field(default_factory=list)

    def _keep(self, request: Submit) -> None:
        status = os.stat(Queue(str(self.directory)).path("incoming", request.queue_id))
        self.owners.append((status.st_uid, status.st_gid))
        super()._keep(request)


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be somebody else")
def test_forwarded_message_is_a_file_of_the_mail_owner(tmp_path: Path) -> None:
    """cleanup, which has no other rights, must be able to take it over."""
    owner = pwd.getpwnam("daemon")
    table = tmp_path / "aliases"
    table.write_text("info far@relay.test\n")
    text = settings(tmp_path) + f"alias_maps = texthash:{table}\n"
    make_queue_directory(tmp_path)
    with (
        rewrite_service(tmp_path),
        OwnedFiles(tmp_path) as cleanup,
        run_worker(local.SERVICE, text, tmp_path, name="local") as worker,
    ):
        os.chown(tmp_path / "incoming", owner.pw_uid, owner.pw_gid)
        assert deliver(worker, enqueue(tmp_path, ["info@example.test"])).outcomes == []
    assert cleanup.owners == [(owner.pw_uid, owner.pw_gid)]
