"""What processes keep of the environment of whoever started the mail system."""

import os

from pyfix.service.environment import clean_environment


def test_a_process_loses_what_is_not_named() -> None:
    """Also for the C library, which takes hints from RES_OPTIONS, HOSTALIASES and the like; MAIL_CONFIG is ours."""
    pid = os.fork()
    if pid == 0:
        os.environ["HOSTALIASES"] = "/tmp/x"
        os.environ["MAIL_CONFIG"] = "/etc/other"
        clean_environment(["MAIL_CONFIG"], "/etc/mine")
        os.execv("/bin/sh", ["sh", "-c", '[ -z "$HOSTALIASES" ] && [ "$MAIL_CONFIG" = /etc/mine ]'])
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
