"""Programs that people send mail with, and programs that mail is handed to."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from instance import Instance, mail, wait_until

pytestmark = pytest.mark.system


@pytest.mark.peer("swaks")
def test_swaks_delivers(running: Instance, need: Callable[[str], str]) -> None:
    """The usual first test of a mail server."""
    command = [need("swaks"), "--server", "127.0.0.1", "--port", str(running.port), "--to", running.address]
    command += ["--from", "me@client.test", "--helo", "client.test", "--header", "Subject: from swaks"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout
    assert "<-  250 2.0.0 Ok: queued as " in result.stdout
    (message,) = running.wait_for_mail()
    assert message["Subject"] == "from swaks"


@pytest.mark.peer("swaks")
def test_swaks_hears_of_unknown_user(running: Instance, need: Callable[[str], str]) -> None:
    """swaks's exit status 24: RCPT was refused."""
    command = [need("swaks"), "--server", "127.0.0.1", "--port", str(running.port), "--to", "nobody@example.test"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 24
    assert "550 5.1.1 <nobody@example.test>: Recipient address rejected" in result.stdout


@pytest.mark.peer("smtp-source")
def test_smtp_source_over_many_connections(running: Instance, need: Callable[[str], str]) -> None:
    """Postfix's own load generator: 20 sessions at once, a connection a message."""
    command = [
        need("smtp-source"),
        "-s",
        "20",
        "-m",
        "300",
        "-l",
        "4000",
        "-f",
        "me@client.test",
        "-t",
        running.address,
    ]
    result = subprocess.run(
        [*command, f"127.0.0.1:{running.port}"], capture_output=True, text=True, check=False, timeout=100
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(running.wait_for_mail(300, deadline_s=60)) == 300


def ordinary_user() -> pwd.struct_passwd:
    """Return a Unix user with a home of its own, or skip."""
    for entry in pwd.getpwall():
        if (
            1000 <= entry.pw_uid < 60000
            and os.path.isdir(entry.pw_dir)
            and os.stat(entry.pw_dir).st_uid == entry.pw_uid
        ):
            return entry
    return pytest.skip("needs an ordinary Unix user with a home directory")


@pytest.fixture
def local(instance: Instance) -> Instance:
    """An instance that delivers to Unix users below a spool directory of its own."""
    boxes = instance.directory / "boxes"
    boxes.mkdir()
    boxes.chmod(0o1777)
    instance.set(mydestination="local.test", mail_spool_directory=f"{boxes}/", local_recipient_maps="")
    return instance


def wait_for_box(box: Path, text: str) -> str:
    """Wait until an mbox has the text, and return all of it."""
    return wait_until(lambda: box.exists() and text in box.read_text() and box.read_text(), f"{text!r} in {box}")


@pytest.mark.root
def test_unix_user_gets_mail_in_an_mbox_of_his_own(local: Instance) -> None:
    """Delivered with the recipient's rights, in mbox form."""
    user = ordinary_user()
    local.set(mail_spool_directory=str(local.directory / "boxes"))
    local.start()
    local.send(f"{user.pw_name}@local.test", mail("to a user", "From here on\n"))
    box = local.directory / "boxes" / user.pw_name
    text = wait_for_box(box, "From here on")
    assert text.startswith("From sender@client.test  ")
    assert "\n\n>From here on\n" in text
    assert box.stat().st_uid == user.pw_uid
    assert box.stat().st_mode & 0o077 in (0, 0o60)


@pytest.mark.root
@pytest.mark.peer("procmail")
def test_procmail_as_mailbox_command(local: Instance, need: Callable[[str], str]) -> None:
    """procmail runs as the recipient and files the message."""
    user = ordinary_user()
    box = local.directory / "boxes" / "by-procmail"
    local.set(mailbox_command=f'{need("procmail")} -a "$EXTENSION" DEFAULT={box} ORGMAIL={box} LOGFILE=/dev/null')
    local.start()
    local.send(f"{user.pw_name}@local.test", mail("filed", "by procmail\n"))
    text = wait_for_box(box, "by procmail")
    assert "Subject: filed\n" in text
    assert box.stat().st_uid == user.pw_uid
    local.wait_for_log(r"status=sent \(delivered to command: ")


@pytest.mark.root
@pytest.mark.peer("maildrop")
def test_maildrop_through_pipe(local: Instance, need: Callable[[str], str]) -> None:
    """A pipe service of any name runs maildrop as the user that it names."""
    user = ordinary_user()
    box = local.directory / "boxes" / "by-maildrop"
    rules = local.directory / "rules"
    rules.write_text(f'to "{box}"\n')
    rules.chmod(0o600)
    os.chown(rules, user.pw_uid, user.pw_gid)
    local.add_service(
        f"drop unix - n n - - pipe flags=DRXhu user={user.pw_name} argv={need('maildrop')} {rules}"
    )  # fmt: skip
    local.set(mydestination="", transport_maps="inline:{local.test=drop}", relay_domains="local.test")
    local.start()
    local.send(f"{user.pw_name}@local.test", mail("dropped", "by maildrop\n"))
    assert "Subject: dropped\n" in wait_for_box(box, "by maildrop")
    local.wait_for_log(r"relay=drop, .*status=sent \(delivered via drop service\)")
