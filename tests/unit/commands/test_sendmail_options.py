"""The command line of sendmail."""

import os

import pytest

from pyfix.commands.outcome import CommandError, CommandLog
from pyfix.commands.sendmail import full_name, main, make_request, run
from pyfix.commands.sendmail_options import BadUsage, parse_options
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    NOTIFY_SUCCESS,
    RET_HDRS,
    TRACE_RECORD,
    TRACE_VERIFY,
)


def test_options_of_the_usual_callers_are_understood() -> None:
    """As cron, PHP, mutt and git write them."""
    options = parse_options(["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"])
    assert (options.full_name, options.ignore_dots, options.encoding) == ("CronDaemon", True, "8bit")
    assert options.recipients == ["root"]
    options = parse_options(["-t", "-i", "-f", "a@b"])
    assert (options.extract, options.sender, options.recipients) == (True, "a@b", [])
    options = parse_options(["-oem", "-oi", "-f", "a@b", "--", "-x@y", "c@d"])
    assert (options.ignore_dots, options.recipients) == (True, ["-x@y", "c@d"])
    assert parse_options(["-odb", "-om", "-om7", "x"]).recipients == ["x"]


def test_flags_may_be_joined_and_values_attached() -> None:
    """-tif a is -t -i -f a."""
    options = parse_options(["-tifa@b", "c"])
    assert (options.extract, options.ignore_dots, options.sender, options.recipients) == (True, True, "a@b", ["c"])


@pytest.mark.parametrize(
    "letters", ["-U", "-m", "-n", "-c", "-d1", "-d", "-q30m", "-bh", "-h9", "-X/tmp/log", "-Ltag", "-O", "-p"]
)
def test_options_without_meaning_are_accepted(letters: str) -> None:
    """Programs still give them."""
    arguments = [letters, "value"] if letters in ("-O", "-p") else [letters]
    assert parse_options([*arguments, "x"]).recipients == ["x"]


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [(["-bs"], "s"), (["-bp"], "p"), (["-bi"], "i"), (["-I"], "i"), (["-q"], "q"), (["-bv"], "v"), ([], "m")],
)
def test_modes(arguments: list[str], mode: str) -> None:
    """-b and its relatives."""
    assert parse_options(arguments).mode == mode


def test_parts_of_the_queue_can_be_named() -> None:
    """-qI and -qR."""
    assert parse_options(["-qIABCDEF1"]).queue_id == "ABCDEF1"
    assert parse_options(["-qRexample.org"]).site == "example.org"


@pytest.mark.parametrize(
    ("value", "flags"),
    [("never", NOTIFY_NEVER), ("success,delay", NOTIFY_SUCCESS | NOTIFY_DELAY), ("FAILURE", NOTIFY_FAILURE),
     ("failure,failure", NOTIFY_FAILURE)],
)  # fmt: skip
def test_notification_is_parsed(value: str, flags: int) -> None:
    """-N."""
    assert parse_options(["-N", value]).notify == flags


def test_bad_delivery_options_are_warned_of_and_ignored() -> None:
    """With Postfix's words."""
    options = parse_options(["-Nfoo", "-R", "foo", "-V", "a b", "-Rhdrs"])
    assert options.warnings == ["bad -N option value -- ignored", "bad -R option value -- ignored"]
    assert (options.notify, options.ret, options.envid) == (0, RET_HDRS, "a b")
    assert parse_options(["-V", ""]).warnings == ["bad syntax in -V option value -- ignored"]


def test_reports_are_asked_for() -> None:
    """-bv tries nothing, -v tells what was done."""
    assert parse_options(["-bv"]).trace == TRACE_VERIFY
    assert parse_options(["-v"]).trace == TRACE_RECORD
    assert parse_options([]).trace == 0
    assert parse_options(["-v", "-v"]).trace == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-Z"], "invalid option -- 'Z'"),
        (["-f"], "option requires an argument -- 'f'"),
        (["-bX"], "unsupported: -bX"),
        (["-qZ"], "-qZ is not implemented"),
        (["-Bfoo"], "-B option needs 8BITMIME or 7BIT"),
        (["-qS", "x"], "-qS is not implemented"),
        (["-qI"], "specify: -qIqueueid"),
        (["-qR"], "specify: -qRsitename"),
        (["-bd", "x"], "daemon mode requires no recipient"),
        (["-bl", "x"], "daemon mode requires no recipient"),
        (["-bs", "x"], "stand-alone mode requires no recipient"),
        (["-bi", "x"], "alias initialization mode requires no recipient"),
        (["-I", "x"], "alias initialization mode requires no recipient"),
        (["-bp", "x"], "display queue mode requires no recipient"),
        (["-q", "x"], "flush queue mode requires no recipient"),
        (["-qRa", "x"], "flush site requires no recipient"),
        (["-bv", "-t"], "-t option cannot be used with -bv"),
        (["-XV+="], "unsupported: -XV (variable envelope return path)"),
    ],
)
def test_nonsense_is_refused(arguments: list[str], problem: str) -> None:
    """What can't be obeyed is said."""
    with pytest.raises(BadUsage) as caught:
        parse_options(arguments)
    assert str(caught.value) == problem


def test_the_directory_may_be_given_as_its_main_cf() -> None:
    """-C takes both, as Postfix's does."""
    assert parse_options(["-C/etc/x/main.cf"]).directory == "/etc/x/"
    assert parse_options(["-C", "/etc/x"]).directory == "/etc/x"


def test_passed_on_mail_is_a_strangers() -> None:
    """-G: its headers are neither completed nor added to."""
    requests = [make_request(parse_options([*words, "a@b"]), ["a@b"], CommandLog("sendmail")) for words in ([], ["-G"])]
    assert [request.rewrite_context for request in requests] == ["local", "remote"]


@pytest.mark.parametrize(("name", "expected"), [("A. B.", "A. B."), ("A\nBcc: c@d", ""), ("A\udcff", "")])
def test_a_name_from_the_environment_that_can_not_be_used_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    """The user did not ask for it."""
    monkeypatch.setenv("NAME", name)
    assert full_name(0) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-Z"], "usage: sendmail [options]: invalid option -- 'Z'"),
        (["-bX"], "unsupported: -bX"),
        (["-bp", "x"], "display queue mode requires no recipient"),
    ],
)
def test_wrong_command_line_ends_with_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words are Postfix's, and so is the status; only an option that there is not brings up the usage."""
    with pytest.raises(CommandError) as caught:
        run(arguments, CommandLog("sendmail"))
    assert str(caught.value) == message
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == os.EX_TEMPFAIL
    assert capsys.readouterr().err == f"sendmail: fatal: {message}\n"
