"""Against Postfix's own postconf: defaults, expansion, what is printed and how files are changed.

Where the two differ on purpose, the difference is listed here.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from postconf_pair import OLD

from pyfix.commands.postconf import main
from pyfix.mail.config import Config, ConfigError, discover
from pyfix.mail.config.parameters import PerTransport

pytestmark = pytest.mark.peer("postfix")

COMPUTED = {"process_id", "process_name", "mail_version"}
"""What every program says of itself."""
COMPUTED_FROM_HOST = {"myhostname", "mydomain", "mynetworks", "config_directory"}
"""What is computed when it is asked for."""
OWN_DIRECTORIES = {"queue_directory", "data_directory"}
"""pyfix and Postfix may live on one machine."""
LESS = {"alias_maps"}
"""Postfix built with NIS adds nis:mail.aliases, a type of table that pyfix has not."""
PYFIX_ONLY = (
    "accounts_database", "auth_", "authdaemond_", "disable_plaintext_auth", "login_greeting",
    "mail_max_userip_connections", "mailbox_syslog_name", "master_stop_grace", "password_", "pop3_", "pop3d_",
    "process_client_limit", "quota_status_", "run_without", "saslauthd_", "smtpd_login_", "smtpd_overquota_timeout",
    "smtpd_reject_overquota_recipient", "virtual_create_maildirsize", "virtual_mailbox_extended",
    "virtual_mailbox_limit_", "virtual_maildir_", "virtual_overquota_bounce", "virtual_quota_", "virtual_trash_",
)  # fmt: skip
"""Names, and beginnings of names that Postfix has none of."""
"""Parameters that Postfix does not have."""

VALUES = {"a": "1", "b": "${c}", "c": "", "d": " x  ", "e": "{y}", "f": "<$a>", "g": "3.10"}


@pytest.fixture(scope="module")
def postconf() -> str:
    """The path of Postfix's postconf: pyfix has a command of this name too."""
    postfix = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    return os.path.join(os.path.dirname(postfix or "/usr/sbin/postfix"), "postconf")


def write_old(path: Path, text: str) -> None:
    """Write a file that was not changed lately: Postfix waits for two seconds before it reads a fresh main.cf."""
    path.write_text(text)
    os.utime(path, (OLD, OLD))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def run_pyfix(*words: str) -> subprocess.CompletedProcess[str]:
    """Run pyfix's postconf, in this process."""
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)


def test_defaults_are_those_of_postfix(postconf: str) -> None:
    """The same text for each parameter that both have; the others are listed above."""
    lines = run(postconf, "-d").stdout.splitlines()
    theirs = {name: value.strip() for name, _, value in (line.partition(" =") for line in lines)}
    different = {
        name: (declared.default, theirs.get(name))
        for name, declared in discover.declarations().items()
        if not isinstance(declared, PerTransport) and declared.default != theirs.get(name)
    }
    listed = COMPUTED | COMPUTED_FROM_HOST | OWN_DIRECTORIES | LESS
    unlisted = {name: texts for name, texts in different.items() if name not in listed}
    assert {name: texts for name, texts in unlisted.items() if not name.startswith(PYFIX_ONLY)} == {}
    assert [name for name in theirs if name.startswith(PYFIX_ONLY)] == []


def test_defaults_of_families_are_those_of_postfix(postconf: str) -> None:
    """For a transport of the stock master.cf, and for the transports with a default of their own."""
    for family in discover.families():
        for transport in ("relay", *family.defaults):
            name = f"{transport}{family.suffix}"
            theirs = run(postconf, "-dh", name).stdout.strip()
            if theirs:
                assert (name, family.default_for(transport)) == (name, theirs)


def test_defaults_of_the_machine_are_those_of_postfix(postconf: str, tmp_path: Path) -> None:
    """Names and networks, for each style and choice of interfaces."""
    for text in (
        "", "compatibility_level = 3.6\n", "mynetworks_style = class\n", "inet_protocols = ipv4\n",
        "inet_interfaces = loopback-only\nmynetworks_style = host\n", "inet_interfaces = 127.0.0.1\n",
        "mydomain = example.com\n", "myhostname = a.b.c\n",
    ):  # fmt: skip
        write_old(tmp_path / "main.cf", text)
        config = Config.load(str(tmp_path))
        names = ("myhostname", "mydomain", "mynetworks")
        theirs = run(postconf, "-c", str(tmp_path), "-xh", *names).stdout.splitlines()
        assert (text, [config.evaluate(name, "") for name in names]) == (text, theirs)


def random_expression(choose: random.Random, depth: int = 0) -> str:
    """Return an expression, most often one that is well formed."""
    name = choose.choice([*VALUES, "nosuch"])

    def inner() -> str:
        return random_expression(choose, depth + 1) if depth < 3 else choose.choice(["x", "", "$a"])

    def blank() -> str:
        return choose.choice(["", "", " "])

    def number() -> str:
        return choose.choice(["1", "2", "10", "01", "x", "", "$a", "$g", "3.9", " 1"])

    def sign() -> str:
        return choose.choice(["==", "!=", "<", "<=", ">", ">="])

    shapes: list[Callable[[], str]] = [
        lambda: f"${name}",
        lambda: f"${{{name}}}",
        lambda: f"$({name})",
        lambda: f"${{{name}?{inner()}}}",
        lambda: f"${{{name}:{inner()}}}",
        lambda: f"${{{blank()}{name}{blank()}?{blank()}{{{inner()}}}{blank()}:{blank()}{{{inner()}}}{blank()}}}",
        lambda: f"${{{name}?{{{inner()}}}}}",
        lambda: f"${{{{{number()}}}{blank()}{sign()}{blank()}{{{number()}}}{blank()}?{{{inner()}}}:{{{inner()}}}}}",
        lambda: f"${{{{{number()}}} {sign()} {{1}}}}",
        lambda: f"${{{{3.{choose.randint(0, 12)}}} {sign()}level {{$g}} ? {{{inner()}}} : {{{inner()}}}}}",
        lambda: f"{inner()}{choose.choice([' ', '-', '$$', '.'])}{inner()}",
        lambda: choose.choice(
            ["${a", "${a.b}", "$", "${a?{b}c}", "${{1} = {1}?x}", "$$$$", "${{1}}", "${}", "${c:{x}y}"]
        ),
    ]
    return choose.choice(shapes)()


def our_value(definitions: str, expression: str) -> str | None:
    """Return the expansion, None when it is refused."""
    try:
        return Config.from_text(f"{definitions}mine = <{expression}>\n").expand("$mine")
    except ConfigError:
        return None


def test_random_expressions_expand_as_in_postfix(postconf: str, tmp_path: Path) -> None:
    """A thousand, half of them nested; what we refuse is refused by Postfix too."""
    choose = random.Random(20260101)
    definitions = "".join(f"{name} = {value}\n" for name, value in VALUES.items())
    expressions = {random_expression(choose) for _ in range(1000)}
    values = {expression: our_value(definitions, expression) for expression in expressions}
    valued = sorted(expression for expression, value in values.items() if value is not None)
    refused = sorted(expressions - set(valued))
    names = [f"mine{number}" for number in range(len(valued))]
    text = definitions + "".join(f"{name} = <{expression}>\n" for name, expression in zip(names, valued, strict=True))
    write_old(tmp_path / "main.cf", f"{text}mydestination = ${' $'.join(names)}\n")
    theirs = run(postconf, "-c", str(tmp_path), "-xh", *names).stdout.splitlines()
    ours = [" ".join((values[expression] or "").split()) for expression in valued]
    assert [*zip(valued, ours, strict=True)] == [*zip(valued, map(str.strip, theirs), strict=True)]
    for expression in refused[:: len(refused) // 6]:
        write_old(tmp_path / "main.cf", f"{definitions}myorigin = <{expression}>\n")
        peer = run(postconf, "-c", str(tmp_path), "-xh", "myorigin")
        assert (expression, peer.returncode) == (expression, 1)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration with something of everything that both know."""
    write_old(
        tmp_path / "main.cf",
        "# comment\nmyhostname = foo.example\nmynetworks = 127.0.0.0/8,\n   # x\n   10.0.0.0/8\nuser_defined = 7\n"
        "smtpd_banner = $user_defined $nosuch\nunusedp = 1\nsmtp_destination_concurrency_limit = 3\nwombat = 5\n"
        "transport_maps = inline:{ a=smtp:b, { c = smtp:d   } }\n",
    )
    write_old(
        tmp_path / "master.cf",
        "smtp inet n - y - - smtpd\n127.0.0.1:12345 inet n - - - - smtpd -v -v -o a=b -o { x = a  b } foo bar\n"
        "  -o z=3\nrelay unix - - y - - smtp\n  -o syslog_name=postfix/$service_name\n"
        "mailman unix - n n - - pipe\n  flags=FRX user=list argv=/usr/lib/mailman/bin/postfix-to-mailman.py\n"
        "  ${nexthop} ${user}\nx unix - - - - - pipe flags=a {b  c} argv=foo {d}\n",
    )
    return tmp_path


@pytest.mark.parametrize(
    "request_line",
    [
        "-n", "-nf", "-nx", "-n -C user", "-n -C service", "-n -C builtin", "mynetworks", "-h mynetworks",
        "-H mynetworks", "-hx smtpd_banner", "-d smtpd_banner nosuch", "nosuch", "-n mynetworks max_use",
        "-o max_use=7 max_use",
        "-n -o max_use=7", "-df smtpd_relay_restrictions max_use", "-M", "-Mf", "-M smtp", "-M smtp/inet",
        "-Mx relay", "-M nosuch", "-F", "-Ff", "-F smtp/inet/command", "-F */*/chroot", "-Fh smtp/inet/chroot",
        "-FH smtp/inet", "-P", "-P relay", "-Px relay/unix/syslog_name", "-Ph relay", "-PH relay", "-P nosuch",
        "-d -n", "-d max_use=3", "-h -H x", "-M -P", "-# max_use=3", "-x max_use=5", "-e", "-F smtp/inet/x",
    ],
)  # fmt: skip
def test_request_prints_what_postfix_prints(postconf: str, etc: Path, request_line: str) -> None:
    """Output and exit status are equal; so are the warnings, but for their order and our suggestions."""
    theirs = run(postconf, "-c", str(etc), *request_line.split())
    ours = run_pyfix("-c", str(etc), *request_line.split())
    assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode
    expected = {line.removeprefix(os.path.dirname(postconf) + "/") for line in theirs.stderr.splitlines()}
    assert {line.partition("; did you mean")[0] for line in ours.stderr.splitlines()} == expected


@pytest.mark.parametrize(
    "words",
    [
        ["-e", "myhostname = new   v", "mynetworks=7", "added=1"],
        ["a = b", "a=c"],
        ["-#", "myhostname", "mynetworks", "nosuch"],
        ["-X", "myhostname", "mynetworks", "nosuch"],
        ["max_use="],
    ],
)
def test_change_leaves_the_file_that_postfix_leaves(
    postconf: str, etc: Path, tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    """Byte for byte."""
    write_old(etc / "main.cf", (etc / "main.cf").read_text() + "myhostname = bar.example\n  continued\n")
    other = tmp_path_factory.mktemp("theirs")
    shutil.copy2(etc / "main.cf", other)
    assert run(postconf, "-c", str(other), *words).returncode == run_pyfix("-c", str(etc), *words).returncode == 0
    assert (etc / "main.cf").read_bytes() == (other / "main.cf").read_bytes()


def test_need_is_not_forgotten(need: Callable[[str], str]) -> None:
    """In CI a missing Postfix is a failure, elsewhere it is named as the reason for skipping."""
    assert need("postfix")
