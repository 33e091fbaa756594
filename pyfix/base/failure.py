"""The words for a failure in logs and notices: the system's own, without Python's numbers, paths and class names."""

from __future__ import annotations


def words_for(error: BaseException) -> str:
    """Return what went wrong: "No such file or directory", not "[Errno 2] No such file or directory: 'path'"."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
