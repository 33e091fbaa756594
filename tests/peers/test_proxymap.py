"""proxymap of Postfix and of pyfix: postmap asks both the same questions, and both refuse the same."""

from __future__ import annotations

import os
import pwd
import random
import re
import subprocess
import sys

import pytest
from postfix_pair import MailSystem
from postmap_pair import some_keys, some_value

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.system, pytest.mark.root, pytest.mark.timeout(180)]

COUNT = 300
OURS = [sys.executable, "-c", "from pyfix.commands.postmap import main; main()"]
RULES = "{{/^(.*)@example.com$/ 1-$1}, {/^a/i second}}"
MISSING = "proxy:texthash:/nonexistent/table"


def entries() -> str:
    """Return a table of many keys."""
    chance = random.Random("proxymap")
    keys = dict.fromkeys(key.lower() for key in some_keys(chance, COUNT))
    return ", ".join(f"{{{key}={some_value(chance)}}}" for key in keys)


SPECS = [
    f"proxy:inline:{{{entries()}}}",
    f"proxy:regexp:{RULES}",
    f"proxy:pcre:{RULES}",
    "proxy:cidr:{{10.0.0.0/8 x}}",
    "proxy:unix:passwd.byname",
    "proxy:proxy:unix:group.byname",
    "proxy:static:one",
    "proxy:static:three",
]
"""What both have."""
SETTINGS = {
    "relay_recipient_maps": " ".join(SPECS[:6]).replace("$", "$$"),
    "transport_maps": f"{MISSING} pipemap:{{proxy:static:one,proxy:static:two}}",
    "smtpd_sender_restrictions": "check_sender_access proxy:static:three",
}
"""The parameters that list it."""


def ask(system: MailSystem, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the postmap of a system."""
    command = ["postmap"] if system.name == "postfix" else OURS
    return subprocess.run(
        [*command, "-c", str(system.directory / "etc"), *arguments],
        input=stdin, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of what a command says, if it fails."""
    return result.stderr.splitlines()[-1] if result.returncode and result.stderr else str(result.returncode)


@pytest.mark.parametrize("pair", [SETTINGS], indirect=True)
def test_answers_and_refusals_are_those_of_postfix(pair: list[MailSystem]) -> None:
    """Values, the words of a refusal, and the lines in the log; thousands of keys."""
    chance = random.Random("keys")
    users = [entry.pw_name for entry in pwd.getpwall()]
    keys = [*some_keys(chance, COUNT), *users, *map(str.upper, users), "10.1.2.3", "a@example.com", "ALBERT", "x y"]
    for spec in SPECS:
        theirs, ours = (ask(system, "-q", "-", spec, stdin="\n".join(keys) + "\n") for system in pair)
        assert (ours.stdout, ours.returncode) == (theirs.stdout, theirs.returncode), spec[:50]
        assert theirs.stdout, theirs.stderr


REFUSED = [
    (("-q", "a", "proxy:static:four"), True),
    (("-q", "a", "proxy:hash:/etc/passwd"), True),
    (("-s", "proxy:static:one"), True),
    (("-i", "proxy:hash:/x"), False),
    (("-d", "a", "proxy:hash:/x"), True),
    (("-q", "a", MISSING), False),
    (("proxy:hash:/x",), True),
    (("-q", "a", "proxy:foo:bar"), False),
]


@pytest.mark.parametrize("pair", [SETTINGS], indirect=True)
def test_what_postfix_refuses_is_refused(pair: list[MailSystem]) -> None:
    """Mostly in the same words, to who asks and in the log."""
    for arguments, same_words in REFUSED:
        theirs, ours = (refusal(ask(system, *arguments)) for system in pair)
        assert theirs.startswith("postmap: fatal: "), theirs
        assert ours.startswith("postmap: fatal: "), ours
        assert not same_words or ours == theirs
    lines = [_warnings(system) for system in pair]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 6


def _warnings(system: MailSystem) -> list[str]:
    """Return what proxymap has logged about tables that nobody approved; of unknown types it is not asked here."""
    log = (system.directory / "log").read_text()
    lines = re.findall(r"proxymap\[\d+\]: (warning: (?:request for|to approve) .*)", log)
    return [line for line in lines if "foo:bar" not in line]


@pytest.mark.parametrize("pair", [{}], indirect=True)
def test_nobody_else_may_ask(pair: list[MailSystem]) -> None:
    """private/ is for mail_owner and root."""
    nobody = pwd.getpwnam("nobody")
    system = pair[1]

    def demote() -> None:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)

    result = subprocess.run(
        [*OURS, "-c", str(system.directory / "etc"), "-q", "a", "proxy:static:x"],
        capture_output=True, text=True, check=False, timeout=60, preexec_fn=demote,
    )  # fmt: skip
    assert "private/proxymap: Permission denied" in result.stderr, result.stderr
    assert result.returncode == 1
