"""Mailboxes to read, what is done to them, and Dovecot's POP3 server on the same files."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pyfix.mail.mailbox.reading import ReadableMailbox, open_mailbox

MESSAGE = b"From: a@example.test\nSubject: one\n\nHello\n"
"""Four line ends."""
FROM_LINE = b"From a@example.test  Thu Nov 29 22:33:52 2001\n"


class MaildirSite:
    """Puts files into a Maildir, and opens it as a session does."""

    def __init__(self, root: Path) -> None:
        """Make the directories."""
        self.root = root
        self.location = f"maildir:{root}/"
        self._open: list[ReadableMailbox] = []
        for name in ("tmp", "new", "cur"):
            (root / name).mkdir(parents=True)

    def put(self, name: str, content: bytes = MESSAGE) -> Path:
        """Write a file, `name` is its path below the Maildir."""
        path = self.root / name
        path.write_bytes(content)
        return path

    def session(self, *, lock: bool = False) -> ReadableMailbox:
        """Open the mailbox, measured; closed at the end of the test if not before."""
        mailbox = open_mailbox(self.location, lock=lock)
        self._open.append(mailbox)
        assert mailbox.measure()
        return mailbox

    def close(self) -> None:
        """Close what is open."""
        for mailbox in self._open:
            mailbox.close()


class MboxSite:
    """The same for an mbox file."""

    def __init__(self, path: Path) -> None:
        """Make no file yet."""
        self.path = path
        self.location = f"mbox:{path}"
        self._open: list[ReadableMailbox] = []

    def write(self, *messages: bytes) -> None:
        """Make the file of these contents."""
        self.path.write_bytes(b"".join(FROM_LINE + message + b"\n" for message in messages))

    def session(self, *, lock: bool = False) -> ReadableMailbox:
        """Open the mailbox; closed at the end of the test if not before."""
        mailbox = open_mailbox(self.location, lock=lock)
        self._open.append(mailbox)
        assert mailbox.measure()
        return mailbox

    def close(self) -> None:
        """Close what is open."""
        for mailbox in self._open:
            mailbox.close()


def read_message(mailbox: ReadableMailbox, number: int) -> bytes:
    """Return a message whole."""
    with mailbox.open(number) as stream:
        return b"".join(stream.chunks())


_DOVECOT = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = /dev/stderr
protocols = pop3
ssl = no
mail_location = {location}
first_valid_uid = 0
mail_uid = {uid}
mail_gid = {gid}
"""


def ask_dovecot(folder: Path, location: str, commands: Iterable[str]) -> list[bytes]:
    """Run Dovecot's POP3 server on the mailbox, as nobody; return all lines of the answer.

    `folder` is Dovecot's own; it is made accessible with all above it, as is the mailbox.
    """
    nobody = pwd.getpwnam("nobody")
    folder.mkdir(exist_ok=True)
    form, _, name = location.partition(":")
    path = Path(name)
    for top in (folder, path if form == "maildir" else path.parent):
        _hand_over(top, nobody.pw_uid, nobody.pw_gid)
    where = f"maildir:{path}" if form == "maildir" else f"mbox:{folder}/mail:INBOX={path}"
    config = folder / "dovecot.conf"
    config.write_text(_DOVECOT.format(dir=folder, location=where, uid=nobody.pw_uid, gid=nobody.pw_gid))
    done = subprocess.run(
        ["doveadm", "-c", str(config), "exec", "pop3"],
        input="".join(f"{line}\r\n" for line in (*commands, "QUIT")).encode(),
        capture_output=True,
        timeout=30,
        check=False,
        env={**os.environ, "USER": "nobody", "HOME": str(folder)},
    )
    assert b"Logging out" in done.stdout, done.stdout + done.stderr
    return done.stdout.split(b"\r\n")


def _hand_over(top: Path, uid: int, gid: int) -> None:
    for path in (top, *top.rglob("*")):
        os.chown(path, uid, gid)
    for parent in top.parents:
        if parent.stat().st_uid == os.geteuid() and str(parent) not in ("/", "/tmp"):
            parent.chmod(parent.stat().st_mode | 0o755)
