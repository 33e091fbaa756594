"""procmail and maildrop as mailbox_command of local, for a real Unix user.

Setup: local as root, the user "games" with a home of the test's own. Path: request, command, mailbox file. Check: the
program found its rules and its extension in the environment, and wrote as the user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "daemons"))

from fake_rewrite import rewrite_service
from harness import make_queue_directory, run_worker
from mail_agents import CONTENT, deliver, enqueue, reachable_directory, verbs

from pyfix.base import accounts
from pyfix.daemons.local.daemon import SERVICE

IS_ROOT = os.getuid() == 0
USER = "games"
HOST = "example.test"

PROCMAILRC = """MAILDIR=%(home)s
DEFAULT=%(home)s/inbox
ARG=$1
:0:
* ARG ?? ^box$
box
"""
MAILFILTER = """if ($EXTENSION eq "box")
{
  to "%(home)s/box"
}
to "%(home)s/inbox"
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, for local; the programs themselves are told by HOME and absolute paths."""
    entry = pwd.getpwnam(USER)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    moved = pwd.struct_passwd((*entry[:5], str(home), "/bin/sh"))
    real = accounts.find_user
    monkeypatch.setattr(accounts, "find_user", lambda name: moved if name == USER else real(name))
    return home


def run_local(home: Path, tmp_path: Path, command: str, rules: str) -> None:
    """Deliver to the user and to the user's extension."""
    file = home / "rules"
    file.write_text(rules % {"home": home})
    file.chmod(0o600)
    entry = pwd.getpwnam(USER)
    os.chown(file, entry.pw_uid, entry.pw_gid)
    make_queue_directory(tmp_path)
    text = f"alias_maps =\nbiff = no\nrecipient_delimiter = +\nmailbox_command = {command}\n"
    with rewrite_service(tmp_path), run_worker(SERVICE, text, tmp_path, name="local") as worker:
        for address in (f"{USER}@{HOST}", f"{USER}+box@{HOST}"):
            answer = deliver(worker, enqueue(tmp_path, [address]))
            assert verbs(answer) == [], worker.log_lines()
        assert worker.wait_for_line(f"status=sent (delivered to command: {command})")
    for name in ("inbox", "box"):
        mailbox = home / name
        assert mailbox.read_bytes().startswith(b"From sender@example.test ")
        assert CONTENT.splitlines()[-1] in mailbox.read_bytes()
        assert mailbox.stat().st_uid == entry.pw_uid
    assert b"\nDelivered-To: games+box@example.test\n" in (home / "box").read_bytes()


@pytest.mark.root
@pytest.mark.peer("procmail")
@pytest.mark.skipif(not IS_ROOT, reason="needs root to deliver as the user")
@pytest.mark.skipif(shutil.which("procmail") is None, reason="procmail is not installed")
def test_procmail_delivers_by_its_rules(home: Path, tmp_path: Path) -> None:
    """-a "$EXTENSION" is the shell's to expand."""
    run_local(home, tmp_path, '/usr/bin/procmail -a "$EXTENSION" $HOME/rules', PROCMAILRC)


@pytest.mark.root
@pytest.mark.peer("maildrop")
@pytest.mark.skipif(not IS_ROOT, reason="needs root to deliver as the user")
@pytest.mark.skipif(shutil.which("maildrop") is None, reason="maildrop is not installed")
def test_maildrop_delivers_by_its_filter(home: Path, tmp_path: Path) -> None:
    """It reads EXTENSION from the environment."""
    run_local(home, tmp_path, "/usr/bin/maildrop $HOME/rules", MAILFILTER)
