"""The postconf command, as it is typed."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyfix.commands.postconf import main

MAIN_CF = """\
# comment
myhostname = mail.example.com
mynetworks = 127.0.0.0/8,
    10.0.0.0/8
own_name = 7
smtpd_banner = $own_name ready
smtpd_timout = 5
"""
MASTER_CF = """\
smtp inet n - n - - smtpd
relay unix - - n - - smtp
    -o syslog_name=postfix/$service_name
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration directory."""
    (tmp_path / "main.cf").write_text(MAIN_CF)
    (tmp_path / "master.cf").write_text(MASTER_CF)
    return tmp_path


def call(etc: Path, *words: str) -> Result:
    """Run postconf on the directory."""
    return CliRunner().invoke(main, ["-c", str(etc), *words], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["mynetworks"], "mynetworks = 127.0.0.0/8, 10.0.0.0/8\n"),
        (["-h", "mynetworks"], "127.0.0.0/8, 10.0.0.0/8\n"),
        (["-H", "mynetworks"], "mynetworks\n"),
        (["-x", "smtpd_banner"], "smtpd_banner = 7 ready\n"),
        (["-hx", "smtpd_banner"], "7 ready\n"),
        (["-d", "smtpd_banner"], "smtpd_banner = $myhostname ESMTP $mail_name\n"),
        (["-n", "max_use"], ""),
        (["-o", "max_use=7", "max_use"], "max_use = 7\n"),
        (["-C", "user"], "own_name = 7\n"),
        (["-C", ",USER ,"], "own_name = 7\n"),
        (["-C", ""], ""),
        (["-n", "-C", "builtin", "-H"], "config_directory\nmyhostname\nmynetworks\nsmtpd_banner\n"),
        (["own_name", "myhostname"], "own_name = 7\nmyhostname = mail.example.com\n"),
        (["-M", "smtp"], "smtp       inet  n       -       n       -       -       smtpd\n"),
        (["-F", "smtp/inet/chroot"], "smtp/inet/chroot = n\n"),
        (["-F", "*/*/type"], "smtp/inet/type = inet\nrelay/unix/type = unix\n"),
        (["-P"], "relay/unix/syslog_name = postfix/$service_name\n"),
        (["-Px", "relay"], "relay/unix/syslog_name = postfix/relay\n"),
        (["-jn", "-C", "user"], '{"own_name": "7"}\n'),
        (["-jx", "smtpd_banner", "max_use"], '{"smtpd_banner": "7 ready"}\n{"max_use": "100"}\n'),
        (["-jM", "relay"], '{"relay/unix": "relay unix - - n - - smtp -o syslog_name=postfix/$service_name"}\n'),
        (["-jF", "*/*/chroot"], '{"smtp/inet/chroot": "n"}\n{"relay/unix/chroot": "n"}\n'),
        (
            ["-jF", "relay/unix/command"],
            '{"relay/unix/command": "smtp -o syslog_name=postfix/$service_name"}\n',
        ),
        (["-jPx"], '{"relay/unix/syslog_name": "postfix/relay"}\n'),
        (["-l"], "flock\nfcntl\ndotlock\n"),
        (["-a"], "cyrus\ndovecot\n"),
        (["-A"], ""),
    ],
)  # fmt: skip
def test_request_shows(etc: Path, words: list[str], shown: str) -> None:
    """Standard output holds what was asked for, and nothing else."""
    result = call(etc, *words)
    assert (result.stdout, result.exit_code) == (shown, 0)


def test_texts_of_notices_are_shown(etc: Path) -> None:
    """As bounce sends them, those of a file included; \"\" asks for the built-in ones."""
    (etc / "texts").write_text("verify_template = <<EOF\nSubject: Report\n\nSeen by $myhostname.\nEOF\n")
    (etc / "main.cf").write_text(f"{MAIN_CF}bounce_template_file = {etc}/texts\n")
    shown = "expanded_verify_text = <<EOF\nSeen by mail.example.com.\nEOF\n"
    for words in (["-b"], ["-b", f"{etc}/texts"]):
        assert call(etc, *words).stdout.endswith(f"EOF\n\n{shown}")
    assert "Seen by" not in call(etc, "-b", "").stdout
    template = "Subject: Report\n\nSeen by $myhostname.\nEOF\n"
    assert call(etc, "-t").stdout.endswith(
        f"verify_template = <<EOF\nCharset: us-ascii\nFrom: Mail Delivery System <MAILER-DAEMON>\n{template}"
    )


def test_table_types_are_listed(etc: Path) -> None:
    """One a line."""
    assert {"hash", "inline", "regexp", "static", "texthash"} <= set(call(etc, "-m").stdout.split())


def test_tls_is_told_of(etc: Path) -> None:
    """The OpenSSL that is loaded, the one that Python was built with, the kinds of keys."""
    assert call(etc, "-T", "run-version").stdout == f"{ssl.OPENSSL_VERSION}\n"
    assert call(etc, "-T", "compile-version").stdout.startswith(f"OpenSSL {ssl.OPENSSL_VERSION_INFO[0]}.")
    assert call(etc, "-T", "public-key-algorithms").stdout == "dsa\necdsa\nrsa\n"


def test_everything_is_listed_in_the_order_of_names(etc: Path) -> None:
    """Built in, service and user parameters together."""
    names = [line.split(" = ")[0] for line in call(etc).stdout.splitlines()]
    assert names == sorted(names)
    assert {"2bounce_notice_recipient", "relay_destination_concurrency_limit", "own_name", "mynetworks"} <= set(names)


def test_unused_parameter_is_warned_about(etc: Path) -> None:
    """With the nearest known name."""
    assert call(etc, "-n").stderr == (
        f"postconf: warning: {etc}/main.cf: unused parameter: smtpd_timout=5; did you mean smtpd_timeout?\n"
    )


def test_unknown_parameter_is_warned_about(etc: Path) -> None:
    """The request is carried out for the others."""
    result = call(etc, "-d", "smtpd_timout", "max_use")
    assert result.stdout == "max_use = 100\n"
    assert result.stderr == "postconf: warning: smtpd_timout: unknown parameter; did you mean smtpd_timeout?\n"


def test_unmatched_service_is_warned_about(etc: Path) -> None:
    """As Postfix words it."""
    assert 'postconf: warning: unmatched request: "nosuch"\n' in call(etc, "-M", "nosuch").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-d", "-n"], "specify one of -d -n"),
        (["-h", "-H", "x"], "specify one of -h -H"),
        (["-M", "-P"], "specify one of -M -P"),
        (["-d", "a=b"], "specify one of -d -e"),
        (["-x", "a=b"], "specify one of -e -x"),
        (["-#", "a=b"], "specify one of -e -#"),
        (["-j", "a=b"], "specify one of -e -j"),
        (["-jf"], "specify one of -f -j"),
        (["-jH"], "specify one of -H -j"),
        (["-jl"], "with option -l, do not specify -j"),
        (["-e"], "-e requires name=value argument"),
        (["-X"], "missing service argument"),
        (["a=b", "c"], "missing '=' after attribute name: \"c\""),
        (["-o", "=a", "b"], "invalid parameter override: =a: missing attribute name"),
        (["-#", "a", "b=c"], "-X or -# requires parameter names without value"),
        (["a=b\nc=d"], "-e, -X, or -# accepts no multi-line input"),
        (["a=b\rc"], "-e, -X, or -# accepts no multi-line input"),
        (["a=caf\udce9"], "-e, -X, or -# accepts UTF-8 text only"),
        (["-P", "smtp/inet/a=caf\udce9"], "-Me, -Fe, -Pe, -X, or -# accept UTF-8 text only"),
        (["-X", " # a"], "-e, -X, or -# accepts no comment input"),
        (["-X", " "], "-X or -# requires non-blank parameter names"),
        (["-C", "x"], 'unknown -C option value "x" in "x"; specify builtin, service, user or all'),
        (["-F", "smtp/inet/x"], 'invalid service attribute name: "x"'),
        (["-M", "smtp/inet/x"], "-M option requires service_name[/type]"),
        (["-F", "a/b/c/d"], "-F option requires service_name[/type[/field]]"),
        (["-Me"], "-e requires name=value argument"),
        (["-MX"], "missing service argument"),
        (["-Me", "x/inet=y"], 'bad field count: "x/inet=y"'),
        (["-Me", "x/inet=x inet n - n 1x - smtpd"], 'invalid wakeup field "1x" in "x inet n - n 1x - smtpd"'),
        (["-Me", "x=y"], "-Me, -MX or -M# requires service_name/type"),
        (["-M#", "smtp"], "-Me, -MX or -M# requires service_name/type"),
        (["-M#", "#smtp/inet"], "-Me, -Fe, -Pe, -X, or -# accept no comment input"),
        (["-M", "x/inet=#x inet n - n - - y"], 'a line that begins with "#x" is a comment; specify another name'),
        (["-Fe", "smtp/inet=x"], "-Fe or -FX requires service_name/type/field_name"),
        (["-F", "smtp/inet/*=x"], "-Fe does not accept wild-card field name"),
        (["-F", "smtp/inet/chroot=y n"], "-Fe does not accept whitespace in non-command field"),
        (["-F", "smtp/inet/process=1"], 'invalid service attribute name: "process"'),
        (["-FX", "smtp/inet/chroot"], "with option -F, do not specify -X"),
        (["-Pe", "smtp/inet=x"], "-Pe or -PX requires service_name/type/parameter"),
        (["-PX", "smtp/inet/*"], "-Pe does not accept wild-card parameter name"),
        (["-P", "smtp/inet/a=b c"], "-Pe does not accept whitespace in parameter value"),
        (["-b", "-t"], "specify one of -b and -t"),
        (["-b", "x", "y"], "options -b and -t require at most one template file"),
        (["-b", "/nonexistent"], "open /nonexistent: No such file or directory"),
        (["-m", "-l"], "specify one of -l -m"),
        (["-l", "-n"], "with option -l, do not specify -n"),
        (["-M", "-n"], "with option -M, do not specify -n"),
        (
            ["-T", "x"],
            "unknown 'postconf -T' mode: x; specify one of: compile-version, run-version, public-key-algorithms",
        ),
    ],
)  # fmt: skip
def test_request_is_refused(etc: Path, words: list[str], message: str) -> None:
    """One line, exit status 1, and the files are as they were."""
    result = call(etc, *words)
    assert result.stderr.splitlines()[-1] == f"postconf: fatal: {message}"
    assert (result.stdout, result.exit_code) == ("", 1)
    assert (etc / "main.cf").read_text() == MAIN_CF
    assert (etc / "master.cf").read_text() == MASTER_CF
    assert sorted(path.name for path in etc.iterdir()) == ["main.cf", "master.cf"]


def test_broken_main_cf_is_one_line(etc: Path) -> None:
    """File, line and remedy, no traceback."""
    (etc / "main.cf").write_text("x\n")
    result = call(etc)
    assert result.stderr == (
        f'postconf: fatal: {etc}/main.cf, line 1: missing \'=\' after attribute name: "x"; specify "name = value"\n'
    )
    assert result.exit_code == 1


def test_defaults_need_no_main_cf(tmp_path: Path) -> None:
    """They can be asked for before there is a configuration."""
    assert call(tmp_path, "-dh", "max_use").stdout == "100\n"


def test_settings_are_changed(etc: Path) -> None:
    """Several at once, in their places; the last of a name counts."""
    result = call(etc, "myhostname = a.example", "max_use=1", "max_use=2", "-e")
    assert result.stderr == "postconf: warning: ignoring earlier request: 'max_use = 1'\n"
    assert (etc / "main.cf").read_text() == MAIN_CF.replace("mail.example.com", "a.example") + "max_use = 2\n"


def test_settings_are_commented_out_and_removed(etc: Path) -> None:
    """-# keeps the lines, -X does not."""
    assert call(etc, "-#", "mynetworks").exit_code == 0
    assert "#mynetworks = 127.0.0.0/8,\n#    10.0.0.0/8\n" in (etc / "main.cf").read_text()
    assert call(etc, "-X", "myhostname", "smtpd_timout").exit_code == 0
    assert (etc / "main.cf").read_text() == (
        "# comment\n#mynetworks = 127.0.0.0/8,\n#    10.0.0.0/8\nown_name = 7\nsmtpd_banner = $own_name ready\n"
    )


@pytest.mark.parametrize(
    ("words", "smtp", "relay"),
    [
        (
            ["-Me", "smtp/inet=smtp inet n - y - 1 smtpd"],
            "smtp       inet  n       -       y       -       1       smtpd\n",
            None,
        ),
        (["-M#", "*/inet"], "#smtp inet n - n - - smtpd\n", None),
        (["-MX", "smtp/inet"], "", None),
        (["-F", "smtp/inet/chroot=y"], "smtp       inet  n       -       y       -       -       smtpd\n", None),
        (
            ["-P", "*/*/syslog_name=$v"],
            "smtp       inet  n       -       n       -       -       smtpd\n    -o syslog_name=$v\n",
            "relay      unix  -       -       n       -       -       smtp\n    -o syslog_name=$v\n",
        ),
        (["-PX", "relay/unix/syslog_name"], None, "relay      unix  -       -       n       -       -       smtp\n"),
    ],
)  # fmt: skip
def test_services_are_changed(etc: Path, words: list[str], smtp: str | None, relay: str | None) -> None:
    """Those that are asked for, in their places."""
    first, others = MASTER_CF.split("\n", 1)
    result = call(etc, *words)
    assert (result.output, result.exit_code) == ("", 0)
    assert (etc / "master.cf").read_text() == (
        (f"{first}\n" if smtp is None else smtp) + (others if relay is None else relay)
    )


def test_change_of_a_service_that_is_not_there_is_warned_about(etc: Path) -> None:
    """The others are changed; removing what is not there is no mistake."""
    result = call(etc, "-P", "nosuch/unix/a=1", "smtp/inet/a=1")
    assert result.stderr == 'postconf: warning: unmatched service_name/type: "nosuch/unix/a=1"\n'
    assert "    -o a=1\n" in (etc / "master.cf").read_text()
    assert call(etc, "-MX", "nosuch/unix").output == ""


def test_services_are_shown_as_often_as_they_are_asked_for(etc: Path) -> None:
    """In the order of the file; what was not found is told at the end."""
    result = call(etc, "-FH", "nosuch", "relay/*/type", "*/*/type")
    assert result.stdout == "smtp/inet/type\nrelay/unix/type\nrelay/unix/type\n"
    assert result.stderr == 'postconf: warning: unmatched request: "nosuch"\n'


def test_line_that_pyfix_cannot_run_is_shown(etc: Path) -> None:
    """So that it can be put right."""
    (etc / "master.cf").write_text("x unix - - - - - smtpd -D -o a = b\n")
    assert call(etc, "-M").stdout == "x          unix  -       -       -       -       -       smtpd -D -o a = b\n"


def test_override_of_a_service_goes_before_that_of_the_command_line(etc: Path) -> None:
    """Both go before main.cf."""
    (etc / "master.cf").write_text("x unix - - - - - smtp -o a=$b$own_name$max_use -o b=1\n")
    assert call(etc, "-Px", "-o", "own_name=8", "-o", "b=2", "x/unix/a").stdout == "x/unix/a = 18100\n"


def test_json_holds_any_value(etc: Path) -> None:
    """Quotes, control characters and letters of all kinds; each line is read back by itself."""
    value = 'say "ü" \\ \x01 { x  y }'
    (etc / "main.cf").write_text(f"smtpd_banner = {value}\n")
    (etc / "master.cf").write_text(f"x unix - - - - - smtp -o {{ a = {value} }} {{b  c}}\n")
    read = [json.loads(line) for line in call(etc, "-jn", "smtpd_banner").stdout.splitlines()]
    assert read == [{"smtpd_banner": " ".join(value.split())}]
    line = f"smtp -o {{a={value}}} {{b  c}}"
    assert json.loads(call(etc, "-jM").stdout) == {"x/unix": f"x unix - - - - - {line}"}
    assert json.loads(call(etc, "-jF", "x/unix/command").stdout) == {"x/unix/command": line}


def test_what_json_shows_can_be_set_again(etc: Path) -> None:
    """Name and value of an object make name=value."""
    (etc / "master.cf").write_text("x unix - - - - - smtp -v -o { a = b  c } -o d=$e {f  g}\ny unix - n n 1? 0 pipe\n")
    assert call(etc, "-M", *_assignments(call(etc, "-jM"))).output == ""
    written = (etc / "master.cf").read_text()
    for words in (["-F", "x/unix/command"], ["-F", "*/*/wakeup"], ["-P", "x/unix/d"]):
        assert call(etc, words[0], *_assignments(call(etc, f"-j{words[0][1]}", *words[1:]))).output == ""
    assert (etc / "master.cf").read_text() == written


def _assignments(shown: Result) -> list[str]:
    """Return the objects of an output as name=value."""
    return [f"{name}={value}" for line in shown.stdout.splitlines() for name, value in json.loads(line).items()]
