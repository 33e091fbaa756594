"""pyfix install-init."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pyfix.commands.install_init import install


@pytest.mark.parametrize(
    ("kind", "folder", "path"),
    [
        ("systemd", "run/systemd/system", "etc/systemd/system/pyfix.service"),
        ("sysv", "etc/init.d", "etc/init.d/pyfix"),
        ("sysv", "etc/rc.d/init.d", "etc/rc.d/init.d/pyfix"),
    ],
)
def test_boot_script_is_installed_with_the_paths_of_this_installation(
    tmp_path: Path, kind: str, folder: str, path: str
) -> None:
    """Each system's kind is found by what the system has, and no placeholder is left."""
    (tmp_path / folder).mkdir(parents=True)
    lines = install(None, str(tmp_path), "/etc/elsewhere")
    target = tmp_path / path
    text = target.read_text()
    assert lines[0] == f"installed {target}"
    assert "@PYFIX@" not in text and "@CONFIG_DIRECTORY@" not in text
    assert "/etc/elsewhere" in text and "/pyfix" in text
    assert bool(target.stat().st_mode & stat.S_IXUSR) is (kind == "sysv")
