"""local as one of many: forwarding goes through the queue, and failures reach whoever has to know.

Setup: a private instance of root's with one virtual mailbox, a local domain, and a table of aliases.
Path: SMTP, qmgr, local, and from there through cleanup into the queue again, or through bounce.
Check: what lies in the mailbox, and the log.
"""

from __future__ import annotations

import os
import re
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from instance import Instance, mail, wait_until

pytestmark = [pytest.mark.system, pytest.mark.root]
LOCAL = "local.test"


def start(instance: Instance, **aliases: str) -> Path:
    """Start it with these aliases; return the folder where users have their .forward files."""
    folder = instance.directory / "lists"
    folder.mkdir()
    folder.chmod(0o755)
    table = folder / "aliases"
    table.write_text("".join(f"{name} {value}\n" for name, value in aliases.items()))
    instance.set(
        mydestination=LOCAL,
        myorigin=LOCAL,
        local_recipient_maps="",
        alias_maps=f"texthash:{table}",
        forward_path=f"{folder}/$user.forward",
        biff="no",
    )
    instance.start()
    return folder


def spares(instance: Instance) -> int:
    """How many spare queue files there are."""
    return len(os.listdir(instance.spool / "spare"))


def test_alias_forwards_to_a_mailbox(instance: Instance) -> None:
    """A new message that cleanup can take over, the first time and when its file is a spare one."""
    start(instance, info=instance.address)
    for count in (1, 2, 3):
        queue_id = instance.send(f"info@{LOCAL}")
        forwarded = instance.wait_for_log(rf"{queue_id}: to=<info@{LOCAL}>, .* status=sent \(forwarded as (\w+)\)")
        assert len(instance.wait_for_mail(count)) == count
        instance.wait_for_log(f"{forwarded[1]}: removed")
        wait_until(lambda: spares(instance) > 0, "a spare file")
    assert "status=deferred" not in instance.log
    owner = (instance.spool / "incoming").stat().st_uid
    assert {path.stat().st_uid for path in (instance.spool / "spare").iterdir()} == {owner}
    instance.wait_until_empty()


def test_forward_file_leads_to_a_mailbox(instance: Instance) -> None:
    """A large message as well: it is spooled into the new queue file."""
    folder = start(instance)
    path = folder / "nobody.forward"
    path.write_text(f"{instance.address}\n")
    path.chmod(0o644)
    body = "0123456789abcdef\n" * 40_000
    instance.send(f"nobody@{LOCAL}", mail(body=body))
    (message,) = instance.wait_for_mail()
    assert message["Delivered-To"] == instance.address
    assert f"Delivered-To: nobody@{LOCAL}" in str(message)
    assert message.get_payload() == body
    instance.wait_until_empty()


def test_failure_in_a_list_is_told_to_its_owner(instance: Instance) -> None:
    """Not to the sender: neither what fails here at once, nor what fails after it was forwarded."""
    start(
        instance,
        friends=f'"|exit 67", nosuch@{LOCAL}, {instance.address}',
        **{"owner-friends": instance.address},
    )
    instance.send(f"friends@{LOCAL}", mail("for friends"), sender=f"sender@{LOCAL}")
    messages = instance.wait_for_mail(3)
    notices = [message for message in messages if message["Subject"] == "Undelivered Mail Returned to Sender"]
    assert [notice["To"] for notice in notices] == [f"owner-friends@{LOCAL}"] * 2
    instance.wait_until_empty()
    assert len(re.findall("sender non-delivery notification", instance.log)) == 2
    assert f"to=<sender@{LOCAL}>" not in instance.log
    assert {str(report_of(notice)["Status"]) for notice in notices} == {"5.1.1"}


def test_sender_and_owner_hear_what_is_theirs(instance: Instance) -> None:
    """One message to a list and to a command: two notices, one failure in each, whatever NOTIFY says of the list."""
    start(
        instance, friends='"|exit 67"', broken='"|exit 70"', back=instance.address,
        **{"owner-friends": instance.address},
    )  # fmt: skip
    client = instance.connect()
    client.smtp.docmd("MAIL", f"FROM:<back@{LOCAL}>")
    client.smtp.docmd("RCPT", f"TO:<friends@{LOCAL}> NOTIFY=NEVER")
    client.smtp.docmd("RCPT", f"TO:<broken@{LOCAL}>")
    client.smtp.data(mail("for both"))
    client.close()
    notices = instance.wait_for_mail(2)
    told = {str(notice["To"]): str(report_of(notice)["Status"]) for notice in notices}
    assert told == {f"owner-friends@{LOCAL}": "5.1.1", f"back@{LOCAL}": "5.3.0"}
    instance.wait_until_empty()


def report_of(notice: Message) -> Message:
    """Return the fields about the one recipient of a notice."""
    parts: Any = notice.get_payload()
    _, about = parts[1].get_payload()
    assert isinstance(about, Message)
    return about
