"""AUTH: the same bytes to Postfix and to pyfix, both with the same Dovecot; real clients; what fail2ban finds.

Setup: the pair of conftest.py's kind, smtpd_sasl_type = dovecot.
Check: replies and log lines are equal but for ids, times and what Dovecot says at random.
"""

from __future__ import annotations

import base64
import contextlib
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from dovecot_instance import dovecot_auth
from instance import free_port, wait_until
from postfix_pair import STOCK_MASTER_CF, MailSystem, make_pair

pytestmark = [
    pytest.mark.peer("postfix"), pytest.mark.peer("dovecot"), pytest.mark.system, pytest.mark.root,
]  # fmt: skip
SETTINGS = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_authenticated_header": "yes",
    "broken_sasl_auth_clients": "yes",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "100",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
    "smtpd_sender_login_maps": (
        "inline:{own@x.test=ALICE, {two@x.test = bob, alice}, @y.test=alice, loc=alice, other@x.test=bob}"
    ),
    "recipient_delimiter": "+",
    "smtpd_helo_restrictions": (
        "check_helo_access inline:{{all.test = reject_sender_login_mismatch}"
        ", {known.test = reject_known_sender_login_mismatch}"
        ", {with.test = reject_authenticated_sender_login_mismatch}"
        ", {without.test = reject_unauthenticated_sender_login_mismatch}, {class.test = outer}}"
    ),
    "smtpd_restriction_classes": "inner outer",
    "inner": "check_sender_access inline:{{bad@x.test=REJECT inner}, {good@x.test=OK}}",
    "outer": (
        "inner, check_sender_access inline:{{good@x.test=REJECT outer}, {other@x.test=450 later}, {loop@x.test=inner}}"
    ),
    "smtpd_sender_restrictions": "check_sasl_access inline:{{carol=REJECT no carol}}",
}


LIMITS = {
    "smtpd_client_event_limit_exceptions": "",
    "smtpd_client_message_rate_limit": "2",
    "smtpd_client_auth_rate_limit": "2",
}


def b64(text: str) -> str:
    """Return base64 of bytes that are written as Latin-1."""
    return base64.b64encode(text.encode("latin-1")).decode()


EHLO = "EHLO client.test"
GOOD = "AUTH PLAIN " + b64("\0alice\0secret")
CASES = [
    [GOOD, GOOD, "EHLO again", "MAIL FROM:<a@b.test>", "AUTH", "RSET", "HELO y", GOOD],
    ["AUTH PLAIN " + b64("\0alice\0wrong"), "AUTH PLAIN " + b64("\0nobody\0wrong"), "AUTH PLAIN =", "AUTH PLAIN =="],
    ["AUTH PLAIN", "=", "AUTH PLAIN", "", "AUTH PLAIN", "*", "AUTH PLAIN", "* ", "AUTH PLAIN", " *"],
    ["AUTH", "AUTH PLAIN x y", "AUTH FOO", "AUTH FOO xx", "AUTH plain " + b64("\0alice\0secret")],
    ["AUTH login", b64("alice"), b64("secret")],
    ["AUTH LOGIN " + b64("alice"), b64("secret")],
    ["AUTH LOGIN =", b64("alice"), b64("wrong")],
    ["AUTH LOGIN", "", "AUTH LOGIN", b64("alice"), "%%%", "AUTH LOGIN", b64("alice"), "abc", "AUTH LOGIN", "a b"],
    [
        "AUTH PLAIN " + text
        for text in ("%%%", "abc", "a=bc", "YQ==YQ==", b64("alice"), b64("\0alice"), b64("\0alice\0"))
    ],
    [
        "AUTH PLAIN " + b64("x\0alice\0secret"),
        "AUTH PLAIN " + b64("\0al\xffice\0secret"),
        'AUTH PLAIN "x"',
        "AUTH <x>",
    ],
    ["MAIL FROM:<a@b.test>", GOOD, "AUTH LOGIN", b64("alice"), "RCPT TO:<x@elsewhere.test>"],
    [
        command
        for options in ("AUTH=<>", "AUTH=a@b", "AUTH=", "AUTH=a AUTH=b", "AUTH", "AUTH=<> AUTH=<>")
        for command in (f"MAIL FROM:<a@b.test> {options}", "RSET")
    ],
    ["AUTH PLAIN", "A" * 12287, "AUTH PLAIN", "A" * 12288, "AUTH PLAIN", "A" * 20000, "NOOP"],
    ["AUTH PLAIN " + "A" * 2033, "AUTH PLAIN " + "A" * 2040, "NOOP", "AUTH PLAIN " + "A" * 5000, "NOOP"],
    ["AUTH LOGIN", "A" * 8000, "NOOP"],
    ["AUTH ANONYMOUS " + b64("trace"), "AUTH CRAM-MD5 xx", "AUTH SCRAM-SHA-256 " + b64("xx")],
    [f"{GOOD}\r\nNOOP\r\nMAIL FROM:<a@b.test>"],
    [f"AUTH LOGIN\r\n{b64('alice')}\r\n{b64('secret')}\r\nNOOP"],
    ["AUTH LOGIN\r\nNOOP", "QUIT"],
    ["AUTH LOGIN", "QUIT", "QUIT"],
    ["AUTH\tPLAIN", f"AUTH  PLAIN  {b64(chr(0) + 'alice' + chr(0) + 'secret')}  "],
    ["AUTH PLAIN", "\0", "AUTH PLAIN", "a\0b", "AUTH PLAIN", "\xe9", "AUTH PL\xe9IN", "AUTH " + "X" * 300],
    ["MAIL FROM:<a@b.test>", "RCPT TO:<a@pair.test>", GOOD, "DATA", "x\r\n."],
]


@pytest.fixture(scope="module")
def systems(need: Callable[[str], str]) -> Iterator[list[MailSystem]]:
    """Both, running, with the same Dovecot."""
    postfix = need("postfix")
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    with contextlib.ExitStack() as stack:
        users = {"alice": "{PLAIN}secret", "bob@pair.test": "{PLAIN}b pass", "carol": "{PLAIN}sing"}
        auth = stack.enter_context(dovecot_auth(need, users, "plain login cram-md5 scram-sha-256 anonymous"))
        directory = Path(tempfile.mkdtemp(prefix="pyfix-pair-"))
        directory.chmod(0o755)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        made = make_pair(directory, free_port, 9, postfix, SETTINGS | {"smtpd_sasl_path": str(auth.path)})
        for system in made:
            with open(system.directory / "etc" / "master.cf", "a") as master:
                options = "".join(f"    -o {name}={value}\n" for name, value in LIMITS.items())
                master.write(f"127.0.0.1:{free_port()} inet n - n - - smtpd\n{options}")
            stack.callback(system.stop)
            system.start()
        yield made


def limited_port(system: MailSystem) -> int:
    """Return the port with LIMITS."""
    found = re.search(r"(?m)^127\.0\.0\.1:(\d+) ", (system.directory / "etc" / "master.cf").read_text())
    assert found
    return int(found[1])


def dialogue(port: int, commands: list[str]) -> list[str]:
    """Return what is said to commands, each sent when the one before has been answered; then QUIT, and all the rest."""
    said = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock, sock.makefile("rb") as lines:
        for command in ("", EHLO, *commands):
            if command:
                sock.sendall(command.encode("latin-1") + b"\r\n")
            elif said:
                sock.sendall(b"\r\n")
            said.append(reply(lines))
        sock.sendall(b"*\r\nQUIT\r\n")
        sock.shutdown(socket.SHUT_WR)
        said += [line.decode("utf-8", "replace").rstrip() for line in lines]
    return [re.sub(r"queued as \w+|^334 \S{20,}", "X", line) for line in said]


def reply(lines: object) -> str:
    """Return one reply."""
    text = ""
    while True:
        line = lines.readline().decode("utf-8", "replace")  # type: ignore[attr-defined]
        text += line
        if line[3:4] != "-":
            return text


def about_logins(system: MailSystem) -> list[str]:
    """Return the lines of the log about AUTH, without times and ids."""
    lines = (system.directory / "log").read_text(errors="replace").splitlines()
    texts = [line.split("]: ", 1)[1] for line in lines if "]: " in line and ("SASL" in line or "sasl_" in line)]
    return [re.sub(r"^[0-9A-F]{9,}: ", "ID: ", text) for text in texts]


def test_replies_and_log_lines_are_equal(systems: list[MailSystem]) -> None:
    """To the letter, for good, bad and absurd input."""
    with ThreadPoolExecutor(len(CASES) * 2) as pool:
        work = [[pool.submit(dialogue, system.port, case) for system in systems] for case in CASES]
        for case, (postfix, pyfix) in zip(CASES, work, strict=True):
            assert pyfix.result() == postfix.result(), case
    postfix_log, pyfix_log = (partial(about_logins, system) for system in systems)
    wait_until(lambda: len(postfix_log()) == len(pyfix_log()) > 20, "the same number of lines")
    assert sorted(map(without_old_name, pyfix_log())) == sorted(map(without_old_name, postfix_log()))


def without_old_name(line: str) -> str:
    """Return a line without a login that says nothing: of an attempt before this one in Postfix, or half of UTF-8."""
    return re.sub(r"(: Invalid .*sasl_username=|sasl_username=4).*", r"\1", line)


def test_owners_of_senders_are_equal(systems: list[MailSystem]) -> None:
    """All four restrictions, with and without a login."""
    senders = (
        "own@x.test", "own+ext@x.test", "TWO@X.test", "any@y.test", "loc@pair.test", "loc", "other@x.test",
        "none@x.test", '"own"@x.test', "@y.test:any@y.test", "",
    )  # fmt: skip
    commands = [c for sender in senders for c in (f"MAIL FROM:<{sender}>", "RCPT TO:<a@pair.test>", "RSET")]
    cases = [
        [f"EHLO {helo}.test", *login, *commands]
        for helo in ("all", "known", "with", "without")
        for login in ([], [GOOD], ["AUTH PLAIN " + b64("\0carol\0sing")])
    ]
    for case in cases:
        postfix, pyfix = (dialogue(system.port, case) for system in systems)
        assert pyfix == postfix, case
        assert any("553 5.7.1" in reply or "<carol>: SASL login" in reply for reply in pyfix) or (
            case[:2] in (["EHLO with.test", commands[0]], ["EHLO without.test", GOOD])
        )


def test_limits_of_clients_are_equal(systems: list[MailSystem]) -> None:
    """What is counted, in which order with other checks, and how it is told."""
    mail = "MAIL FROM:<a@b.test>"
    cases = [
        ["MAIL", "MAIL FROM:<a@b.test> FOO=1", mail, "RSET", "MAIL FROM:<@>", mail, "MAIL FROM", "MAIL"],
        ["AUTH PLAIN ==", "AUTH", "AUTH FOO", "AUTH PLAIN ==", GOOD],
        [mail, "NOOP"],
    ]
    ports = [limited_port(system) for system in systems]
    said = [[dialogue(port, case) for case in cases] for port in ports]
    assert said[1] == said[0]
    logs = [partial(about_limits, system, port) for system, port in zip(systems, ports, strict=True)]
    wait_until(lambda: len(logs[0]()) == len(logs[1]()) > 5, "the same number of lines")
    assert logs[1]() == logs[0]()


def about_limits(system: MailSystem, port: int) -> list[str]:
    """Return the lines about limits of the service on a port."""
    lines = (system.directory / "log").read_text(errors="replace").splitlines()
    return [line.split("]: ", 1)[1].replace(str(port), "PORT") for line in lines if " exceeded: " in line]


def test_restriction_classes_are_equal(systems: list[MailSystem]) -> None:
    """One in another, and from an access table."""
    case = ["EHLO class.test"]
    for name in ("bad", "good", "other", "loop", "none"):
        case += [f"MAIL FROM:<{name}@x.test>", "RCPT TO:<a@pair.test>", "RSET"]
    postfix, pyfix = (dialogue(system.port, case) for system in systems)
    assert pyfix == postfix
    assert [reply[:3] for reply in pyfix[3 : 3 + 3 * 5 : 3]] == ["250"] * 5
    assert sorted({reply[:3] for reply in pyfix[4 : 4 + 3 * 5 : 3]}) == ["250", "450", "554"]


def test_messages_of_those_who_have_logged_in_are_equal(systems: list[MailSystem]) -> None:
    """client= in the log, Received: with the login, by smtplib's CRAM-MD5."""
    found = []
    for system in systems:
        with smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.test", timeout=30) as client:
            client.ehlo()
            client.user, client.password = "bob@pair.test", "b pass"
            client.auth("CRAM-MD5", client.auth_cram_md5)
            client.sendmail("me@client.test", ["box@pair.test"], "Subject: logged in\n\nHello\n", ["AUTH=<>"])
        content = next(message for message in system.all_delivered() if b"logged in" in message)
        lines = [line for line in about_logins(system) if "bob" in line]
        found.append((content, lines))
    assert found[0] == found[1]
    assert b"(Authenticated sender: bob@pair.test)" in found[1][0]
    assert found[1][1] == ["ID: client=localhost[127.0.0.1], sasl_method=CRAM-MD5, sasl_username=bob@pair.test"]


@pytest.mark.peer("swaks")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks_logs_in(systems: list[MailSystem], need: Callable[[str], str], mechanism: str) -> None:
    """And relays, which only those may who have."""
    command = [
        need("swaks"), "--server", f"127.0.0.1:{systems[1].port}", "--auth", mechanism, "--auth-user", "alice",
        "--auth-password", "secret", "--to", "x@elsewhere.test", "--from", "me@client.test", "--quit-after", "RCPT",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "235 2.7.0 Authentication successful" in done.stdout and "250 2.1.5 Ok" in done.stdout


@pytest.mark.peer("fail2ban-regex")
def test_fail2ban_finds_every_failed_login(
    systems: list[MailSystem], need: Callable[[str], str], tmp_path: Path
) -> None:
    """The stock filter, as the jail postfix-sasl uses it, matches what it matches in Postfix's log."""
    program = need("fail2ban-regex")
    cases = [["AUTH PLAIN " + b64("\0ban1\0no")], ["AUTH LOGIN " + b64("ban2"), b64("x")]]
    counts = []
    for system in systems:
        for case in cases:
            dialogue(system.port, case)
        wait_until(partial(failures, system, 2), "both failures in the log")
        failed = failures(system)
        log = tmp_path / system.name
        log.write_text("".join(line.replace("postfix-pair/", "postfix/") for line in failed))
        command = [program, str(log), "postfix[mode=auth]"]
        report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        matched = re.search(r"Failregex: (\d+) total", report)
        assert matched, report
        counts.append(int(matched[1]))
    assert counts == [2, 2]


def failures(system: MailSystem, at_least: int = 0) -> list[str]:
    """Return the lines about wrong passwords of this test, if there are so many."""
    lines = (system.directory / "log").read_text(errors="replace").splitlines(keepends=True)
    found = [line for line in lines if "authentication failed" in line and "sasl_username=ban" in line]
    return found if len(found) >= at_least else []
