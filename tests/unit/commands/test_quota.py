"""`pyfix quota` on mailboxes of this user's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyfix.commands.pyfix import main

MAIN_CF = """\
compatibility_level = 3.7
mydestination =
virtual_mailbox_base = {mail}
virtual_mailbox_maps = inline:{{a@x.test=a/, b@y.test=b, @x.test=rest/}}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit_override = yes
"""
LIMITS = "virtual_mailbox_limit_maps = inline:{{a@x.test=1000S,4C}, b@y.test=0}\n"


@pytest.fixture
def etc(reachable: Path) -> Path:
    """A configuration with a Maildir of 300 bytes in two messages, and an mbox of 700 bytes."""
    mail = reachable / "mail"
    (mail / "a" / "cur").mkdir(parents=True)
    (mail / "a" / "cur" / "1,S=100:2,S").write_bytes(b"x")
    (mail / "a" / "cur" / "2:2,S").write_bytes(b"x" * 200)
    (mail / "b").write_bytes(b"x" * 700)
    uid = os.getuid() or 2525
    if os.getuid() == 0:
        for path in (mail, *mail.rglob("*")):
            os.chown(path, uid, uid)
    (reachable / "main.cf").write_text(MAIN_CF.format(mail=mail, uid=uid, gid=uid))
    return reachable


def call(etc: Path, *args: str, lines: str = LIMITS) -> Result:
    """Run the command."""
    with open(etc / "main.cf", "a") as file:
        file.write(lines)
    return CliRunner().invoke(main, ["-c", str(etc), "quota", *args])


def rows(result: Result) -> dict[str, dict[str, object]]:
    """What JSON says, by address."""
    return {row["address"]: row for row in json.loads(result.stdout)}


def test_all_mailboxes_are_shown(etc: Path) -> None:
    """Those that the tables list; a catch-all is nobody's mailbox."""
    result = call(etc, "show", "--json")
    assert result.exit_code == 0, result.output
    assert rows(result) == {
        "a@x.test": {
            "address": "a@x.test", "path": f"{etc}/mail/a/", "used": 300, "messages": 2, "limit": 1000,
            "message_limit": 4, "percent": 50.0, "by": "virtual_mailbox_limit_maps", "problem": None,
        },
        "b@y.test": {
            "address": "b@y.test", "path": f"{etc}/mail/b", "used": 700, "messages": None, "limit": None,
            "message_limit": None, "percent": None, "by": "virtual_mailbox_limit_maps", "problem": None,
        },
    }  # fmt: skip


def test_table_for_people(etc: Path) -> None:
    """One line a mailbox."""
    lines = [line.split() for line in call(etc, "show", "--domain", "X.test").stdout.splitlines()]
    assert lines[0] == ["address", "used", "limit", "percent", "messages", "by"]
    assert " ".join(lines[2]) == "a@x.test 300 bytes 1000 bytes, 4 messages 50.0 2 virtual_mailbox_limit_maps"
    assert len(lines) == 3


def test_recount_mends_maildirsize(etc: Path) -> None:
    """After somebody has copied mail by hand."""
    size_file = etc / "mail" / "a" / "maildirsize"
    size_file.write_bytes(b"1000S,4C\n1 1\n")
    if os.getuid() == 0:
        os.chown(size_file, 2525, 2525)
    assert rows(call(etc, "show", "a@x.test", "--json"))["a@x.test"]["used"] == 1
    assert rows(call(etc, "recount", "A@x.test", "--json", lines=""))["a@x.test"]["used"] == 300
    assert size_file.read_bytes() == b"1000S,4C\n        300 2\n"


def test_without_quotas_sizes_are_shown(etc: Path) -> None:
    """And a maildirsize of another program is left alone."""
    (etc / "mail" / "a" / "maildirsize").write_bytes(b"5S\n1 1\n")
    row = rows(call(etc, "show", "a@x.test", "--json", lines=""))["a@x.test"]
    assert (row["used"], row["limit"], row["by"]) == (300, None, None)
    assert (etc / "mail" / "a" / "maildirsize").read_bytes() == b"5S\n1 1\n"


@pytest.mark.parametrize(
    ("args", "lines", "status", "text"),
    [
        (["recount"], "", 2, "specify addresses, --domain or --all"),
        (["show", "a@x.test", "--all"], "", 2, "specify addresses, --domain or --all"),
        (["show", "q@z.test"], "", 1, "pyfix: q@z.test: no such mailbox"),
        (
            ["show", "a@x.test"],
            "virtual_mailbox_limit_maps = static:x\n",
            1,
            "pyfix: a@x.test: recipient a@x.test: bad",
        ),
        (["show"], "virtual_mailbox_maps = regexp:{{/x/ y}}\n", 1, "sequence operation is not supported"),
    ],
)
def test_what_cannot_be_done_is_told(etc: Path, args: list[str], lines: str, status: int, text: str) -> None:
    """With the status."""
    result = call(etc, *args, lines=lines)
    assert result.exit_code == status
    assert text in result.stderr
