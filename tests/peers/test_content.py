"""What both systems make of content that is no tidy message: first lines, line ends, bytes.

Setup: the real Postfix and pyfix side by side, with one main.cf.
Path: SMTP in (DATA, BDAT) or sendmail, virtual mailbox.
Check: the delivered files are equal byte for byte, but for ids and times.
"""

from __future__ import annotations

import re
import socket
import subprocess

import pytest
from postfix_pair import MailSystem, sendmail_command

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.system, pytest.mark.root, pytest.mark.timeout(180)]

HEAD = b"Subject: s\r\n"
BODY = b"\r\nbody\r\n"
CONTENTS = {
    "from-line": b"From me@client.test Mon Jan  1\r\n" + HEAD + BODY,
    "quoted-from": b">From me@client.test\r\n" + HEAD + BODY,
    "quoted-twice": b">>From me@client.test\r\n" + HEAD + BODY,
    "two-from-lines": b"From one\r\n>From two\r\n" + HEAD + BODY,
    "from-then-blank": b"From one\r\n Subject: s\r\n" + BODY,
    "from-later": HEAD + b"From later\r\nX-More: x\r\n" + BODY,
    "from-alone": b"From \r\n" + HEAD + BODY,
    "from-no-space": b"From\r\n" + HEAD + BODY,
    "from-small": b"from me\r\n" + HEAD + BODY,
    "dot-from": b"..From me\r\n" + HEAD + BODY,
    "lone-dot-from": b".From me\r\n" + HEAD + BODY,
    "blank-first": b" folded\r\n" + HEAD + BODY,
    "tab-first": b"\tfolded\r\n" + HEAD + BODY,
    "blank-line-of-blanks": b"  \r\n" + HEAD + BODY,
    "dot-blank": b".. folded\r\n" + HEAD + BODY,
    "lone-dot-blank": b". folded\r\n" + HEAD + BODY,
    "empty-line-first": b"\r\n" + HEAD + BODY,
    "no-header": b"just text\r\nmore\r\n",
    "text-first": b"just text\r\n" + HEAD + BODY,
    "empty": b"",
    "one-empty-line": b"\r\n",
    "no-body": HEAD,
    "bare-cr": b"Subject: a\rb\r\n\r\nc\rd\r\r\ne\r\r\r\nf\n\rg\r\n",
    "cr-first": b"\rSubject: s\r\n" + BODY,
    "bare-lf": b"Subject: s\nX-A: b\n\nbody\nmore\r\n",
    "dots": HEAD + b"\r\n..\r\n...two\r\n.one\r\nx.\r\n..\r\n",
    "nul": b"Subject: a\0b\r\n\r\nc\0d\r\n",
    "nul-folded": b"Subject: a \0b\r\n c\r\nX-A: \0\r\nX-B:\0x\r\nX-C: c\r\n" + BODY,
    "nul-in-fold": b"Subject: a\r\n b\0c\r\n d\r\nX-C: c\r\n" + BODY,
    "nul-in-name": b"Subject: a\r\nX\0-B: b\r\nX-C: c\r\n" + BODY,
    "nul-in-address": b"To: a@pair.test\0, b@pair.test\r\nCc: x\r\n" + BODY,
    "nul-in-id": b"Message-Id: <a@b>\0<c@d>\r\nX-C: c\r\n" + BODY,
    "nul-first": b"\0From me\r\n" + HEAD + BODY,
    "nul-in-from": b"From\0 me\r\n" + HEAD + BODY,
    "8bit-header": b"Subject: gr\xc3\xbc\xc3\x9fe \xff\r\nX-\xe4: 1\r\n" + BODY,
    "8bit-body": HEAD + b"\r\n\xff\xfe\xe4\r\n",
    "long-body-line": HEAD + b"\r\n" + b"x" * 10_000 + b"\r\n",
    "long-header": b"Subject: " + b"y" * 5_000 + b"\r\n" + BODY,
    "long-from-line": b"From " + b"z" * 5_000 + b"\r\n" + HEAD + BODY,
    "long-blank-first": b" " + b"z" * 5_000 + b"\r\n" + HEAD + BODY,
    "long-dotted": HEAD + b"\r\n" + b"." + b"." * 4_000 + b"\r\n",
    "header-blanks": b"Subject : s\r\nX-A:no blank\r\nX-B :\r\n" + BODY,
    "colon-first": b": s\r\n" + HEAD + BODY,
}

DIFFERENCES = {
    "cr-first": b"\n\n Subject: s\n\nbody\n",
    "lone-dot-from": b"\nX-Mailbox-Line: From me\nSubject: s\n",
    "lone-dot-blank": b"\n\n folded\nSubject: s\n\nbody\n",
}
"""Where Postfix looks at the first line before it takes a lone dot off, or makes a carriage return a blank, and so lets
the client write into our Received: header or lose its own headers."""


class Raw:
    """An SMTP client that sends bytes as they are."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.lines = self.sock.makefile("rb")
        self.expect(b"220")
        self.say(b"EHLO client.test\r\n", b"250")

    def expect(self, code: bytes) -> None:
        """Read one reply."""
        while True:
            line = self.lines.readline()
            assert line.startswith(code), line
            if line[3:4] == b" ":
                return

    def say(self, data: bytes, code: bytes) -> None:
        """Send, and read one reply."""
        self.sock.sendall(data)
        self.expect(code)

    def envelope(self, recipient: str) -> None:
        """Begin a message."""
        self.say(b"MAIL FROM:<me@client.test>\r\n", b"250")
        self.say(b"RCPT TO:<%b>\r\n" % recipient.encode(), b"250")

    def data(self, recipient: str, content: bytes) -> None:
        """Send with DATA; the caller has doubled the dots, or not."""
        self.envelope(recipient)
        self.say(b"DATA\r\n", b"354")
        self.say(content + b".\r\n", b"250")

    def chunks(self, recipient: str, content: bytes, cut: int) -> None:
        """Send with BDAT, in two chunks."""
        self.envelope(recipient)
        self.say(b"BDAT %d\r\n%b" % (cut, content[:cut]), b"250")
        rest = content[cut:]
        self.say(b"BDAT %d LAST\r\n%b" % (len(rest), rest), b"250")

    def close(self) -> None:
        """Say goodbye."""
        self.say(b"QUIT\r\n", b"221")
        self.lines.close()
        self.sock.close()


def collect(system: MailSystem, count: int) -> dict[str, bytes]:
    """Return the delivered files by the local part of their recipient, ids and times masked."""
    found = {}
    for content in system.delivered(count):
        recipient = re.search(rb"^Delivered-To: (.*)@", content, re.MULTILINE)
        assert recipient
        found[recipient[1].decode()] = content
    return found


def differences(found: list[dict[str, bytes]]) -> set[str]:
    """Return the names of the messages that are not the same, and print those."""
    postfix, pyfix = found
    names = {name for name in postfix.keys() | pyfix.keys() if postfix.get(name) != pyfix.get(name)}
    for name in names:
        print(name, postfix.get(name), pyfix.get(name), sep="\n  ")  # noqa: T201 - pytest shows it
    return names


def test_content_by_data_is_stored_alike(pair: list[MailSystem]) -> None:
    """Each odd content."""
    found = []
    for system in pair:
        client = Raw(system.port)
        for name, content in CONTENTS.items():
            client.data(f"{name}@pair.test", content)
        client.close()
        found.append(collect(system, len(CONTENTS)))
    assert differences(found) - DIFFERENCES.keys() == set()
    for name, text in DIFFERENCES.items():
        assert text in found[1][name] and text not in found[0][name], name


def test_content_by_bdat_is_stored_alike(pair: list[MailSystem]) -> None:
    """Each odd content, cut in its first line, and one without its last line end."""
    contents = {name: content for name, content in CONTENTS.items() if len(content) > 3} | {"unended": HEAD + b"\r\nx"}
    found = []
    for system in pair:
        client = Raw(system.port)
        for name, content in contents.items():
            client.chunks(f"{name}@pair.test", content, 3)
        client.close()
        found.append(collect(system, len(contents)))
    assert differences(found) == set()


def test_large_content_is_stored_alike(pair: list[MailSystem]) -> None:
    """What does not fit into memory goes another way."""
    body = HEAD + BODY + b"0123456789abcdef\r\n" * 40_000
    found = []
    for system in pair:
        client = Raw(system.port)
        client.data("from@pair.test", b"From me\r\n" + body)
        client.data("blank@pair.test", b" folded\r\n" + body)
        client.close()
        found.append(collect(system, 2))
    assert found[1] == found[0]


SUBMITTED = {
    name: content.replace(b"\r\n", b"\n")
    for name, content in CONTENTS.items()
    if b"\0" not in content and not name.startswith("long-")
} | {
    "unended": b"Subject: s\n\nno line end",
    "cr-lf": b"Subject: s\r\n\r\nbody\r\n",
    "from-then-tab": b"From one\n\tfolded\nSubject: s\n\nbody\n",
}  # fmt: skip


def sendmail(system: MailSystem, recipient: str, content: bytes, *options: str) -> None:
    """Submit by the sendmail command of the system."""
    command = [*sendmail_command(system), "-i", "-F", "", "-f", "me@client.test", *options]
    subprocess.run([*command, *([] if "-t" in options else [recipient])], input=content, check=True, timeout=60)


def test_content_by_sendmail_is_stored_alike(pair: list[MailSystem]) -> None:
    """Each odd content; with -t an mbox line in front does not hide the recipients."""
    extracted = b"From me\n>From me\nTo: extracted@pair.test\n\nbody\n"
    found = []
    for system in pair:
        for name, content in SUBMITTED.items():
            sendmail(system, f"{name}@pair.test", content)
        sendmail(system, "", extracted, "-t")
        found.append(collect(system, len(SUBMITTED) + 1))
    assert differences(found) == set()
