"""`scripts/run --demo` in a fresh clone: what a newcomer types first.

Setup: a clone of this repository, an instance directory of its own, and the interpreter of the tests with its
libraries in place of a new virtual environment, so that no network is needed.
Path: the script. Check: the message is shown as it came by POP3, the status is 0, and nothing goes on running.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import REPOSITORY, wait_until

from pyfix.commands.reach import is_reachable

pytestmark = pytest.mark.system


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that every user may enter."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-demo-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def clone(folder: Path) -> Path:
    """A fresh clone."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("needs a git checkout to clone")
    command = ["git", "-c", f"safe.directory={REPOSITORY}", "clone", "--quiet", str(REPOSITORY), str(folder / "clone")]
    subprocess.run(command, check=True, timeout=60)
    return folder / "clone"


def make_venv(path: Path, clone: Path, python: str) -> None:
    """Make what scripts/setup would: commands that run the clone's code with the libraries that the tests have."""
    (path / "bin").mkdir(parents=True)
    libraries = f"{clone}:{sysconfig.get_path('purelib')}:{sysconfig.get_path('platlib')}"
    scripts = {"python": '"$@"'}
    for name in ("pyfix", "sendmail"):
        entry = f"import sys; sys.argv[0] = '{name}'; from pyfix.commands.{name} import main; sys.exit(main())"
        scripts[name] = f'-P -c "{entry}" "$@"'
    for name, arguments in scripts.items():
        script = path / "bin" / name
        script.write_text(f"#!/bin/sh\nPYTHONPATH={libraries} exec {python} {arguments}\n")
        script.chmod(0o755)
    (path / ".pyfix-run").touch()


def run_demo(clone: Path, folder: Path, python: str, user: str | None = None) -> None:
    """Run it and check everything."""
    make_venv(folder / "venv", clone, python)
    home = folder / "home"
    home.mkdir()
    if user:
        shutil.chown(home, user)
    instance = home / "instance"
    result = subprocess.run(
        ["scripts/run", "--demo"], cwd=clone, user=user, group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None, capture_output=True, text=True, check=False, timeout=90,
        env={"PATH": os.environ["PATH"], "PYFIX_VENV": str(folder / "venv"), "PYFIX_INSTANCE": str(instance)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    maildir = instance / "mail" / "example.test" / "alice" / "Maildir"
    (message,) = maildir.glob("*/*,S=*")
    said, _, shown = result.stdout.partition("\n\n")
    assert said.startswith("sent by alice@example.test on port ") and shown == message.read_text()
    assert "\nSubject: pyfix demo " in shown and "with ESMTPSA" in shown
    assert shown.endswith("\n\nIt works.\n")
    assert (instance / "password").stat().st_mode & 0o777 == 0o600
    assert "setup: installing" not in result.stderr
    queue = os.path.realpath(instance / "spool")
    assert os.path.isdir(queue)
    wait_until(lambda: not [pid for pid in processes() if working_directory(pid) == queue], "nothing left running", 15)


def processes() -> list[str]:
    """Return the ids of all processes."""
    return list(filter(str.isdigit, os.listdir("/proc")))


def working_directory(pid: str) -> str:
    """Return where a process works that may be gone: every process of a mail system works in its queue directory."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def test_demo_shows_the_delivered_message(clone: Path, folder: Path) -> None:
    """As whoever runs the tests."""
    run_demo(clone, folder, sys.executable)


@pytest.mark.root
def test_demo_works_for_an_ordinary_user(clone: Path, folder: Path) -> None:
    """As nobody, with an interpreter that nobody may use."""
    nobody = pwd.getpwnam("nobody")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        needed = [os.path.realpath(python), sysconfig.get_path("purelib")]
        if os.path.exists(python) and all(is_reachable(path, nobody.pw_uid, nobody.pw_gid) for path in needed):
            run_demo(clone, folder, python, "nobody")
            return
    pytest.skip(f"needs {version} where the user nobody can reach it; {os.path.realpath(sys.executable)} is not")
