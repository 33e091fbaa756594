"""The three files that every command has from its caller."""

from __future__ import annotations

import os
import sys


def open_standard_files() -> None:
    """Put /dev/null where the caller left a standard file closed, as Postfix's commands do.

    Otherwise the next file that is opened, a main.cf that is edited, say, would stand where output goes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    # Python had none of its own for what was closed when it started.
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
