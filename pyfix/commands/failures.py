"""What every command does when the system fails it: a disk that is full, a reader that has gone."""

from __future__ import annotations

import os


def describe_failure(error: OSError) -> str:
    """Return one line: the file, where one is to blame, and what the system says."""
    return f"{error.filename or 'system error'}: {error.strerror or error}"


def discard_output() -> None:
    """Throw away what is still to be printed, so that the interpreter does not fail on it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
