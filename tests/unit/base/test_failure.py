"""Failures in words."""

import errno

import pytest

from pyfix.base.failure import words_for


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/secret/path"), "No such file or directory"),
        (OSError("timed out"), "timed out"),
        (ValueError("bad preamble"), "bad preamble"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_words_for_a_failure(error: Exception, words: str) -> None:
    """What the system says; neither its number nor the path, which a sender might read in a notice."""
    assert words_for(error) == words
