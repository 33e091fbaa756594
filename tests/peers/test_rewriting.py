"""Canonical and generic mapping, masquerading, aliases and copies: the same messages through Postfix and pyfix."""

from __future__ import annotations

import contextlib
import difflib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import Client, free_port
from postfix_pair import STOCK_MASTER_CF, MailSystem, make_pair
from rewriting_cases import Case, all_cases
from rewriting_lanes import COMMON, KNOWN, LANES, WHOLE
from rewriting_site import Site, describe

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.system, pytest.mark.root, pytest.mark.timeout(240)]


@pytest.fixture
def sites(need: Callable[[str], str]) -> Iterator[list[Site]]:
    """Postfix and pyfix with all lanes, running."""
    postfix = need("postfix")
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    directory = Path(tempfile.mkdtemp(prefix="pyfix-rewriting-"))
    directory.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        made = [Site(system, LANES, free_port) for system in make_pair(directory, free_port, 1, postfix, COMMON)]
        for site in made:
            stack.callback(site.stop)
            site.start()
        yield made


def deal() -> dict[str, list[Case]]:
    """Which lane gets which cases."""
    cases = all_cases()
    return {
        lane: cases if lane in WHOLE else [case for at, case in enumerate(cases) if (at + number) % 3 == 0]
        for number, lane in enumerate(LANES)
    }


def test_envelopes_and_headers_are_those_of_postfix(sites: list[Site]) -> None:
    """Hundreds of odd messages, each under some of the configurations: replies, commands and content at the sink."""
    dealt = deal()
    theirs, ours = (site.run(dealt) for site in sites)
    different = {
        (lane, case.name): [line for line in difflib.ndiff(describe(their), describe(our)) if line[0] in "-+"]
        for lane, cases in dealt.items()
        for case, their, our in zip(cases, theirs[lane], ours[lane], strict=True)
        if describe(their) != describe(our) and not {(lane, case.name), ("", case.name)} & KNOWN.keys()
    }
    assert different == {}


def test_there_are_enough_cases_and_no_two_are_the_same() -> None:
    """A case that is there twice would be none."""
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases)
    assert len({(case.head, case.sender, case.recipients, case.options) for case in cases}) == len(cases) > 400


def warnings(system: MailSystem) -> list[str]:
    """What cleanup warned about, without ids. Postfix says of a loop that it does not accept the message, and does."""
    log = (system.directory / "log").read_text()
    found = re.findall(r"cleanup\[\d+\]: warning: [0-9A-F]{9,}: (.*)", log)
    return sorted({re.sub(r"(map nesting for \S+) -- .*", r"\1", line) for line in found})


BROKEN = {
    "down": {"sender_canonical_maps": "fail:down", "sender_canonical_classes": "envelope_sender"},
    "copies down": {"recipient_bcc_maps": "fail:down"},
    "senseless": {
        "canonical_maps": "inline:{{loop1@pair.test=loop2@pair.test},{loop2@pair.test=loop1@pair.test},"
        "{many@pair.test=one@pair.test two@pair.test}}",
        "recipient_bcc_maps": "inline:{{odd@pair.test=a@pair.test b@pair.test}}",
    },
}


@pytest.mark.parametrize(
    "pair",
    [COMMON | {"notify_classes": ""} | settings for settings in BROKEN.values()],
    ids=BROKEN,
    indirect=True,
)
def test_tables_that_make_no_sense_are_answered_as_postfix_does(pair: list[MailSystem]) -> None:
    """The reply to the message; a table that is down, a loop, two results where one is wanted."""
    replies = []
    for system in pair:
        client = Client(system.port)
        found = []
        for sender, rcpt in [("s@a.pair.test", "x@a.pair.test"), ("", "loop1@pair.test"), ("", "many@pair.test"),
                             ("", "odd@pair.test")]:  # fmt: skip
            client.smtp.docmd("MAIL", f"FROM:<{sender}>")
            client.smtp.docmd("RCPT", f"TO:<{rcpt}>")
            code, text = client.smtp.data(b"Subject: x\r\n\r\ntext\r\n")
            found.append((code, text.split(b" queued as")[0]))
        client.close()
        system.stop()  # with the last line of its log
        replies.append((found, warnings(system)))
    assert replies[1] == replies[0]
