"""Services that are named and not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.commands.check.routes import Pipe, check_routes, find_broken_pipes, read_pipe
from pyfix.commands.check.routes import Reference as Ref
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse

MASTER_CF = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
showq unix n - n - - showq
smtp unix - - n - - smtp
local unix - n n - - local
maildrop unix - n n - - pipe
  flags=DRXhu user=nobody argv=/no/such/maildrop -d ${recipient}
"""


def told(main_cf: str, master_cf: str = MASTER_CF) -> list[str]:
    config = Config.from_text(f"compatibility_level = 3.7\nmydestination = example.com\n{main_cf}")
    return [str(finding) for finding in check_routes(config, parse(master_cf.splitlines(), "master.cf"))]


def test_services_that_are_there_or_that_nobody_needs_are_passed_over() -> None:
    """virtual and relay are missing, and there is no domain for them; the pipe is broken, and nobody refers to it."""
    assert told("transport_maps = inline:{a.example=smtp:[b.example], c.example=:, d.example=local}\n") == []


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("default_transport = smpt", "default_transport: smpt"),
        ("local_transport = lmtp:unix:/run/dovecot/lmtp", "local_transport: lmtp"),
        ("mailbox_transport = dovecot", "mailbox_transport: dovecot"),
        ("transport_maps = inline:{.example.com=relay:[b.example]}", "transport_maps: .example.com relay"),
    ],
)
def test_transport_that_is_missing(setting: str, text: str) -> None:
    """In a parameter and in a table, with the key."""
    service = text.split()[-1]
    assert told(f"{setting}\n") == [
        f"error: /etc/pyfix/main.cf, line 3: {text}: master.cf has no service {service}: mail for it is deferred;"
        " correct the name, or add the service"
    ]


def test_default_transport_of_a_class_that_has_domains() -> None:
    """Without a line in main.cf that names it."""
    assert told("relay_domains = example.org\n") == [
        "error: /etc/pyfix/main.cf: relay_transport: relay: master.cf has no service relay: mail for it is deferred;"
        " correct the name, or add the service"
    ]


def test_service_of_the_mail_system_that_is_missing() -> None:
    """Nobody would write bounces."""
    assert told("", MASTER_CF.replace("defer unix - - n - 0 bounce\n", "")) == [
        "error: /etc/pyfix/main.cf: defer_service_name: defer: master.cf has no service defer: mail does not get"
        " through; correct the name, or add the service"
    ]


def test_quotas_without_the_service_that_knows_of_full_mailboxes() -> None:
    """It costs bounces, no mail; and who has turned the question off needs none."""
    limits = "virtual_mailbox_limit_maps = static:1000S\n"
    assert told(limits) == [
        "note: /etc/pyfix/main.cf: quota_status_service_name: quota-status: master.cf has no service quota-status: mail"
        ' for full mailboxes is taken, and then returned; add "quota-status unix - n n - - quota-status" to master.cf'
    ]
    assert told(limits + "smtpd_reject_overquota_recipient = no\n") == []
    assert told(limits, MASTER_CF + "quota-status unix - n n - - quota-status\n") == []


def test_pipe_whose_command_or_user_is_missing() -> None:
    """As soon as somebody refers to it."""
    assert told("mailbox_transport = maildrop\n") == [
        "error: master.cf: line 11: service maildrop: /no/such/maildrop is no program: mail for it is deferred;"
        " install it, or correct argv="
    ]
    entries = {entry.name: entry for entry in parse(MASTER_CF.splitlines(), "master.cf")}
    found = find_broken_pipes([Ref("x", "", "maildrop")] * 2, entries, lambda path: True, lambda name: False)
    assert [str(item) for item in found] == [
        "error: master.cf: line 11: service maildrop: unknown user nobody: mail for it is deferred; make the user, or"
        " correct user="
    ]


def test_arguments_of_the_command_are_no_attributes() -> None:
    """What stands behind argv= is the command's."""
    words = ["flags=R", "user=vmail:mail", "argv=/usr/bin/deliver", "-f", "user=x"]
    assert read_pipe(words) == Pipe("/usr/bin/deliver", "vmail")


def test_mailbox_command_that_is_missing(tmp_path: Path) -> None:
    """A name without a path is left to the shell."""
    assert told("mailbox_command = procmail -a x\n") == []
    program = tmp_path / "procmail"
    program.write_text("#!/bin/sh\n")
    expected = (
        f"error: /etc/pyfix/main.cf, line 3: mailbox_command: {program} is no program: mail for Unix users is deferred;"
        " install it, or correct the line"
    )
    assert told(f"mailbox_command = {program} -a x\n") == [expected]
    program.chmod(0o755)
    assert told(f"mailbox_command = {program} -a x\n") == []
