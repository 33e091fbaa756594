"""The SysV script under the shells that run it, with a fake pyfix and with each kind of init functions."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
LSB = 'log_daemon_msg() { printf "%s: %s" "$1" "$2"; }\nlog_end_msg() { echo " [lsb $1]"; return "$1"; }\n'
RHEL = 'success() { printf "[ OK ]"; }\nfailure() { printf "[FAILED]"; return 1; }\n'

FAKE_PYFIX = """#!/bin/sh
echo "$*" >>"{directory}/calls"
for action in "$@"; do :; done
case $action in
status) [ -e "{directory}/running" ] ;;
start) [ ! -e "{directory}/broken" ] && : >"{directory}/running" ;;
stop | abort) [ ! -e "{directory}/broken" ] && rm "{directory}/running" ;;
*) [ ! -e "{directory}/broken" ] ;;
esac
"""


@dataclass
class Script:
    """The script with its paths filled in, in a directory of the test's own."""

    directory: Path
    shell: str

    def run(self, action: str) -> subprocess.CompletedProcess[str]:
        """Run one action."""
        env = {"PATH": f"{self.directory}/bin:{os.environ['PATH']}"}
        return subprocess.run(
            [self.shell, str(self.directory / "pyfix.init"), *action.split()],
            capture_output=True, text=True, env=env, check=False, timeout=30,
        )  # fmt: skip

    def status(self, action: str) -> int:
        """Run one action and return its exit status."""
        return self.run(action).returncode

    @property
    def calls(self) -> list[str]:
        """What pyfix and newaliases were asked to do, status questions left out."""
        path = self.directory / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.removeprefix(f"-c {self.directory}/etc ") for line in lines if not line.endswith(" status")]

    def set_running(self) -> None:
        """Make the fake system run."""
        (self.directory / "running").touch()

    def break_it(self) -> None:
        """Make every action of the fake system fail."""
        (self.directory / "broken").touch()

    @property
    def is_locked(self) -> bool:
        """True when RHEL's lock file is there."""
        return (self.directory / "subsys" / "pyfix").exists()


def executable(path: Path, text: str) -> None:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o755)


def lay_out(directory: Path, shell: str, functions: str = "") -> Script:
    """Fill the script in; `functions` is "", "lsb" or "rhel"."""
    for name in ("bin", "etc", "subsys"):
        (directory / name).mkdir()
    (directory / "etc" / "main.cf").touch()
    text = (SCRIPTS / "pyfix.init").read_text()
    text = text.replace("@PYFIX@", f"{directory}/bin/pyfix").replace("@CONFIG_DIRECTORY@", f"{directory}/etc")
    text = text.replace("/var/lock/subsys", f"{directory}/subsys").replace("/etc/sysconfig", f"{directory}/sysconfig")
    text = text.replace("/etc/rc.d/init.d/functions", f"{directory}/rhel").replace(
        "/lib/lsb/init-functions", f"{directory}/lsb"
    )
    (directory / "pyfix.init").write_text(text)
    if functions:
        (directory / functions).write_text({"lsb": LSB, "rhel": RHEL}[functions])
    executable(directory / "bin" / "pyfix", FAKE_PYFIX.format(directory=directory))
    executable(directory / "bin" / "newaliases", f'#!/bin/sh\necho "newaliases $MAIL_CONFIG" >>"{directory}/calls"\n')
    executable(directory / "bin" / "id", "#!/bin/sh\necho 0\n")
    return Script(directory, shell)


@pytest.fixture(params=["dash", "bash"])
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Script:
    """The script under one shell, without init functions."""
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    return lay_out(tmp_path, request.param)


def test_start_rebuilds_aliases_and_starts(script: Script) -> None:
    """start runs newaliases of the same installation, then pyfix start, and locks for RHEL."""
    assert script.run("start").stdout == "Starting pyfix: done\n"
    assert script.calls == [f"newaliases {script.directory}/etc", "start"]
    assert script.is_locked


def test_start_of_running_system_is_success_and_does_nothing(script: Script) -> None:
    """LSB: starting what runs already is no failure."""
    script.set_running()
    assert script.status("start") == 0
    assert script.calls == []


def test_failed_start_is_status_1_and_leaves_no_lock(script: Script) -> None:
    """What pyfix refuses is a failure of the script."""
    script.break_it()
    result = script.run("start")
    assert (result.returncode, result.stdout) == (1, "Starting pyfix: failed\n")
    assert not script.is_locked


def test_stop_unlocks(script: Script) -> None:
    """stop stops and removes the lock."""
    script.status("start")
    assert script.status("stop") == 0
    assert script.calls[-1] == "stop"
    assert not script.is_locked


@pytest.mark.parametrize("action", ["stop", "abort"])
def test_stopping_a_stopped_system_is_success(script: Script, action: str) -> None:
    """LSB: stopping what does not run is no failure."""
    assert script.status(action) == 0
    assert script.calls == []


def test_abort_aborts(script: Script) -> None:
    """abort is passed on to a running system."""
    script.set_running()
    assert script.status("abort") == 0
    assert script.calls == ["abort"]


def test_restart_stops_and_starts(script: Script) -> None:
    """restart is stop and start."""
    script.set_running()
    assert script.status("restart") == 0
    assert [call for call in script.calls if not call.startswith("newaliases")] == ["stop", "start"]


def test_restart_of_system_that_does_not_stop_fails(script: Script) -> None:
    """No second start is tried then."""
    script.set_running()
    script.break_it()
    assert script.status("restart") == 1
    assert script.calls == ["stop"]


@pytest.mark.parametrize("action", ["condrestart", "try-restart"])
def test_conditional_restart_leaves_stopped_system_alone(script: Script, action: str) -> None:
    """A package update must not start what the administrator stopped."""
    assert script.status(action) == 0
    assert script.calls == []
    script.set_running()
    assert script.status(action) == 0
    assert script.calls[0] == "stop"


@pytest.mark.parametrize("action", ["reload", "flush"])
def test_action_on_running_system(script: Script, action: str) -> None:
    """reload and flush are 7 when nothing runs, else what pyfix says."""
    assert script.status(action) == 7
    script.set_running()
    assert script.status(action) == 0
    assert script.calls == [action]
    script.break_it()
    assert script.status(action) == 1


def test_force_reload_starts_a_stopped_system(script: Script) -> None:
    """force-reload: reload what runs, else start it."""
    assert script.status("force-reload") == 0
    assert script.calls[-1] == "start"
    assert script.status("force-reload") == 0
    assert script.calls[-1] == "reload"


def test_check_says_what_pyfix_says(script: Script) -> None:
    """check needs no running system."""
    assert script.status("check") == 0
    script.break_it()
    assert script.status("check") == 1


def test_status_codes(script: Script) -> None:
    """0 running, 3 stopped, 2 stopped but locked: it died."""
    assert script.status("status") == 3
    script.status("start")
    assert script.status("status") == 0
    (script.directory / "running").unlink()
    assert script.status("status") == 2


@pytest.mark.parametrize("action", ["", "stqrt"])
def test_unknown_action_is_usage(script: Script, action: str) -> None:
    """Usage names every action, status 2."""
    result = script.run(action)
    assert result.returncode == 2
    assert "{start|stop|restart|reload|" in result.stderr


def test_other_user_is_status_4(script: Script) -> None:
    """Only status is for everybody."""
    executable(script.directory / "bin" / "id", "#!/bin/sh\necho 1000\n")
    assert script.status("start") == 4
    assert script.status("status") == 3
    assert script.calls == []


def test_missing_program_is_status_5(script: Script) -> None:
    """Not installed, though stop succeeds: nothing can run."""
    (script.directory / "bin" / "pyfix").unlink()
    assert script.status("start") == 5
    assert script.status("stop") == 0


def test_missing_configuration_is_status_6(script: Script) -> None:
    """Not configured."""
    (script.directory / "etc" / "main.cf").unlink()
    assert script.status("start") == 6


def test_disabled_network_is_status_6(script: Script) -> None:
    """RHEL's switch for all networking is obeyed."""
    (script.directory / "sysconfig").mkdir()
    (script.directory / "sysconfig" / "network").write_text("NETWORKING=no\n")
    assert script.status("start") == 6
    assert script.calls == []


@pytest.mark.parametrize(
    ("shell", "functions", "good", "bad"),
    [
        ("dash", "lsb", "Starting: pyfix [lsb 0]\n", "Starting: pyfix [lsb 1]\n"),
        ("bash", "lsb", "Starting: pyfix [lsb 0]\n", "Starting: pyfix [lsb 1]\n"),
        ("bash", "rhel", "Starting pyfix: [ OK ]\n", "Starting pyfix: [FAILED]\n"),
    ],
)
def test_messages_look_like_those_of_the_system(
    shell: str, functions: str, good: str, bad: str, tmp_path: Path
) -> None:
    """With Debian's or RHEL's functions the script speaks as the others there do, with the same exit status."""
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    script = lay_out(tmp_path, shell, functions)
    script.break_it()
    assert (script.run("start").stdout, script.status("start")) == (bad, 1)
    (script.directory / "broken").unlink()
    result = script.run("start")
    assert (result.stdout, result.returncode) == (good, 0)


def test_headers_are_complete() -> None:
    """chkconfig and insserv find what they look for."""
    text = (SCRIPTS / "pyfix.init").read_text()
    assert "\n# chkconfig: 2345 80 30\n# description: " in text
    block = text.split("### BEGIN INIT INFO\n")[1].split("### END INIT INFO")[0]
    keys = [line.split(":")[0] for line in block.splitlines()]
    for key in ("Provides", "Required-Start", "Required-Stop", "Default-Start", "Default-Stop", "Short-Description"):
        assert f"# {key}" in keys


def test_unit_is_valid(tmp_path: Path) -> None:
    """systemd accepts the unit, and every setting in it is of this systemd's vocabulary."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    text = (SCRIPTS / "pyfix.service").read_text()
    path = tmp_path / "pyfix.service"
    path.write_text(text.replace("@PYFIX@", "/bin/true").replace("@CONFIG_DIRECTORY@", str(tmp_path)))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    complaints = [line for line in result.stderr.splitlines() if "pyfix.service" in line]
    assert complaints == []


def test_unit_leaves_delivery_its_rights() -> None:
    """What the sandbox must not take: homes, becoming the recipient, set-uid delivery programs, notification."""
    lines = (SCRIPTS / "pyfix.service").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert settings["Type"] == "notify"
    assert settings["ProtectHome"] == "no"
    assert settings["ProtectSystem"] in ("yes", "full")
    assert settings["NoNewPrivileges"] == "no"
    assert {"CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_DAC_OVERRIDE"} <= set(
        settings["CapabilityBoundingSet"].split()
    )
