"""Quotas of accounts, from `pyfix user` to the answer at RCPT TO.

Setup: `pyfix init`, which puts them in force. Path: mail until the mailbox is full. Check: the owner is warned, smtpd
refuses what has no room, nothing is returned, and mail comes in again once there is room.
"""

from __future__ import annotations

import json
import smtplib

import pytest
from instance import Instance, wait_until

pytestmark = pytest.mark.system

TEXT = "Sorry, the user's maildir has overdrawn his diskspace quota, please Tidy your mailbox and try again later."


def shown(system: Instance, *args: str) -> dict[str, object]:
    """Return what `pyfix quota` says of the one mailbox."""
    result = system.pyfix("quota", *args, "--json")
    assert result.returncode == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert isinstance(row, dict)
    return row


def replies(system: Instance, option: str) -> tuple[int, str]:
    """Return the answer to RCPT TO behind a MAIL FROM with this option."""
    with smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.test", timeout=30) as client:
        client.ehlo()
        client.mail("sender@client.test", [option])
        code, text = client.rcpt(system.address)
        return code, text.decode()


def test_full_mailbox_is_refused_and_its_owner_warned(instance: Instance) -> None:
    """552 behind RCPT TO, with the announced size or without; 250 again after mail was removed."""
    instance.set(virtual_maildir_limit_message=TEXT)
    result = instance.pyfix("user", "set", instance.address, "--quota", "20K")
    assert result.returncode == 0, result.stderr
    instance.start()
    instance.send(content=b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 240)
    instance.wait_for_mail(2)  # the warning is the second
    assert instance.wait_for_log(rf"quota warning: to=<{instance.address}>, percent=80, maildir=")
    row = shown(instance, "show", instance.address)
    assert (row["limit"], row["messages"], row["by"]) == (20480, 2, "virtual_mailbox_limit_maps")
    assert replies(instance, "SIZE=15000") == replies(instance, "SIZE=25000") == (
        552, f"5.2.2 <{instance.address}>: Recipient address rejected: {TEXT}"
    )  # fmt: skip
    assert replies(instance, "SIZE=100") == (250, "2.1.5 Ok")
    for path in instance.maildir().iterdir():
        path.unlink()
    row = shown(instance, "recount", "--all")
    assert (row["used"], row["messages"], row["percent"]) == (0, 0, 0.0)
    instance.send()
    wait_until(lambda: len(instance.messages()) == 1, "one message")
    assert not instance.queue_files("deferred")
