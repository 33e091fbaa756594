"""postmap -q - with -h, -b and -m: the keys that a message becomes are those that Postfix's postmap makes of it.

200 messages of lines drawn by chance: headers, folded and odd ones, content types in all spellings, boundaries that fit
and others. A table with a value for every key shows which are asked for, and in which order.
"""

from __future__ import annotations

import random
import subprocess

import pytest
from many_calls import run_calls
from postmap_pair import Postmaps

pytestmark = pytest.mark.peer("postmap")
COUNT = 200
OPTIONS = ["-h", "-b", "-hb", "-hm", "-bm", "-hbm", "-hbU"]
LINES = [
    b"From: a@b", b"Subject: x", b" folded", b"\tfolded, too", b"", b"", b"", b" ", b"body line",
    b"body: like a header",
    b"A : b", b": no name", b"A\xc3\xa9: x", b"\xff\xfe", b"a\0b", b"X: a\0b", b"X:",
    b"MIME-Version: 1.0", b"From x Mon Jan 1",
    b"--b1", b"--b2", b"--b 3", b"--b1--", b"--b2--", b"--b 3-- ", b"--b1 x", b"--b1x", b" --b1",
    b"--", b"---b1", b"--B1",
    b"Content-Type: multipart/mixed; boundary=b1", b'Content-Type: multipart/alternative; boundary="b2"',
    b'Content-type: multipart/digest; charset=x; boundary="b 3"', b"Content-Type: message/rfc822",
    b"Content-Type: message/partial", b"Content-Type: message/external-body", b"Content-Type: message/global",
    b"Content-Type: message/delivery-status", b"Content-Type: text/plain",
    b"Content-Type: x/y; boundary=b1", b"Content-Type:",
    b"Content-Type: multipart/mixed; boundary=", b'Content-Type: multipart/mixed; boundary=""',
    b"Content-Type: (c) multipart/mixed (d) ; boundary=b1", b"Content-Type: multipart/mixed;", b" boundary=b1",
    b"Content-Type: multipart / mixed ; boundary = b2", b"Content-Type : multipart/mixed; boundary=b1",
    b'Content-Type: "multipart"/mixed; boundary=b1', b'Content-Type: multipart/"mixed"; boundary=b1',
    b"Content-Type: multipart; boundary=b1", b"Content-Type: multipart/mixed boundary=b1",
    b"Content-Type: multipart/mixed; boundary=b1; boundary=b2", b"Content-Type: multipart/mixed; boundary=b1@y",
    b'Content-Type: multipart/mixed; "boundary"=b1', b"Content-Type: Multipart/Mixed;;boundary=B1",
    b"Content-Type: multipart/mixed; (a(b)c) boundary (x) = (y) b1 (z)", b"Content-Transfer-Encoding: base64",
]  # fmt: skip


def some_message(chance: random.Random) -> bytes:
    """Return a message; some lack the last line end."""
    lines = [chance.choice(LINES) for _ in range(chance.randrange(1, 25))]
    return b"\n".join(lines) + chance.choice([b"\n", b"\n", b"\n", b""])


def test_messages_become_the_same_keys(postmaps: Postmaps) -> None:
    """Each message, with options drawn by chance."""
    chance = random.Random("messages")
    table = postmaps.directory.parent / "t"
    table.write_text("/^/ x\n")
    asked = [(chance.choice(OPTIONS), some_message(chance)) for _ in range(COUNT)]
    spec, place = f"regexp:{table}", str(postmaps.directory)
    calls = [("postmap", [option, "-q", "-", spec], text, place) for option, text in asked]
    found = 0
    for (option, text), (status, output, _) in zip(asked, run_calls(calls), strict=True):
        theirs = subprocess.run(
            [postmaps.postfix, "-c", postmaps.postfix_directory, option, "-q", "-", spec],
            input=text, capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        assert (status, output) == (theirs.returncode, theirs.stdout), (option, text)
        found += output.count(b"\tx\n")
    assert found > COUNT
