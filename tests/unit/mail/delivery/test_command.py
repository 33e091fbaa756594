"""Commands: what they get, how their end is read."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.mail.delivery.command import Command, CommandError, exported_environment, run
from pyfix.mail.delivery.sysexits import Ended, judge, printable

PATH = {"PATH": "/usr/bin:/bin"}
IS_ROOT = os.getuid() == 0


def shell(text: str, message: Iterator[bytes] | None = None, limit: float = 20.0) -> Ended:
    """Run a command line."""
    return run(Command(text=text, environment=PATH, time_limit=limit), message or iter([b"hello\n"]))


def test_command_reads_the_message_and_its_output_is_one_line() -> None:
    """Line ends and tabs of the output are spaces."""
    assert shell("cat; printf 'a\\tb\\001'") == Ended(0, "hello a b_")


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("exit 67", "5.1.1", "user unknown"),
        ("exit 75", "4.3.0", "temporary failure"),
        ("echo oops; exit 70", "5.3.0", "internal software error. Command output: oops "),
        ("exit 3", "5.3.0", 'Command died with status 3: "exit 3"'),
        ("echo 4.7.1 not now; exit 67", "4.7.1", "not now "),
        ("echo 5.7.1 never; exit 75", "5.7.1", "never "),
        ("kill -9 $$", "4.3.0", 'Command died with signal 9: "kill -9 $$"'),
        (
            "/nonexistent/prog x",
            "4.3.0",
            "temporary failure. Command output: local: fatal: execvp /nonexistent/prog: No such file or directory ",
        ),
    ],
)
def test_end_of_a_command_becomes_a_status(text: str, status: str, reason: str) -> None:
    """sysexits.h, own codes, signals and what can't be started."""
    dsn = judge(shell(text), text)
    assert dsn is not None
    assert (dsn.status, dsn.reason) == (status, reason)


@pytest.mark.parametrize(
    ("ended", "diagnostic"),
    [
        (Ended(3), "unknown mail system error 3"),
        (Ended(3, "oops"), "oops"),
        (Ended(67), "user unknown"),
        (Ended(67, "5.1.1 who"), "who"),
    ],
)
def test_diagnostic_is_what_the_command_said_or_what_its_status_means(ended: Ended, diagnostic: str) -> None:
    """In the machine-readable part of a notice."""
    dsn = judge(ended, "x")
    assert dsn is not None
    assert (dsn.diagnostic_type, dsn.diagnostic) == ("x-unix", diagnostic)


def test_success_has_no_failure() -> None:
    """Whatever it printed."""
    assert judge(Ended(0, "5.1.1 no"), "x") is None


def test_command_without_special_characters_that_is_no_program_goes_to_the_shell() -> None:
    """Shell builtins work: "|exit 0"."""
    assert shell("exit 0").code == 0
    ended = shell("nonesuch-command arg")
    assert ended.code == 127
    assert "not found" in ended.output


def test_time_limit_kills_the_command_with_its_children() -> None:
    """A child that holds the output open does not hold the mail system."""
    ended = shell("sleep 600 & sleep 600", limit=0.2)
    assert ended.timed_out
    dsn = judge(ended, "slow")
    assert dsn is not None
    assert (dsn.status, dsn.reason) == ("5.3.0", 'Command time limit exceeded: "slow"')


def test_command_that_stops_reading_is_no_error() -> None:
    """It took what it wanted."""
    assert shell("exit 0", iter([b"x" * 65536] * 100)).code == 0


def test_background_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    """The command itself has ended."""
    ended = shell("sleep 20 & exit 0", limit=10)
    assert ended == Ended(0, "")


def test_large_message_and_endless_output_pass() -> None:
    """Both directions at once, and only the beginning of the output is kept."""
    ended = shell("cat", iter([b"0123456789abcde\n" * 4096] * 64))
    assert ended.code == 0
    assert len(ended.output) == 4096


def test_environment_is_clean() -> None:
    """Nothing of the mail system's own but what export_environment names."""
    names = exported_environment(["TZ", "LANG=C", "NONE"], {"TZ": "UTC", "SECRET": "x"})
    assert names == {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C"}
    assert "SECRET" not in run(Command(["/usr/bin/env"], environment=names), iter([])).output


def test_directory_that_is_missing_is_temporary() -> None:
    """And the output says which."""
    ended = run(Command(["/bin/true"], directory="/nonexistent", environment=PATH, program="pipe"), iter([]))
    assert ended.code == 75
    assert ended.output.startswith('pipe: fatal: cannot change directory to "/nonexistent" for uid=')


def test_command_runs_where_it_was_told(tmp_path: Path) -> None:
    """directory="""
    assert run(Command(["/bin/pwd"], directory=str(tmp_path), environment=PATH), iter([])).output.strip() == str(
        tmp_path
    )


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_command_has_the_rights_of_the_user_only() -> None:
    """Real, effective and saved ids, and groups."""
    text = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), os.getsid(0) == os.getpid())"
    ended = run(Command([sys.executable, "-I", "-c", text], uid=65534, gid=65533, environment=PATH), iter([]))
    if ended.code:
        ended = run(Command(["/usr/bin/id"], uid=65534, gid=65533, environment=PATH), iter([]))
        assert ended.output.startswith("uid=65534(nobody) gid=65533 groups=65533")
    else:
        assert ended.output.strip() == "(65534, 65534, 65534) (65533, 65533, 65533) [65533] True"


def test_unprintable_output_is_replaced() -> None:
    """Bytes that are no text as well."""
    assert printable(b"a\x00b\xffc\n") == "a_b\ufffdc "


@pytest.mark.parametrize(("call", "number"), [("pipe2", 1), ("pipe2", 2), ("fork", 1), ("pidfd_open", 1)])
def test_command_that_cannot_be_started_costs_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """Short of descriptors or processes, a delivery agent is not short of more each time; nor is a child left."""
    real, calls = getattr(os, call), []

    def fail(*arguments: int) -> object:
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(*arguments)

    monkeypatch.setattr(os, call, fail)
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(CommandError, match="Delivery failed: Too many open files"):
        shell("sleep 60")
    assert sorted(os.listdir("/proc/self/fd")) == before
    if call == "pidfd_open":
        with pytest.raises(ChildProcessError):
            os.waitpid(calls[0][0], os.WNOHANG)
