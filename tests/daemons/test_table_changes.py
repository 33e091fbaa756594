"""Every process that asks tables notices an edit without a reload, whatever the type of file.

Postfix notices a new index; texthash, regexp, pcre and cidr files need `postfix reload` there. Here all are noticed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import RunningWorker, run_worker
from indexes import build_index

from pyfix.daemons.cleanup.daemon import SERVICE as CLEANUP
from pyfix.daemons.local.daemon import SERVICE as LOCAL
from pyfix.daemons.pickup.daemon import SERVICE as PICKUP
from pyfix.daemons.proxymap.daemon import SERVICE as PROXYMAP
from pyfix.daemons.showq.daemon import SERVICE as SHOWQ
from pyfix.daemons.smtp.daemon import SERVICE as SMTP
from pyfix.daemons.smtpd.daemon import SERVICE as SMTPD
from pyfix.daemons.trivial_rewrite.daemon import SERVICE as TRIVIAL_REWRITE
from pyfix.daemons.virtual.daemon import SERVICE as VIRTUAL
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import ProxyAnswer, ProxyOpen
from pyfix.mail.maps import MatchList, open_maps
from pyfix.mail.maps.cdb_writer import CdbWriter
from pyfix.service.service import AnyService

BASE = """
alias_maps =
local_recipient_maps =
mydestination = local.test
mynetworks = 127.0.0.0/8
virtual_mailbox_base = /
virtual_uid_maps = static:1234
virtual_gid_maps = static:1234
"""


def write_text(path: Path, value: str) -> None:
    """Write a text table; an editor puts a new file in the place of the old one."""
    scratch = path.with_suffix(".scratch")
    scratch.write_text(f"{value} {value}\n")
    scratch.rename(path)


def write_patterns(path: Path, value: str) -> None:
    """Write a table of patterns where it is."""
    path.write_text(f"/{value}/ {value}\n")


def write_networks(path: Path, value: str) -> None:
    """Write a table of networks."""
    path.write_text(f"192.0.2.{len(value)} {value}\n")


def write_index(path: Path, value: str) -> None:
    """Run postmap."""
    build_index(f"{path}.db", [(value, value)])


def write_lmdb(path: Path, value: str) -> None:
    """Run postmap."""
    build_index(f"{path}.lmdb", [(value, value)])


def write_cdb(path: Path, value: str) -> None:
    """Run postmap."""
    with CdbWriter(f"{path}.cdb") as writer:
        writer.add(value, value)
        writer.commit()


WRITERS: dict[str, Callable[[Path, str], None]] = {
    "hash": write_index,
    "btree": write_index,
    "lmdb": write_lmdb,
    "cdb": write_cdb,
    "texthash": write_text,
    "regexp": write_patterns,
    "pcre": write_patterns,
    "cidr": write_networks,
}


@dataclass(frozen=True)
class Case:
    """A process and a parameter whose tables it asks."""

    service: AnyService
    setting: str
    """With {} for the tables."""
    name: str = ""
    """Of the service, where it matters."""


CASES = [
    Case(SMTPD, "smtpd_recipient_restrictions = check_client_access {}, reject_unauth_destination"),
    Case(CLEANUP, "virtual_alias_maps = {}"),
    Case(TRIVIAL_REWRITE, "transport_maps = {}"),
    Case(LOCAL, "alias_maps = {}"),
    Case(VIRTUAL, "virtual_mailbox_maps = {}"),
    Case(SMTP, "smtp_generic_maps = {}"),
    Case(PICKUP, "authorized_submit_users = {}"),
    Case(SHOWQ, "authorized_mailq_users = {}"),
    Case(PROXYMAP, "proxy_read_maps = proxy:{}", "proxymap"),
]


SLOW = (SMTPD, SMTP)
"""They look every five seconds."""
PAIRS = [(case, kind) for case in CASES for kind in ("hash", "regexp") if kind == "regexp" or case.service not in SLOW]


@pytest.mark.parametrize(("case", "kind"), PAIRS, ids=[f"{case.service.program}-{kind}" for case, kind in PAIRS])
def test_process_notices_an_edit_and_makes_room_for_another(tmp_path: Path, case: Case, kind: str) -> None:
    """It says so in Postfix's words, and ends."""
    path = tmp_path / "table"
    WRITERS[kind](path, "old")
    main_cf = BASE + case.setting.format(f"{kind}:{path}")
    with run_worker(case.service, main_cf, tmp_path, name=case.name or "test", inet=case.service is SMTPD) as worker:
        ready(worker, case, f"{kind}:{path}")
        WRITERS[kind](path, "newer")
        assert worker.wait_for_line("has changed -- restarting")
        assert worker.stop() == 0


def ready(worker: RunningWorker, case: Case, table: str) -> None:
    """Wait until the process has opened its tables: proxymap when it is asked for one, the others before they serve."""
    if case.service is PROXYMAP:
        worker.call(ProxyOpen(table), ProxyAnswer)
    elif case.service is not SMTPD:
        worker.connect()
    else:
        wait_for_status(worker)


def wait_for_status(worker: RunningWorker) -> None:
    """Wait until the process tells the master that it is free."""
    assert worker.status.recv(64)


@pytest.mark.parametrize("kind", WRITERS)
def test_table_of_each_type_notices_an_edit(tmp_path: Path, kind: str) -> None:
    """Also as a part of another table, and in a list."""
    path = tmp_path / "table"
    WRITERS[kind](path, "old")
    config = Config.from_text("")
    table = f"{kind}:{path}"
    opened = [
        open_maps([table], "test_maps", config),
        open_maps([f"pipemap:{{static:x,{table}}}"], "test_maps", config),
        open_maps([f"debug:unionmap:{{{table}}}"], "test_maps", config),
        MatchList(table, "test_list", config),
    ]
    assert not any(tables.has_changed() for tables in opened)
    WRITERS[kind](path, "newer")
    assert all(tables.has_changed() for tables in opened)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can chroot")
def test_process_in_a_chroot_notices_an_edit_of_a_file_that_it_no_longer_sees(tmp_path: Path) -> None:
    """As Postfix does: by the file that it has open. Debian's master.cf has a chroot for most processes."""
    outside, inside = tmp_path / "outside", tmp_path / "jail"
    outside.mkdir()
    inside.mkdir()
    path = outside / "table"
    for write in (write_index, write_text):
        write(path, "old")
        table = f"{'hash' if write is write_index else 'texthash'}:{path}"
        pid = os.fork()
        if pid == 0:
            os._exit(changes_unseen(table, inside, lambda write=write: write(path, "newer")))  # type: ignore[misc]
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, table


def changes_unseen(table: str, jail: Path, edit: Callable[[], None]) -> int:
    """Return 0 when a table that was opened before the chroot counts as changed once somebody outside has edited it."""
    maps = open_maps([table], "test_maps", Config.from_text(""))
    reader, writer = os.pipe()
    editor = os.fork()
    if editor == 0:
        os.read(reader, 1)
        edit()
        os._exit(0)
    os.chroot(jail)
    os.chdir("/")
    if maps.has_changed():
        return 1
    os.write(writer, b"x")
    os.waitpid(editor, 0)
    return 0 if maps.has_changed() else 2
