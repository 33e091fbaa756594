"""The same dialogue with a real Postfix and with smtpd: same replies, same log lines.

Setup: a private Postfix on loopback ports, one smtpd of it for each configuration; our smtpd and our trivial-rewrite
with the same main.cf. Known differences are listed in EXPECTED_DIFFERENCES and nowhere else.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker
from instance import free_port
from neighbours import Neighbours

from pyfix.daemons.smtpd.daemon import SERVICE
from pyfix.daemons.trivial_rewrite.daemon import SERVICE as REWRITE

pytestmark = [
    pytest.mark.peer("postfix"),
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("postfix", path="/usr/sbin") is None, reason="Postfix is not installed"),
    pytest.mark.skipif(os.getuid() != 0, reason="Postfix starts as root only"),
]

MAIN_CF = """
compatibility_level = 3.7
myhostname = mail.bench.test
mydomain = bench.test
myorigin = bench.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination = local.test
mynetworks = 10.0.0.0/8
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = inline:{u1@bench.test=u1}
virtual_alias_domains = alias.test
virtual_alias_maps = inline:{a@alias.test=u1@bench.test}
relay_domains = relay.test
local_recipient_maps = inline:{postmaster=x, joe=x}
transport_maps = inline:{
    {error.relay.test = error:}, {later.relay.test = error:4.2.0 come later}, {text.relay.test = error:just text},
    {retry.relay.test = retry:}, {busy.relay.test = retry:4.3.2 busy}, {never.relay.test = retry:5.4.4 never}}
alias_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_hard_error_limit = 1000
smtpd_peername_lookup = no
max_use = 100000
"""
CONFIGURATIONS = {
    "plain": [],
    "strict": [
        ("smtpd_helo_required", "yes"), ("smtpd_forbid_unauth_pipelining", "yes"), ("smtpd_recipient_limit", "3"),
        ("smtpd_recipient_overshoot_limit", "2"), ("smtpd_hard_error_limit", "7"), ("smtpd_junk_command_limit", "3"),
        ("smtpd_discard_ehlo_keywords", "dsn,chunking"), ("disable_vrfy_command", "yes"),
    ],
    "reject_lf": [
        ("smtpd_forbid_bare_newline", "reject"), ("smtpd_forbid_bare_newline_exclusions", ""),
        ("message_size_limit", "2000"), ("smtpd_forbid_bare_newline_reject_code", "521"),
    ],
    "normalize_lf": [("smtpd_forbid_bare_newline", "normalize"), ("smtpd_forbid_bare_newline_exclusions", "")],
    "soft": [("soft_bounce", "yes"), ("smtpd_helo_required", "yes"), ("smtpd_forbid_unauth_pipelining", "yes")],
    "codes": [
        ("reject_code", "570"), ("defer_code", "470"), ("relay_domains_reject_code", "571"),
        ("access_map_reject_code", "572"), ("access_map_defer_code", "472"),
        ("unknown_local_recipient_reject_code", "573"), ("unknown_virtual_alias_reject_code", "574"),
        ("unknown_virtual_mailbox_reject_code", "475"), ("unknown_relay_recipient_reject_code", "576"),
        ("relay_recipient_maps", "inline:{x@relay.test=y}"), ("smtpd_noop_commands", "foo,bar"),
        ("smtpd_forbidden_commands", "EVIL"), ("smtpd_null_access_lookup_key", "nobody"),
        ("smtpd_sender_restrictions", "inline:{nobody=WARN,spam.test=reject,slow.test=defer}"),
        ("smtpd_recipient_restrictions", "check_recipient_access,inline:{joe@=REJECT,postmaster@=DEFER}"),
    ],
    "unlisted": [("smtpd_reject_unlisted_recipient", "no")],
    "early": [("smtpd_delay_reject", "no"), ("smtpd_client_restrictions", "reject")],
}  # fmt: skip

HELO = b"EHLO x\r\n"
ENVELOPE = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<u1@bench.test>\r\n"
PATHS = r"""<> | a@b.c | <a@b.c | <a@b.c>> | <a b@c> | "a b"@c | <"a b"@c> | <"a\"b"@c> | <"a>b"@c> | <a@b.c>X
<@x,@y:a@b.c>
<a@b@c> | <a@@c> | <a..b@c> | <a@c..d> | <a@c.> | <a@[1.2.3.4]> | <a@[1.2.3]> | <a@[x]> | <a@1.2.3.4> | <a@-x.y>
<@> | <@x> | <a@>
<a(c)@b> | foo <a@b> | <a,b@c> | <a;b@c> | <a:b@c> | <a\b@c> | <a%b@c> | <b!a> | < a@b.c > | <a @b.c> | <""@b.c>
<""> | <"a\"@b.c>
<"a b"c@b.c> | <a\ b@b.c> | <a."b.c"@b.c> | <(x)a(y)@(z)b.c> | <(x> | <a)@b.c> | <<a@b.c>> | <a@b.c>< | <a@b.c>,
x<a@b.c>
x:<a@b.c> | x:a@b.c; | <.a@b.c> | <a.@b.c> | <a@b_c.d> | <a@b,c> | <a@"b"c> | <a@[1.2.3.4]x> | <@b.c:> | a b | "a
[ | <a@b.c>"x
<a@[ipv6:::1]> | <MAILER-DAEMON>"""
MAIL_OPTIONS = """SIZE=100|SIZE|SIZE=|SIZE=x|SIZE=-1|SIZE=99999999999999999999999|SIZE=99999999|BODY=7BIT
BODY=8bitmime|BODY=BINARYMIME
BODY|FOO|FOO=BAR|SMTPUTF8|SMTPUTF8=x|RET=FULL ENVID=abc|RET=full RET=hdrs|RET=x|RET|ENVID=a+3|ENVID=a+2B ENVID=b
ENVID=a=b|ENVID=
AUTH=<>|AUTH=foo|SIZE=1 SIZE=2|NOTIFY=NEVER| SIZE=1  BODY=7BIT|XVERP"""
RECIPIENTS = """<> | <u1@bench.test | <u9@bench.test> | <nobody@local.test> | <joe@local.test> | <joe>
<postmaster> | <POSTMASTER>
<a@alias.test> | <b@alias.test> | <x@relay.test> | <x@sub.relay.test> | <x@elsewhere.test>
<x%elsewhere.test@local.test>
<elsewhere.test!x@local.test> | <"x@elsewhere.test"@local.test> | <"x@elsewhere.test"> | <@local.test:x@elsewhere.test>
<@elsewhere.test:joe@local.test> | <joe@[127.0.0.1]> | <joe@[10.9.8.7]> | <joe@127.0.0.1> | <u1@bench.test.>
<u1@BENCH.TEST>
<U1@bench.test> | <u1+x@bench.test> | <"u1"@bench.test> | <@bench.test> | <|foo@local.test> | </etc/passwd@local.test>
<u1@bench.test> (comment) | <u1@bench.test>,<u2@bench.test> | <u1@bench.test> NOTIFY=NEVER
<u1@bench.test> NOTIFY=NEVER,SUCCESS
<u1@bench.test> NOTIFY=success,failure,delay | <u1@bench.test> NOTIFY= | <u1@bench.test> NOTIFY
<u1@bench.test> ORCPT=rfc822;a+2Bb@c
<u1@bench.test> ORCPT=rfc822 | <u1@bench.test> ORCPT=;x | <u1@bench.test> ORCPT=foo;x+ | <u1@bench.test> ORCPT=
<u1@bench.test> X | <x@error.relay.test> | <x@later.relay.test> | <x@text.relay.test> | <x@retry.relay.test>
<x@busy.relay.test> | <x@never.relay.test>"""


def alternatives(text: str) -> list[str]:
    """Split on lines and on " | "."""
    return [word for line in text.splitlines() for word in line.split(" | ")]


def mail_dialogue(arguments: list[str]) -> list[bytes]:
    """MAIL with each argument, in one session."""
    return [HELO, *(line for text in arguments for line in (b"MAIL FROM:" + text.encode() + b"\r\n", b"RSET\r\n"))]


DIALOGUES: dict[str, list[list[bytes]]] = {
    "plain": [
        mail_dialogue(alternatives(PATHS)),
        mail_dialogue([f"<a@b.c> {options}" for line in MAIL_OPTIONS.splitlines() for options in line.split("|")]),
        [HELO, b"MAIL FROM:<a@b.c>\r\n",
         *(b"RCPT TO:" + text.encode() + b"\r\n" for text in alternatives(RECIPIENTS))],
        [HELO, *(b"VRFY " + text + b"\r\n" for text in (b"", b"u1@bench.test", b"<u9@bench.test>", b"a b", b"x@y.z"))],
        [b"HELO\r\n", b"HELO a b\r\n", b"EHLO\r\n", b"EHLO y<z>\r\n", b"HELO -bad-\r\n", b"MAIL FROM:<a@b.c>\r\n",
         b"RCPT TO:<x@y.z>\r\n"],
        [b"MAIL\r\n", b"MAIL FROM\r\n", b"MAIL FROM:\r\n", b"RCPT\r\n", b"DATA\r\n", b"RSET x\r\n", b"AUTH\r\n",
         b"STARTTLS x\r\n", b"QUIT x\r\n"],
        [b"ETRN\r\n", b"ETRN a b\r\n", b"ETRN foo.test\r\n", b"ETRN bad..domain\r\n", b"XCLIENT\r\n",
         b"XFORWARD NAME=x\r\n", b"FOO\r\n"],
        [b"NOOP\rNOOP\r\n", b"NOOP\t\rx\r\n"],
        [b"NOOP\0 x\r\n", b"NO\rOP\r\n", b"EHLO \0\r\n", b"\r\n", b"   \r\n", b" NOOP\r\n", b"\xff\xfe\r\n",
         b"MAIL FROM:<\xff@b.c>\r\n"],
        [b"x" * 3000 + b"\r\n", b"NOOP\r\n"], [b"get / HTTP/1.0\r\n"], [b"Subject: foo\r\n"], [b"1foo: foo\r\n"],
         [b": foo\r\n"],
        [HELO, ENVELOPE + b"DATA\r\n", b"Subject: x\n\nabc\n.\nQUIT\n"],
        [HELO, ENVELOPE + b"DATA\r\n", b"a\0b\rc\r\nd\r\r\n..e\r\n.f\r\n\r\r\n.\r\n.\r\n"],
        [HELO, ENVELOPE, b"BDAT 5\r\nabcde", b"BDAT 6 LAST\r\n.\r\nabc", b"BDAT 3 LAST\r\nabc", b"QUIT\r\n"],
        [HELO, ENVELOPE, b"BDAT 5\r\nabcde", b"DATA\r\n", b"RCPT TO:<x@y.z>\r\n", b"MAIL FROM:<x@y.z>\r\n",
         b"RSET\r\n", b"BDAT 3\r\nabc"],
        [HELO, b"BDAT 0\r\n", ENVELOPE, b"BDAT 0 LAST\r\n", b"BDAT x\r\n"],
        [HELO, b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<x@e.f>\r\n", b"DATA\r\n", b"DATA x\r\n", b"QUIT\r\n"],
    ],
    "strict": [
        [b"MAIL FROM:<a@b.c>\r\n", b"NOOP\r\n", HELO, b"MAIL FROM:<a@b.c>\r\n",
         *[b"RCPT TO:<u1@bench.test>\r\n"] * 12],
        [HELO, b"NOOP\r\nNOOP\r\n"], [HELO, ENVELOPE + b"DATA\r\n.\r\n"], [b"HELO x\r\n",
         b"RSET\r\nMAIL FROM:<a@b.c>\r\n"],
        [HELO, *[b"NOOP\r\n"] * 14], [HELO, b"VRFY x\r\n", b"MAIL FROM:<a@b.c> RET=FULL\r\n", ENVELOPE,
         b"BDAT 4 LAST\r\n"],
        [HELO, *[b"FOO\r\n"] * 6, ENVELOPE, b"DATA\r\n", b"x\r\n.\r\n", *[b"FOO\r\n"] * 8],
    ],
    "reject_lf": [
        [HELO, ENVELOPE, b"DATA\r\n", b"Subject: x\n\nabc\n.\nQUIT\n", b"\r\n.\r\n", b"QUIT\r\n"], [b"EHLO x\n"],
        [HELO, ENVELOPE, b"DATA\r\n", b"x\r\n" * 1500 + b".\r\n", b"QUIT\r\n"],
        [HELO, ENVELOPE, b"BDAT 1500\r\n" + b"x" * 1500, b"BDAT 600\r\n" + b"x" * 600, b"BDAT 3 LAST\r\nabc",
         b"RSET\r\n"],
        [HELO, ENVELOPE, b"BDAT 3000\r\n" + b"x" * 3000, b"NOOP\r\n"], [HELO, b"NOOP " + b"a" * 5000 + b"\r\n",
         b"RSET\r\n"],
    ],
    "normalize_lf": [
        [HELO, ENVELOPE, b"DATA\r\n", b"a\n.\nQUIT\n.\r\nfoo\r\n.\nx\r\n.\r\r\nx\r\r\n..\n.\r\n.\r\n",
         b"NOOP\nRSET\r\n"],
        [HELO, ENVELOPE, b"DATA\r\n", b".\r\n"], [HELO, ENVELOPE, b"DATA\r\n", b".\n.\r\n\r\n.\r\n"],
    ],
    "soft": [
        [b"MAIL FROM:<a@b.c>\r\n", b"FOO\r\n", b"EHLO\r\n", HELO, b"DATA\r\n",
         b"MAIL FROM:<a@b.c> SIZE=99999999\r\n", b"RSET\r\n", b"MAIL FROM:<a@b.c>\r\n",
         b"RCPT TO:<x@elsewhere.test>\r\n", b"RCPT TO:<u9@bench.test>\r\n", b"ETRN foo.test\r\n",
         b"VRFY x@elsewhere.test\r\n", b"QUIT\r\n"],
        [HELO, b"NOOP\r\nNOOP\r\n"], [HELO, b"BDAT x\r\n"],
    ],
    "codes": [
        [HELO, b"MAIL FROM:<a@b.c>\r\n",
         *(b"RCPT TO:<" + name + b">\r\n" for name in (
             b"joe@local.test", b"postmaster@local.test", b"nobody@local.test", b"b@alias.test", b"u9@bench.test",
             b"y@relay.test", b"x@relay.test", b"x@elsewhere.test"))],
        *([HELO, b"MAIL FROM:<" + sender + b">\r\n", b"RCPT TO:<u1@bench.test>\r\n"]
          for sender in (b"x@spam.test", b"x@slow.test", b"")),
        [b"FOO bar\r\n", b"bar\r\n", b"baz\r\n", b"GET / HTTP/1.0\r\n", b"evil x\r\n"],
    ],
    "unlisted": [
        [HELO, b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<u9@bench.test>\r\n", b"RCPT TO:<nobody@local.test>\r\n",
         b"RCPT TO:<b@alias.test>\r\n", b"RCPT TO:<x@error.relay.test>\r\n", b"VRFY u9@bench.test\r\n"],
    ],
    "early": [[HELO, ENVELOPE, b"DATA\r\n", b"NOOP\r\n", b"QUIT\r\n"]],
}  # fmt: skip
EXPECTED_DIFFERENCES = (
    'warning: unknown DSN NOTIFY command value',
    "queue file size limit exceeded",
)  # fmt: skip
"""Log lines that only one of the two writes."""


@dataclass
class Postfix:
    """The private Postfix."""

    directory: Path
    ports: dict[str, int]

    def log(self) -> list[str]:
        """Return what its smtpd processes have logged."""
        found = re.findall(r"/smtpd\[\d+\]: (.*)", (self.directory / "log").read_text())
        return [str(line) for line in found]


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postfix]:
    """Lay out, start and stop a Postfix."""
    directory = tmp_path_factory.mktemp("postfix")
    for folder in [directory, *directory.parents]:
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    etc = directory / "etc"
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    master = Path("/usr/share/postfix/master.cf.dist")
    text = (master if master.exists() else Path("/etc/postfix/master.cf")).read_text()
    text = re.sub(r"^smtp +inet.*", "", text, flags=re.M)
    text = re.sub(r"^(\S+ +(?:unix|inet|fifo|unix-dgram) +\S+ +\S+ +)y( .*)", r"\1n\2", text, flags=re.M)
    ports = {name: free_port() for name in CONFIGURATIONS}
    for name, overrides in CONFIGURATIONS.items():
        options = "".join(f" -o {key}={value}" for key, value in overrides)
        text += f"127.0.0.1:{ports[name]} inet n - n - - smtpd{options}\n"
    (etc / "master.cf").write_text(text)
    (etc / "main.cf").write_text(
        f"{MAIN_CF}queue_directory = {directory}/queue\ndata_directory = {directory}/data\nmail_owner = postfix\n"
        f"maillog_file = {directory}/log\nmaillog_file_prefixes = {directory}\nmulti_instance_name = postfix-test\n"
        "multi_instance_enable = yes\nvirtual_transport = discard\ndefault_transport = discard\n"
        "local_transport = discard\nrelay_transport = discard\nsetgid_group = postdrop\n"
        "daemon_directory = /usr/lib/postfix/sbin\n"
    )
    subprocess.run(["/usr/sbin/postfix", "-c", str(etc), "start"], check=True, capture_output=True, timeout=60)
    try:
        yield Postfix(directory, ports)
    finally:
        subprocess.run(["/usr/sbin/postfix", "-c", str(etc), "stop"], check=True, capture_output=True, timeout=60)


class LogDrain:
    """Reads the worker's log while it runs, so that it never waits for a reader."""

    def __init__(self, worker: RunningWorker) -> None:
        self._worker = worker
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.01):
            self._worker.log_lines()

    def wait_for(self, part: str, start: int) -> None:
        """Wait for a line with this part behind the first `start` ones."""
        deadline = time.monotonic() + DEADLINE_S
        while not any(part in line for line in self._worker.lines[start:]):
            assert time.monotonic() < deadline, self._worker.lines[start:]
            self._over.wait(0.01)

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def converse(port: int, chunks: list[bytes]) -> list[str]:
    """Send each chunk when the reply to the last one is there; return the replies, without queue ids."""
    replies = []
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        for chunk in [b"", *chunks]:
            try:
                sock.sendall(chunk)
                replies.append(re.sub(r"queued as \w+", "queued as ID", read_reply(sock, chunk)))
            except OSError:
                replies.append("<closed>")
            if replies[-1].endswith("<closed>"):
                break
    return replies


def read_reply(sock: socket.socket, chunk: bytes) -> str:
    """Return what comes until the server has answered everything, as far as silence can tell."""
    reply = b""
    sock.settimeout(10 if chunk.count(b"\n") <= 1 and not reply else 0.6)
    try:
        while data := sock.recv(65536):
            reply += data
            sock.settimeout(0.3 if chunk.count(b"\n") > 1 else 0.05)
        reply += b"<closed>"
    except TimeoutError:
        pass
    except ConnectionResetError:
        reply += b"<closed>"
    return reply.decode("utf-8", "replace")


def log_lines(lines: list[str]) -> list[str]:
    """Return the lines that both must write, without queue ids."""
    lines = [re.sub(r"^(warning: )?[0-9A-F]{6,}(?=: )", r"\1ID", line) for line in lines]
    return [line for line in lines if not any(known in line for known in EXPECTED_DIFFERENCES)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_dialogues_are_those_of_postfix(name: str, postfix: Postfix, tmp_path: Path) -> None:
    """Every reply is the same; so are the log lines."""
    neighbours = Neighbours(make_queue_directory(tmp_path), rewrites=False)
    differences: list[str] = []
    try:
        with (
            run_worker(REWRITE, MAIN_CF, tmp_path, name="rewrite"),
            run_worker(SERVICE, MAIN_CF, tmp_path, name="smtp", inet=True, overrides=CONFIGURATIONS[name]) as worker,
        ):
            for chunks in DIALOGUES[name]:
                differences += compare(chunks, postfix, postfix.ports[name], worker)
    finally:
        neighbours.close()
    assert not differences, "\n".join(differences)


def compare(chunks: list[bytes], postfix: Postfix, port: int, worker: RunningWorker) -> list[str]:
    """Return what differs in one dialogue."""
    before, ours_before = len(postfix.log()), len(worker.log_lines())
    theirs = converse(port, chunks)
    drain = LogDrain(worker)
    ours = converse(int(worker.path.rpartition(":")[2]), chunks)
    drain.wait_for("disconnect from", ours_before)
    drain.close()
    differences = [
        f"{chunk!r}: Postfix {left!r}, we {right!r}"
        for chunk, left, right in zip([b"", *chunks], theirs, ours, strict=False)
        if left != right
    ]
    if len(theirs) != len(ours):
        differences.append(f"{chunks!r}: Postfix {len(theirs)} replies, we {len(ours)}")
    wanted, got = set(log_lines(postfix.log()[before:])), set(log_lines(worker.log_lines()[ours_before:]))
    got = {line for line in got if "overriding earlier entry" not in line}
    return differences + [f"missing: {line}" for line in wanted - got] + [f"surplus: {line}" for line in got - wanted]
