"""pyfix-install-init(1): put a boot script in place, with the paths of this installation.

    pyfix [-c DIR] install-init [--systemd | --sysv] [--root DIR]

Without an option it is a systemd unit where systemd runs, and a SysV script elsewhere. What remains to be done is
printed.

Exit status: 0 when it is installed, 1 otherwise.

See: pyfix(1), pyfix-check(1)
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib import resources

from pyfix.base.atomic import write_file


class InstallError(Exception):
    """Nothing was installed; the text is for the user."""


def install(kind: str | None, root: str, config_directory: str) -> list[str]:
    """Install the systemd unit or the SysV script below `root`; return what to tell the user."""
    kind = kind or ("systemd" if os.path.isdir(os.path.join(root, "run/systemd/system")) else "sysv")
    if kind == "systemd":
        path, mode, template = "etc/systemd/system/pyfix.service", 0o644, "pyfix.service"
        hints = ["systemctl daemon-reload", "systemctl enable --now pyfix"]
    else:
        folder = "etc/rc.d/init.d" if os.path.isdir(os.path.join(root, "etc/rc.d/init.d")) else "etc/init.d"
        path, mode, template = f"{folder}/pyfix", 0o755, "pyfix.init"
        hints = ["chkconfig --add pyfix" if "rc.d" in folder else "update-rc.d pyfix defaults", "service pyfix start"]
    target = os.path.join(root, path)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write_file(target, _fill(template, config_directory).encode(), mode)
    except OSError as error:
        raise InstallError(f"{error.filename or target}: {error.strerror}") from error
    return [f"installed {target}", *(f"now run: {hint}" for hint in hints)]


def _fill(template: str, config_directory: str) -> str:
    text = resources.files("pyfix.commands").joinpath("boot", template).read_text(encoding="utf-8")
    return text.replace("@PYFIX@", _program("pyfix")).replace("@CONFIG_DIRECTORY@", config_directory)


def _program(name: str) -> str:
    """Return the path of a command of this installation."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    found = beside if os.path.exists(beside) else shutil.which(name)
    if found is None:
        raise InstallError(f"the command {name} is not installed; run pip install first")
    return found
