"""Run our commands many times in a row, each in a process of its own, at the price of one interpreter.

As a script: takes a pickled list of (program, arguments, standard input, directory) on standard input and gives a
pickled list of (status, standard output, standard error).
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

Call = tuple[str, list[str], bytes, str]
Result = tuple[int, bytes, bytes]


def run_calls(calls: list[Call]) -> list[Result]:
    """Run them one after the other."""
    done = subprocess.run(
        [sys.executable, "-P", __file__], input=pickle.dumps(calls), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    results: list[Result] = pickle.loads(done.stdout)
    return results


def _run(call: Call, folder: Path) -> Result:
    program, arguments, stdin, directory = call
    (folder / "0").write_bytes(stdin)
    pid = os.fork()
    if pid == 0:
        for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_CREAT), (2, os.O_WRONLY | os.O_CREAT)):
            os.dup2(os.open(folder / str(number), mode), number)
        _become(program, arguments, directory)
    _, status = os.waitpid(pid, 0)
    out, err = ((folder / name).read_bytes() for name in ("1", "2"))
    for name in ("0", "1", "2"):
        (folder / name).unlink()
    return os.waitstatus_to_exitcode(status), out, err


def _become(program: str, arguments: list[str], directory: str) -> None:
    """Be the command, and end as it ends."""
    sys.argv = [program, *arguments]
    os.environ["MAIL_CONFIG"] = directory
    os.chdir(directory)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    try:
        importlib.import_module(f"pyfix.commands.{program}").main()
        status: object = 0
    except SystemExit as ended:
        status = ended.code
    except Exception:  # noqa: BLE001 - shown as the interpreter shows it
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    for name in ("postmap", "postalias", "newaliases"):
        importlib.import_module(f"pyfix.commands.{name}")
    wanted: list[Call] = pickle.load(sys.stdin.buffer)
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.buffer.write(pickle.dumps([_run(call, Path(place)) for call in wanted]))
