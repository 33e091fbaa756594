"""The master's loop, as a process without the command around it."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
from pathlib import Path
from signal import SIGTERM
from typing import NoReturn

from harness import wait_for_exit

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config, CoreParameters
from pyfix.master.layout import check_layout
from pyfix.master.pidfile import PidFile
from pyfix.master.supervisor import Supervisor


def no_descriptors(*unused: object) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def be_master(directory: Path, report: int) -> int:
    """Serve without a descriptor to spare until told to stop; return the exit status."""
    config = Config.load(str(directory))
    check_layout(config.read(CoreParameters))
    os.chdir(directory / "spool")
    log = MemoryLog("master")
    master = Supervisor(config, log, PidFile())
    master.open()

    def ready() -> None:
        socket.socketpair = no_descriptors  # type: ignore[assignment]  # in this process only
        os.kill(os.getpid(), SIGTERM)

    status = master.run(ready)
    os.write(report, "\n".join(log.lines).encode())
    return status


def test_master_that_is_out_of_descriptors_throttles_the_service_and_lives(tmp_path: Path) -> None:
    """A new worker needs a channel: without one it is not started now, and the master goes on until told to stop."""
    owner = pwd.getpwnam("nobody")
    (tmp_path / "main.cf").write_text(
        f"queue_directory = {tmp_path}/spool\ndata_directory = {tmp_path}/data\n"
        f"mail_owner = {owner.pw_name}\nsetgid_group = {grp.getgrgid(owner.pw_gid).gr_name}\n"
    )
    (tmp_path / "master.cf").write_text("pickup unix n - n 60 1 pickup\n")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = be_master(tmp_path, writer)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as report:
        lines = report.read().splitlines()
    assert wait_for_exit(pid) == 0
    assert lines == [
        "warning: cannot start a process: Too many open files", "terminating on signal 15",
    ]  # fmt: skip
