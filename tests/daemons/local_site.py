"""A machine for the tests of local: Unix users, homes, a mail spool, aliases."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_cleanup import FakeCleanup
from fake_rewrite import FakeService, rewrite_service
from harness import RunningWorker, make_queue_directory, run_worker
from mail_agents import deliver, enqueue, left

from pyfix.base import accounts
from pyfix.daemons.local import users
from pyfix.daemons.local.daemon import SERVICE
from pyfix.mail.ipc.messages import Delivered

IS_ROOT = os.getuid() == 0
OWNER = "mail_owner = daemon\n" if IS_ROOT else ""


@dataclass
class Site:
    """A machine with two Unix users, alice and bob, and a mail spool."""

    root: Path
    uids: dict[str, int]
    main_cf: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    cleanup: FakeCleanup | None = None
    rewrite: FakeService | None = None

    @property
    def spool(self) -> Path:
        """Where mailboxes are."""
        return self.root / "spool"

    def home(self, name: str) -> Path:
        """A user's home directory."""
        return self.root / "home" / name

    def write(self, name: str, text: str, mode: int = 0o600, file: str = ".forward") -> Path:
        """Write a file that the user owns."""
        path = self.home(name) / file
        path.write_text(text)
        path.chmod(mode)
        if IS_ROOT:
            os.chown(path, self.uids[name], self.uids[name])
        return path

    @contextlib.contextmanager
    def running(self, overrides: str = "") -> Iterator[RunningWorker]:
        """Run local with its neighbours."""
        table = self.root / "aliases"
        table.write_text("".join(f"{name} {value}\n" for name, value in self.aliases.items()))
        text = (
            f"alias_maps = texthash:{table}\nmail_spool_directory = {self.spool}\nbiff = no\n"
            f"recipient_delimiter = +\n{OWNER}{self.main_cf}\n{overrides}\n"
        )
        make_queue_directory(self.root)
        if IS_ROOT:
            os.chown(self.root / "incoming", *pwd.getpwnam("daemon")[2:4])
        with (
            rewrite_service(self.root) as self.rewrite,
            FakeCleanup(self.root) as self.cleanup,
            run_worker(SERVICE, text, self.root, name="local") as worker,
        ):
            yield worker

    def deliver(self, worker: RunningWorker, *addresses: str, **more: object) -> Delivered:
        """Send one message to local users."""
        self.request = enqueue(self.root, [f"{address}@example.test" for address in addresses], **more)  # type: ignore[arg-type]  # passed on
        return deliver(worker, self.request)

    def done(self) -> bool:
        """True when no recipient of the last message is left."""
        return left(self.root, self.request) == []


def make_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Users exist in the forked worker only; without root both are the user that runs the tests."""
    uids = {"alice": 7001, "bob": 7002} if IS_ROOT else dict.fromkeys(("alice", "bob"), os.getuid())
    found = Site(tmp_path, uids)
    entries = {}
    for name, uid in uids.items():
        home = found.home(name)
        home.mkdir(parents=True, mode=0o700)
        gid = uid if IS_ROOT else os.getgid()
        if IS_ROOT:
            os.chown(home, uid, uid)
        entries[name] = pwd.struct_passwd((name, "x", uid, gid, name, str(home), "/bin/sh"))
    found.spool.mkdir()
    found.spool.chmod(0o1777)
    (tmp_path / "home").chmod(0o755)
    real = accounts.find_user, pwd.getpwuid
    by_uid = {entry.pw_uid: entry for entry in entries.values()}
    monkeypatch.setattr(accounts, "find_user", lambda name: entries.get(name) or real[0](name))
    monkeypatch.setattr(users.pwd, "getpwuid", lambda uid: by_uid.get(uid) or real[1](uid))
    return found
