"""Odd messages and envelopes for test_rewriting: a few hundred, the same ones every time."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Final

SEED: Final = 822
LOCALS = ["old", "OLD", "old+ext", "loop1", "self", "joe", "joe+x", "chain1", "mixed", "root", "boss", "r1", "R1+y",
          "plus+z", "plus", "first", '"quoted old"', "other", "moved-a", "two=ext"]  # fmt: skip
DOMAINS = ["pair.test", "a.pair.test", "B.A.pair.test", "keep.pair.test", "x.keep.pair.test", "gone.test",
           "elsewhere.test"]  # fmt: skip
HEADERS = ["From", "To", "Cc", "Bcc", "Reply-To", "Sender", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Bcc",
           "Resent-Sender", "Resent-Reply-To", "Errors-To", "X-Other", "Mail-Followup-To", "Return-Receipt-To",
           "Disposition-Notification-To", "Apparently-To", "Return-Path", "Delivered-To"]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One message; `name` tells what is odd about it."""

    name: str
    head: bytes
    """The header block as it goes over the wire, without the empty line."""
    sender: bytes = b"old@pair.test"
    recipients: tuple[bytes, ...] = (b"r1@pair.test",)
    options: bytes = b""
    """Of MAIL FROM."""


VALUES = [
    # plain, and what tables have
    "old@pair.test", "OLD@PAIR.TEST", "old+ext@pair.test", "<old@pair.test>", "< old@pair.test >",
    "old @ pair . test",
    "old@pair.test, r1@pair.test", "old@pair.test,r1@pair.test,,", ",old@pair.test", ", ,",
    "old@pair.test,\r\n r1@pair.test",
    "old@gone.test", "joe", "<joe>", "joe+x", "nobody", "loop1@pair.test", "chain1@pair.test", "mixed@pair.test",
    "many@pair.test", "moved-a@gone.test", "boss@a.pair.test", "user@b.a.pair.test",
    # phrases
    '"Doe, John" <old@pair.test>', "John Doe <old@pair.test>", "John Q. Doe <old@pair.test>",
    "John\tDoe   <old@pair.test>", '"John" "Doe" <old@pair.test>', '"John \\"X\\" Doe" <old@pair.test>',
    '"back\\\\slash" <old@pair.test>', '"unneeded\\escape" <old@pair.test>', '"" <old@pair.test>',
    "'John' <old@pair.test>",
    "John@work <old@pair.test>", "a.b.c <old@pair.test>", "a:b <old@pair.test>", "[John] <old@pair.test>",
    "=?utf-8?q?J=C3=B6rg?= <old@pair.test>", "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_D?= <old@pair.test>",
    '"=?utf-8?q?J=C3=B6rg?=" <old@pair.test>', "=?utf-8?b?SsO2cmc=?=@pair.test",
    "Jörg <old@pair.test>", '"Jörg, D." <old@pair.test>', "John <old@pair.test> Doe", "<old@pair.test> John Doe",
    "John <old@pair.test> (Doe) <r1@pair.test>", "old@pair.test <r1@pair.test>", "<old@pair.test><r1@pair.test>",
    "<old@pair.test> <r1@pair.test>", "<old@pair.test> r1@pair.test", "! % <old@pair.test>", "a%b <old@pair.test>",
    "a | b <old@pair.test>", '"a\r\n b" <old@pair.test>', '"a\tb" <old@pair.test>', '"a\tb"@pair.test',
    'a\\"b <old@pair.test>',
    '[a\r\n b] <old@pair.test>', 'a\\"b@pair.test', "<John Doe>", "<John <old@pair.test>", "<John Doe@pair.test>",
    "|old", "a|b@pair.test",
    "John <old@pair.test>; r1@pair.test", "g: John <old@pair.test>; h: r1@pair.test;", "a: b <old@pair.test>;",
    "a, b: c, d; e",
    "x: <old@pair.test>, y: <r1@pair.test>;", "a\\\r\n b <old@pair.test>", "old@pair.test, , r1@pair.test",
    "(a\"b) <old@pair.test>",
    # comments
    "old@pair.test (John Doe)", "(John) old@pair.test", "old(a)@(b)pair(c).(d)test",
    "John (nested (comment)) <old@pair.test>",
    "old@pair.test (unclosed", "old@pair.test unopened)", "old@pair.test (a\\)b)", "(only a comment)", "()",
    "old@pair.test ()",
    "<old@pair.test (inside)>", "John <old@pair.test> (after), r1@pair.test (a, b)", "old@pair.test (a)(b) (c)",
    "old@pair.test (folded\r\n\tcomment)", "(a\r\n b) <old@pair.test>", "old@pair.test (<r1@pair.test>)",
    # quoted local parts
    '"old"@pair.test', '"quoted old"@pair.test', '"old@pair.test"', '"old"."b"@pair.test', '"a@b"@pair.test', '"old',
    '"old@pair.test', 'old"@pair.test', 'o"l"d@pair.test', '""@pair.test', '"\\""@pair.test', "ol\\d@pair.test",
    "old\\@pair.test", "old\\", '"fold\r\n ed"@pair.test', '<"old"@pair.test>', '"a\\\\b"@pair.test', '" "@pair.test',
    # groups
    "group: old@pair.test, r1@pair.test;", "group:;", "undisclosed-recipients:;", "a: b: old@pair.test;;",
    "group: old@pair.test", "group: old@pair.test; r1@pair.test", "group: old@pair.test;, r1@pair.test",
    '"quoted group": old@pair.test;', "group (c): <old@pair.test> (d); (e)", ": old@pair.test;",
    "group:old@pair.test,;",
    "John Q: Jane <old@pair.test>, r1@pair.test;", ";", ":", ":;", "old@pair.test;", ";old@pair.test",
    # routes and old forms
    "<@relay.test:old@pair.test>", "@relay.test:old@pair.test", "<@a.test,@b.test:old@pair.test>", "old%pair.test",
    "old%pair.test@elsewhere.test", "pair.test!old", "a!b!old", "a!b!old@pair.test", "old%a%b", "old@a@pair.test",
    "old@@pair.test", "@pair.test", "old@", "@", "<@>", "old@pair.test.", "old@pair..test", "old@.pair.test",
    "old@pair",
    "old@.", "<@relay.test:>", "<@relay.test old@pair.test>", "mailto:old@pair.test", "smtp:old@pair.test",
    # literals
    "old@[127.0.0.1]", "old@[192.0.2.1]", "old@[IPv6:::1]", "old@[unclosed", "old@unopened]", "old@[a\\]b]",
    "[127.0.0.1]",
    "old@127.0.0.1", "<old@[127.0.0.1]>", "old@[ 127.0.0.1 ]",
    # nothing, and too much
    "", " ", "\t", "<>", "< >", '""', "<", ">", "<<old@pair.test>>", "old@pair.test>", "<old@pair.test",
    "\r\n old@pair.test",
    "\r\n \r\n old@pair.test", "old@pair.test\r\n ", "old\r\n @pair.test", "John\r\n Doe\r\n\t<old@pair.test>",
    "old@pair.test r1@pair.test", "old r1", "old . a @ pair.test", "old. a@pair.test", "old.@pair.test",
    ".old@pair.test",
    "o..ld@pair.test", "old@pair.test,\r\n\tr1@pair.test,\r\n plus+z@pair.test", "-old@pair.test", "old,r1,first",
    "o\x01ld@pair.test", "o\x7fld@pair.test", "old@pa_ir.test", "old@-pair.test", "{old}@pair.test",
    "old=a@pair.test",
    "jörg@pair.test", "old@pär.test", "Jörg <jörg@pair.test>", "old@xn--pr-via.test",
    "self@pair.test", "J. D. <self@pair.test>", "joe@pair.test", "J. D. <joe@pair.test> (x)", "g: joe@pair.test;",
    '"many"@pair.test', "first@pair.test", "<first+x@pair.test>",
    # many
    ", ".join(f"user{number}@a.pair.test" for number in range(100)),
    ", ".join(f"Name {n} <u{n}@a.pair.test>" for n in range(30)),
    ",".join(["old@pair.test"] * 40), "x" * 300 + "@a.pair.test", f"{'long name ' * 20}<old@pair.test>",
    f"old@{'a.' * 100}pair.test", ", ".join(f"u{n}" for n in range(40)), f"{'(comment) ' * 30}old@pair.test",
    f"group: {', '.join(f'u{n}@a.pair.test' for n in range(20))};", " ".join(f"w{n}" for n in range(60)),
    f"{'(' * 60}old@pair.test", f"{'<' * 40}old@pair.test", f'"{"q" * 200}"@a.pair.test',
]  # fmt: skip

HEADS = [
    *(f"{name}: old@pair.test, r1@pair.test, joe, u@a.pair.test".encode() for name in HEADERS),
    b"",
    b"Subject: only",
    b"From: J\xf6rg <old@pair.test>\r\nTo: J\xf6rg <joe>",
    b"From: old@pair.test\r\nFrom: r1@pair.test",
    b"From: old@pair.test\r\nTo: r1@pair.test\r\nTo: old@pair.test\r\nCC: old@pair.test\r\ncc:old@pair.test",
    b"FROM:old@pair.test\r\nto :old@pair.test\r\nCc\t:\told@pair.test",
    b"From:\r\nTo:\r\nSubject:\r\nDate:\r\nMessage-Id:",
    b"From: old@pair.test\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-Id: <given@pair.test>",
    b"Message-Id:\r\n <folded@pair.test>\r\nDate:\r\n\tThu, 1 Jan 1970\r\n 00:00:00 +0000",
    b"Message-ID: <one@pair.test>\r\nMessage-Id: <two@pair.test>",
    b"Resent-From: old@pair.test\r\nResent-To: r1@pair.test\r\nFrom: old@pair.test\r\nTo: r1@pair.test",
    b"Resent-Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nSubject: resent",
    b"Resent-Message-Id: <r@pair.test>\r\nSubject: resent",
    b"Resent-From: old@pair.test\r\nResent-From: r1@pair.test\r\nResent-Cc: old@pair.test\r\nResent-Bcc: r1@pair.test",
    b"Resent-Sender: old@pair.test\r\nSender: old@pair.test\r\nResent-Reply-To: old@pair.test",
    b"Bcc: old@pair.test\r\nTo: r1@pair.test",
    b"Bcc: old@pair.test",
    b"Resent-Bcc: old@pair.test\r\nBcc: r1@pair.test\r\nSubject: x",
    b"Return-Path: <old@pair.test>\r\nFrom: old@pair.test",
    b"Content-Length: 12\r\nFrom: old@pair.test",
    b"Delivered-To: old@pair.test\r\nX-Original-To: old@pair.test\r\nFrom: old@pair.test",
    b"Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\nFrom: old@pair.test",
    b"Apparently-To: old@pair.test\r\nErrors-To: old@pair.test\r\nReturn-Receipt-To: old@pair.test",
    b"Mail-Followup-To: old@pair.test\r\nDisposition-Notification-To: old@pair.test\r\nX-To: old@pair.test",
    b"From: old@pair.test\r\nthis is no header\r\nTo: old@pair.test",
    b"no header at all",
    b"From old@pair.test Thu Jan  1 00:00:00 1970\r\nFrom: old@pair.test",
    b">From old@pair.test\r\nFrom: old@pair.test",
    b" From: old@pair.test\r\nTo: old@pair.test",
    b"\tcontinues nothing\r\nTo: old@pair.test",
    b": no name\r\nTo: old@pair.test",
    b"To: old@pair.test\r\n: no name\r\nFrom: old@pair.test",
    b"From: old@pair.test\r\n \r\n\t\r\nTo: r1@pair.test",
    b"From: old@pair.test\r\n\r\nTo: old@pair.test in the body",
    b"Fr om: old@pair.test\r\nTo: old@pair.test",
    b"From\x01: old@pair.test\r\nTo: old@pair.test",
    "Frömm: old@pair.test\r\nTo: old@pair.test".encode(),
    "Subject: Käse\r\nTo: old@pair.test".encode(),
    b"Subject: K\xe4se\r\nTo: old@pair.test",
    b"Subject: a\0b\r\nTo: old@pair.test\0, r1@pair.test\r\nFrom: \0old@pair.test",
    b"Subject: a\rb\r\nTo: old@pair.test,\rr1@pair.test",
    b"Subject: cr\r\r\nTo: old@pair.test\r\r\nFrom: r1@pair.test\r",
    b"Subject: lf\nTo: old@pair.test\nFrom: r1@pair.test",
    b"Subject: lf\n\nTo: old@pair.test in the body",
    b"Subject: " + b"long " * 500 + b"\r\nTo: old@pair.test",
    b"Subject: " + b"x" * 3000 + b"\r\nTo: old@pair.test",
    b"X" * 3000 + b": long name\r\nTo: old@pair.test",
    b"To: " + b",\r\n ".join(b"user%d@a.pair.test" % number for number in range(1000)),
    b"To: " + b", ".join(b"user%d@a.pair.test" % number for number in range(500)),
    b"To: " + b", ".join(b"u%d" % number for number in range(2500)),
    b"Cc: " + b",\r\n\t".join(b"Name %d <u%d@b.a.pair.test>" % (n, n) for n in range(300)),
    b"X-Huge: " + b"y" * 100_000 + b"\r\nTo: old@pair.test",
    b"X-Huge: " + b"\r\n z".join(b"y" * 1000 for _ in range(150)) + b"\r\nTo: old@pair.test",
    b"To: " + b",\r\n ".join(b"user%d@a.pair.test" % number for number in range(6000)),
    b"\r\n".join(b"X-%d: a header of many, and nothing in it is an address" % number for number in range(1500))
    + b"\r\nTo: old@pair.test",
    b"\r\n".join(b"To: u%d@a.pair.test" % number for number in range(200)),
    b"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nTo: old@pair.test\r\n\r\n"
    b"To: old@pair.test\r\nFrom: old@pair.test\r\n",
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nTo: old@pair.test\r\n\r\n"
    b"--b\r\nTo: old@pair.test\r\n\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nTo: old@pair.test\r\nFrom: old@pair.test\r\n\r\n--b--\r\n",
    b"Sender: old@pair.test\r\nReply-To: old@pair.test, r1@pair.test\r\nFrom: r1@pair.test, old@pair.test",
]  # fmt: skip

ENVELOPES = [
    # sender, recipients
    ("", ["r1@pair.test"]), ("old@pair.test", ["old@pair.test"]), ("OLD@PAIR.TEST", ["R1@PAIR.TEST"]),
    ("old+ext@pair.test", ["r1+ext@pair.test"]), ("joe", ["joe"]), ("joe+x", ["joe+x", "joe"]), ("root", ["root"]),
    ("boss@a.pair.test", ["boss@a.pair.test"]), ("root@b.a.pair.test", ["root@x.keep.pair.test"]),
    ("user@a.pair.test", ["user@keep.pair.test", "user@a.pair.test", "user@pair.test"]),
    ("loop1@pair.test", ["loop1@pair.test"]), ("chain1@pair.test", ["chain1@pair.test"]),
    ("mixed@pair.test", ["mixed@pair.test"]),
    ("many@pair.test", ["many@pair.test"]),
    ("plus+z@pair.test", ["plus+z@pair.test", "plus@pair.test", "minus@pair.test"]),
    ("first@pair.test", ["first@pair.test", "r1@pair.test", "x1@pair.test"]),
    ("u@gone.test", ["u@gone.test", "u+e@gone.test"]),
    ('"old"@pair.test', ['"old"@pair.test']),
    ('"quoted old"@pair.test', ['"quoted old"@pair.test', '"quoted\\ old"@pair.test']),
    ('"a@b"@pair.test', ['"a@b"@pair.test']), ('"o\\ld"@pair.test', ['"o\\"ld"@pair.test']),
    ('""@pair.test', ['""@pair.test']),
    ('"old+ext"@pair.test', ['"old +ext"@gone.test', '"r1+ e"@pair.test']),
    ("@relay.test:old@pair.test", ["@relay.test:r1@pair.test", "@a.test,@b.test:r1@pair.test"]),
    ("old%pair.test", ["old%pair.test", "old%pair.test@pair.test"]),
    ("pair.test!old", ["pair.test!old", "a!b!c", "a!b@pair.test"]),
    ("old@pair", ["old@pair", "old@a", "r1@a.pair"]), ("old@pair.test.", ["r1@pair.test.", "r1@pair.test"]),
    ("old@[127.0.0.1]", ["old@[127.0.0.1]", "joe@[127.0.0.1]"]), ("old@[192.0.2.1]", ["old@[192.0.2.1]"]),
    ("old@[IPv6:::1]", ["old@[IPv6:2001:db8::1]"]),
    ("old@pair.test", ["r1@pair.test", "R1@pair.test", "r1@PAIR.test", "r1+y@pair.test"]),
    ("x" * 60 + "@a.pair.test", ["y" * 60 + "@b.a.pair.test"]),
    ("old@pair.test", [f"u{n}@a.pair.test" for n in range(60)]),
    ("old@pair.test", [f"r1+{n}@pair.test" for n in range(20)]),
    ("two=ext@pair.test", ["two=ext@pair.test", "two-ext@pair.test"]),
    ("owner-list@pair.test", ["list-request@pair.test", "owner-list-request@pair.test"]),
    ("mailer-daemon", ["MAILER-DAEMON", "postmaster"]),
    ("old-a@pair.test", ["old-a@pair.test", "old-a+b@pair.test", "old+a-b@pair.test"]),
    ("+old@pair.test", ["+r1@pair.test", "old+@pair.test"]),
    ("a+b+c@gone.test", ["a+b+c@gone.test", "a++b@gone.test"]),
    ("moved-a@gone.test", ["moved-b@gone.test", "moved-a@pair.test"]),
    ("old@pair.test", ["a/b@pair.test", "|x@pair.test", "a=b@pair.test", "a&b@pair.test"]),
    ("#a@pair.test", ["a'b@pair.test", "a`b@pair.test"]),
    (".old@pair.test", ["old.@pair.test", "o..ld@pair.test"]), ("old@pa_ir.test", ["old@1.2.3.4"]),
    ("old@a.b.c.d.pair.test", ["x@y.z.a.pair.test"]),
    ("-old@pair.test", ["r1@pair.test"]), ("OLD+Ext@Pair.Test", ["First+Ext@Pair.Test"]),
    ("self@pair.test", ["self@pair.test", "x2@pair.test"]),
    ("$1@pair.test", ["${1}@pair.test", "%s@pair.test"]), ("old@pair.test", ["twice@pair.test", "twice+e@pair.test"]),
]  # fmt: skip
UTF8_ENVELOPES = [
    ("jörg@pair.test", ["r1@pair.test"]), ("old@pair.test", ["jörg@pair.test", "r1@pär.test"]),
    ("ölö@gone.test", ["ölö@gone.test"]),
    ("user@ä.pair.test", ["user@ä.pair.test", "Ä@a.pair.test"]), ("日本@pair.test", ["日本+語@pair.test"]),
    ('"jö rg"@pair.test', ['"jö rg"@pair.test']),
]  # fmt: skip


def odd_values() -> list[Case]:
    """Each value in a header of a sender, and in one of recipients."""
    return [
        Case(f"value {value[:60]!r}", f"From: {value}\r\nTo: {value}\r\nReply-To: {value}".encode()) for value in VALUES
    ]


def odd_heads() -> list[Case]:
    """Header blocks as they are."""
    return [Case(f"head {number} {head[:60]!r}", head) for number, head in enumerate(HEADS)]


def odd_envelopes() -> list[Case]:
    """Envelopes, some of which smtpd refuses."""
    plain = [(sender, rcpts, b"") for sender, rcpts in ENVELOPES]
    utf8 = [(sender, rcpts, option) for sender, rcpts in UTF8_ENVELOPES for option in (b"", b"SMTPUTF8 BODY=8BITMIME")]
    return [
        Case(f"envelope {number} {sender} {rcpts[0]} {option.decode()}",
             f"From: <{sender}>\r\nTo: <{rcpts[0]}>".encode(), sender.encode(),
             tuple(rcpt.encode() for rcpt in rcpts), option)
        for number, (sender, rcpts, option) in enumerate([*plain, *utf8])
    ]  # fmt: skip


def write_address(choose: random.Random, address: str) -> str:
    """Return an address, in one of the ways to write it in a header."""
    return choose.choice([
        address,
        f"<{address}>",
        f'"Doe, John" <{address}>',
        f"John Doe (a comment) <{address}>",
        f"{address} (John Doe)",
        f"group: {address}, other@pair.test;",
        f"=?utf-8?q?J=C3=B6rg?= <{address}>",
        f"<@relay.test:{address}>",
        address.partition("@")[0],
    ])  # fmt: skip


def generated(count: int) -> list[Case]:
    """Messages put together at random."""
    choose = random.Random(SEED)
    known = [f"{local}@{domain}" for local, domain in itertools.product(LOCALS, DOMAINS)]
    found = []
    for number in range(count):
        lines = [f"Subject: {number}"]
        for name in choose.sample(HEADERS, choose.randint(2, 8)):
            separator = choose.choice([", ", ",\r\n ", ",", " ,\r\n\t"])
            values = [write_address(choose, choose.choice(known)) for _ in range(choose.randint(1, 4))]
            lines.append(f"{name}: {separator.join(values)}")
        sender = choose.choice(["", *choose.sample(known, 3)]).encode()
        rcpts = tuple(address.encode() for address in choose.sample(known, choose.randint(1, 3)))
        found.append(Case(f"generated {number}", "\r\n".join(lines).encode(), sender, rcpts))
    return found


def all_cases() -> list[Case]:
    """Every case."""
    return [*odd_values(), *odd_heads(), *odd_envelopes(), *generated(100)]
