"""pyfix-logrotate(1): move maillog_file aside, let the log service open a new one, compress the old.

    pyfix [-c DIR] [-v] logrotate

The old file's name ends with what maillog_file_rotate_suffix makes of the time, and maillog_file_compressor compresses
it. The log service looks at the file's name before it writes, so no line is lost: what it wrote before is in the old
file, everything later in the new one.

Exit status: 0 when it is done, 1 otherwise, for instance without a maillog_file.

See: pyfix(1), postlogd(8)
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

from pyfix.base import clock
from pyfix.base.log import Log, PostlogSink
from pyfix.commands.params import LogrotateParameters
from pyfix.mail.config import Config

_PATIENCE_S = 5.0
_STEP_S = 0.02


class RotateError(Exception):
    """The log was not rotated; the text is for the user."""


def rotate(config: Config, explain: Callable[[str], None] = lambda text: None) -> str:
    """Rotate, and return the name of the compressor's input; raise RotateError. `explain` is told each step."""
    params = config.read(LogrotateParameters)
    path = params.maillog_file
    if not path:
        raise RotateError("maillog_file is empty: the log goes to syslog, which rotates its own files")
    if path == "/dev/stdout":
        raise RotateError("maillog_file is /dev/stdout: there is no file to rotate")
    suffix = time.strftime(params.maillog_file_rotate_suffix, time.localtime(clock.now()))
    moved = f"{path}.{suffix}"
    if os.path.exists(moved):
        raise RotateError(f"{moved} exists already; wait a second, or change maillog_file_rotate_suffix")
    try:
        os.rename(path, moved)
    except OSError as error:
        raise RotateError(f"rename {path} to {moved}: {error.strerror}") from error
    explain(f"renamed {path} to {moved}")
    explain(f"{path}: {'open again' if _let_reopen(params) else 'nobody has opened it again: no log service runs'}")
    _compress(params.maillog_file_compressor, moved)
    explain(f"{params.maillog_file_compressor} {moved}: done")
    return moved


def _let_reopen(params: LogrotateParameters) -> bool:
    """Log a line, and wait until the log service has written it to a new file; False when there is no service."""
    socket_path = os.path.join(params.queue_directory, "public", params.postlog_service_name)
    log = Log(PostlogSink(socket_path, params.myhostname.split(".", 1)[0]), f"{params.syslog_name}/pyfix")
    log.info("log file rotated")
    log.flush()
    deadline = clock.monotonic() + _PATIENCE_S
    while os.path.exists(socket_path) and not os.path.exists(params.maillog_file):
        if clock.monotonic() > deadline:
            return False  # the mail system is down: a socket without a server; nobody writes to the old file either
        time.sleep(_STEP_S)  # another process makes the file: there is nothing to wait at
    return os.path.exists(params.maillog_file)


def _compress(program: str, path: str) -> None:
    try:
        done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    except OSError as error:
        raise RotateError(f"maillog_file_compressor {program}: {error.strerror}; {path} stays as it is") from error
    if done.returncode != 0:
        raise RotateError(f"{program} {path}: {done.stderr.strip() or f'exit status {done.returncode}'}")
