"""Canonical mapping, masquerading and copies: the same messages through Postfix and pyfix, and the same results."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from instance import Client
from postfix_pair import MailSystem

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.system, pytest.mark.root, pytest.mark.timeout(180)]

TABLES = {
    "canonical_maps": "inline:{{old@pair.test=new@pair.test},{@gone.test=@pair.test},{loop1@pair.test=self@pair.test},"
    "{self@pair.test=self@pair.test},{joe=joe.user},{chain1@pair.test=chain2@pair.test},"
    "{chain2@pair.test=chain3@pair.test},{Mixed@pair.test=MiXed@pair.test}}",
    "sender_canonical_maps": "inline:{{old@pair.test=oldsender@pair.test},{root=administrator}}",
    "recipient_canonical_maps": "inline:{{r1@pair.test=r2@pair.test},{plus@pair.test=minus@pair.test}}",
}
SETTINGS = {
    "canonical": TABLES,
    "classes": TABLES
    | {
        "canonical_classes": "envelope_sender, header_recipient",
        "sender_canonical_classes": "header_sender",
        "recipient_canonical_classes": "envelope_recipient",
    },
    "masquerade": {
        "masquerade_domains": "!keep.pair.test pair.test",
        "masquerade_exceptions": "root, boss",
        "masquerade_classes": "envelope_sender, envelope_recipient, header_sender, header_recipient",
    },
    "default masquerade classes": {"masquerade_domains": "a.pair.test Pair.Test"} | TABLES,
    "copies": {
        "sender_bcc_maps": "inline:{{old@pair.test=archive1@pair.test},{@a.pair.test=archive2}}",
        "recipient_bcc_maps": "inline:{{r1@pair.test=archive3@pair.test},{plus=archive4@pair.test}}",
        "always_bcc": "always@pair.test",
        "canonical_maps": "inline:{{archive2@pair.test=archive5@pair.test},{first@pair.test=r1@pair.test}}",
        "virtual_alias_maps": "inline:{{r1@pair.test=x1@pair.test,x2@pair.test}}",
    },
    "no propagation": TABLES | {"propagate_unmatched_extensions": ""},
}
COMMON = {
    "recipient_delimiter": "+",
    "virtual_mailbox_domains": "pair.test a.pair.test b.a.pair.test keep.pair.test gone.test",
    "myorigin": "pair.test",
}
LOCALS = ["old", "OLD", "old+ext", "loop1", "self", "joe", "joe+x", "chain1", "mixed", "root", "boss", "r1", "R1+y",
          "plus+z", "plus", "first", '"quoted old"', "other"]  # fmt: skip
DOMAINS = ["pair.test", "a.pair.test", "B.A.pair.test", "keep.pair.test", "x.keep.pair.test", "gone.test",
           "elsewhere.test"]  # fmt: skip


def addresses() -> list[str]:
    """Every local part at every domain."""
    return [f"{local}@{domain}" for local, domain in itertools.product(LOCALS, DOMAINS)]


def header_variants(address: str) -> list[str]:
    """Ways to write an address in a header."""
    return [
        address,
        f"<{address}>",
        f'"Doe, John" <{address}>',
        f"John Doe (a comment) <{address}>",
        f"{address} (John Doe)",
        f"group: {address}, other@pair.test;",
        f"=?utf-8?q?J=C3=B6rg?= <{address}>",
        f"<@relay.test:{address}>",
        address.partition("@")[0],
    ]


def messages(seed: int, count: int) -> list[tuple[str, list[str], bytes]]:
    """(sender, recipients, content) of odd messages; their Subject tells them apart."""
    choose = random.Random(seed)
    known = addresses()
    deliverable = [address for address in known if not address.endswith(("elsewhere.test", "x.keep.pair.test"))]
    found = []
    for number in range(count):
        names = ["From", "To", "Cc", "Reply-To", "Sender", "Resent-From", "Resent-To", "Errors-To", "X-Other",
                 "Mail-Followup-To", "Return-Receipt-To", "Disposition-Notification-To"]  # fmt: skip
        headers = [f"Subject: {seed}.{number:04d}"]
        for name in choose.sample(names, choose.randint(2, 6)):
            values = [choose.choice(header_variants(choose.choice(known))) for _ in range(choose.randint(1, 3))]
            headers.append(f"{name}: {', '.join(values)}")
        sender = choose.choice(["", *choose.sample(known, 3)])
        rcpts = choose.sample(deliverable, choose.randint(1, 3))
        found.append((sender, rcpts, "\r\n".join([*headers, "", "text", ""]).encode()))
    return found


def warnings(system: MailSystem) -> list[str]:
    """What cleanup warned about, without ids. Postfix says of a loop that it does not accept the message, and does."""
    log = (system.directory / "log").read_text()
    found = re.findall(r"cleanup\[\d+\]: warning: [0-9A-F]{9,}: (.*)", log)
    return sorted({re.sub(r"(map nesting for \S+) -- .*", r"\1", line) for line in found})


@pytest.mark.parametrize(
    ("pair", "seed"),
    [(COMMON | settings, seed) for seed, settings in enumerate(SETTINGS.values())],
    ids=SETTINGS,
    indirect=["pair"],
)
def test_envelopes_and_headers_are_those_of_postfix(pair: list[MailSystem], seed: int) -> None:
    """Sixty odd messages under each configuration."""
    mails = messages(seed, 60)
    for system in pair:
        client = Client(system.port)
        for sender, rcpts, content in mails:
            client.send(sender, rcpts, content)
        client.close()
    theirs, ours = ([mail.decode().splitlines() for mail in system.all_delivered()] for system in pair)
    assert len(ours) >= len(mails)
    for our, their in zip(ours, theirs, strict=False):
        assert our == their
    assert len(ours) == len(theirs)


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
