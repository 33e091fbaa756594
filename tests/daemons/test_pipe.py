"""pipe over its socket, with real commands."""

import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import run_worker
from mail_agents import CONTENT, deliver, enqueue, left, reachable_directory, verbs

from pyfix.daemons.pipe.daemon import SERVICE
from pyfix.mail.delivery.sysexits import EX_TEMPFAIL
from pyfix.mail.ipc.messages import NOTIFY_SUCCESS, TRACE_VERIFY, Recipient

IS_ROOT = os.getuid() == 0
USER = "nobody" if IS_ROOT else pwd.getpwuid(os.getuid()).pw_name
OWNER = f"mail_owner = {'daemon' if IS_ROOT else USER}\n"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


def service(command: list[str], attributes: str = "") -> list[str]:
    """The arguments of a service."""
    return [*attributes.split(), f"user={USER}", f"argv={command[0]}", *command[1:]]


def shell(text: str) -> list[str]:
    """A command that is a shell script, with the script's arguments to follow."""
    return ["/bin/sh", "-c", text, "sh"]


def open_for_all(path: Path) -> Path:
    """Let the command's user write here."""
    if IS_ROOT:
        path.chmod(0o777)
    return path


def test_command_gets_message_and_arguments(tmp_path: Path) -> None:
    """One run for all recipients; the output appears behind the service's name."""
    out = open_for_all(tmp_path) / "got"
    command = [*shell(f'cat > {out}; echo "$@"'), "${recipient}", "$user", "-f", "$sender"]
    with run_worker(SERVICE, OWNER, tmp_path, name="mydeliver", argv=service(command)) as worker:
        request = enqueue(tmp_path, ["a@b.test", "c@b.test"])
        assert deliver(worker, request).outcomes == []
        lines = worker.log_lines()
    assert out.read_bytes() == CONTENT
    assert left(tmp_path, request) == []
    text = r"\(delivered via mydeliver service \(a@b.test c@b.test a c -f sender@example.test\)\)"
    assert re.fullmatch(
        rf"{request.queue_id}: to=<a@b.test>, relay=mydeliver, .*, dsn=2.0.0, status=sent {text}", lines[0]
    )
    assert "to=<c@b.test>, relay=mydeliver" in lines[1]


def test_command_finds_the_mail_system_that_runs_it(tmp_path: Path) -> None:
    """Its sendmail then submits to the right one; other names come with export_environment."""
    argv = service([*shell('[ "$$MAIL_CONFIG" = "$$1" ] && echo "same, A is $$A"'), f"{tmp_path}/etc"])
    with run_worker(SERVICE, f"{OWNER}export_environment = MAIL_CONFIG, {{ A=b, c }}\n", tmp_path, argv=argv) as worker:
        deliver(worker, enqueue(tmp_path, ["a@b.test"]))
        assert "service (same, A is b, c)" in worker.wait_for_line("status=")


def test_flags_shape_the_message(tmp_path: Path) -> None:
    """From_, Return-Path, X-Original-To, Delivered-To, quoting, line ends, blank line."""
    out = open_for_all(tmp_path) / "got"
    argv = service(shell(f"cat > {out}"), "flags=BDFOR.> eol=\\r\\n")
    with run_worker(SERVICE, OWNER, tmp_path, argv=argv) as worker:
        assert deliver(worker, enqueue(tmp_path, [Recipient("a@b.test", "o@b.test")], sender="")).outcomes == []
    lines = out.read_bytes().split(b"\r\n")
    assert lines[0].startswith(b"From MAILER-DAEMON ")
    assert lines[1:4] == [b"Return-Path: <MAILER-DAEMON>", b"X-Original-To: o@b.test", b"Delivered-To: a@b.test"]
    assert lines[7:] == [b">From here on", b"..dot", b"last line", b"", b""]


def test_header_of_one_recipient_makes_one_run_each(tmp_path: Path) -> None:
    """Flag D with two recipients."""
    out = open_for_all(tmp_path) / "got"
    argv = service([*shell(f"cat >> {out}; echo $$1 >> {out}"), "$recipient"], "flags=D")
    with run_worker(SERVICE, OWNER, tmp_path, argv=argv) as worker:
        assert deliver(worker, enqueue(tmp_path, ["a@b.test", "c@b.test"])).outcomes == []
    first, second = out.read_bytes().split(b"last line\n")[0], out.read_bytes().split(b"last line\n")[1]
    assert first.startswith(b"Delivered-To: a@b.test\n")
    assert second.startswith(b"a@b.test\nDelivered-To: c@b.test\n")


def test_mail_that_was_here_before_bounces(tmp_path: Path) -> None:
    """Flag D compares without case."""
    argv = service(["/bin/true"], "flags=D")
    with run_worker(SERVICE, OWNER, tmp_path, argv=argv) as worker:
        request = enqueue(tmp_path, ["A@b.test", "c@b.test"], b"Delivered-To: a@B.test\n\nbody\n")
        assert verbs(deliver(worker, request)) == [("A@b.test", "bounced", "5.4.6")]
        assert worker.wait_for_line("dsn=5.4.6, status=bounced (mail forwarding loop for A@b.test)")


@pytest.mark.parametrize(
    ("script", "verb", "status", "text"),
    [
        ("exit 67", "bounced", "5.1.1", "(user unknown)"),
        ("echo wait; exit 75", "deferred", "4.3.0", "(temporary failure. Command output: wait )"),
        ("echo 5.7.1 not you; exit 1", "bounced", "5.7.1", "(not you )"),
        ("exit 9", "bounced", "5.3.0", '(Command died with status 9: "/bin/sh")'),
    ],
)
def test_exit_status_decides(tmp_path: Path, script: str, verb: str, status: str, text: str) -> None:
    """As sysexits.h and the output say."""
    with run_worker(SERVICE, OWNER, tmp_path, argv=service(shell(script))) as worker:
        assert verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"]))) == [("a@b.test", verb, status)]
        assert worker.wait_for_line(f"dsn={status}, status={verb} {text}")


def test_program_that_is_missing_defers(tmp_path: Path) -> None:
    """The administrator may still install it."""
    with run_worker(SERVICE, OWNER, tmp_path, argv=service(["/nonexistent/prog"])) as worker:
        assert verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"]))) == [("a@b.test", "deferred", "4.3.0")]
        assert worker.wait_for_line(
            "(temporary failure. Command output: pipe: fatal: pipe_command: execvp /nonexistent/prog: No such file"
        )
    assert EX_TEMPFAIL == 75


def test_time_limit_is_that_of_the_service(tmp_path: Path) -> None:
    """<service>_time_limit wins over command_time_limit."""
    text = OWNER + "command_time_limit = 500s\nslow_time_limit = 1s\n"
    with run_worker(SERVICE, text, tmp_path, name="slow", argv=service(["/bin/sleep", "30"])) as worker:
        assert verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"]))) == [("a@b.test", "bounced", "5.3.0")]
        assert worker.wait_for_line('(Command time limit exceeded: "/bin/sleep")')


def test_size_limit_bounces(tmp_path: Path) -> None:
    """size="""
    with run_worker(SERVICE, OWNER, tmp_path, argv=service(["/bin/true"], "size=10")) as worker:
        assert verbs(deliver(worker, enqueue(tmp_path, ["a@b.test"]))) == [("a@b.test", "bounced", "5.2.3")]


@pytest.mark.parametrize(("flags", "verb"), [("", "relayed"), ("flags=X", "delivered")])
def test_success_notice_says_relayed_unless_told_otherwise(tmp_path: Path, flags: str, verb: str) -> None:
    """Flag X."""
    with run_worker(SERVICE, OWNER, tmp_path, argv=service(["/bin/true"], flags)) as worker:
        answer = deliver(worker, enqueue(tmp_path, [Recipient("a@b.test", notify=NOTIFY_SUCCESS)]))
    assert verbs(answer) == [("a@b.test", verb, "2.0.0")]


def test_trace_only_message_runs_nothing(tmp_path: Path) -> None:
    """sendmail -bv."""
    with run_worker(SERVICE, OWNER, tmp_path, argv=service(["/bin/false"])) as worker:
        answer = deliver(worker, enqueue(tmp_path, ["a@b.test"], trace=TRACE_VERIFY))
        assert worker.wait_for_line("status=deliverable (delivers to command: /bin/false)")
    assert verbs(answer) == [("a@b.test", "deliverable", "2.0.0")]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["argv=/bin/true"], "missing user= command-line attribute"),
        ([f"user={USER}", "argv=/bin/true", "$nonsense"], 'unknown macro name: "nonsense" in "$nonsense"'),
        pytest.param(
            ["user=root", "argv=/bin/true"],
            "user= command-line attribute specifies root privileges",
            marks=[pytest.mark.root, pytest.mark.skipif(not IS_ROOT, reason="only root's pipe switches users")],
        ),
        pytest.param(
            ["user=daemon", "argv=/bin/true"],
            "user= command-line attribute specifies mail system owner daemon",
            marks=[pytest.mark.root, pytest.mark.skipif(not IS_ROOT, reason="only root's pipe switches users")],
        ),
        pytest.param(
            ["user=nonesuch", "argv=/bin/true"],
            "unknown username: nonesuch",
            marks=[pytest.mark.root, pytest.mark.skipif(not IS_ROOT, reason="only root's pipe switches users")],
        ),
    ],
)
def test_wrong_service_ends_the_process_with_its_name(tmp_path: Path, argv: list[str], problem: str) -> None:
    """Fatal, with file and service."""
    with run_worker(SERVICE, OWNER, tmp_path, name="mydeliver", argv=argv) as worker:
        worker.wait_for_line(f"fatal: file {tmp_path}/etc/master.cf: service mydeliver: {problem}")
        assert worker.stop() == 1


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to change the root directory and the user")
def test_chroot_and_user(tmp_path: Path) -> None:
    """chroot= and directory= apply before the command; it runs as user= and nobody else."""
    argv = service([*shell("id -u; id -G; pwd")], "directory=/bin chroot=/")
    with run_worker(SERVICE, OWNER, tmp_path, argv=argv) as worker:
        deliver(worker, enqueue(tmp_path, ["a@b.test"]))
        nobody = pwd.getpwnam("nobody")
        assert worker.wait_for_line(f"({nobody.pw_uid} {nobody.pw_gid} /")
