"""What processes keep of the environment of whoever started the mail system."""

import os

import pytest

from pyfix.service.environment import clean_environment, imported


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ("TZ, LANG=C", {"TZ": "UTC", "LANG": "C"}),
        ("TZ LANG", {"TZ": "UTC", "LANG": "de_DE.UTF-8"}),
        ("NONE EMPTY=", {"EMPTY": ""}),
        ("MAIL_CONFIG", {}),
        ("", {}),
    ],
)
def test_only_what_is_named_is_kept(names: str, kept: dict[str, str]) -> None:
    """And the directory of the configuration, whatever the caller's MAIL_CONFIG said."""
    own = {"TZ": "UTC", "LANG": "de_DE.UTF-8", "SECRET": "x", "MAIL_CONFIG": "/etc/other"}
    assert imported(names, own, "/etc/mine") == {**kept, "MAIL_CONFIG": "/etc/mine"}


def test_a_process_loses_the_rest() -> None:
    """Also for the C library, which takes hints from RES_OPTIONS, HOSTALIASES and the like."""
    pid = os.fork()
    if pid == 0:
        os.environ["HOSTALIASES"] = "/tmp/x"
        clean_environment("", "/etc/mine")
        os.execv("/bin/sh", ["sh", "-c", '[ -z "$HOSTALIASES" ] && [ "$MAIL_CONFIG" = /etc/mine ]'])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
