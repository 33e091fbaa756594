"""Delete the mail of a mailbox that is no more."""

from __future__ import annotations

import contextlib
import os
import shutil

from pyfix.mail.accounts import Mailbox, Refused
from pyfix.mail.accounts.names import check_maildir
from pyfix.mail.config import Config
from pyfix.mail.mailbox.params import VirtualMailboxParameters


def delete_mail(config: Config, mailbox: Mailbox) -> None:
    """Remove its Maildir or mbox, and the directory above it if nothing else is there; raises Refused, OSError.

    Nothing outside virtual_mailbox_base is touched, wherever symbolic links lead.
    """
    base = config.read(VirtualMailboxParameters).virtual_mailbox_base
    if not base.startswith("/") or not mailbox.maildir:
        raise Refused(f"mail of {mailbox.address} is kept: no virtual_mailbox_base, or no maildir")
    path = os.path.join(base, check_maildir(mailbox.maildir).rstrip("/"))
    folder = os.path.dirname(path)
    if os.path.realpath(folder) != os.path.join(os.path.realpath(base), os.path.relpath(folder, base)):
        raise Refused(f"mail of {mailbox.address} is kept: a symbolic link leads from {folder} to somewhere else")
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if folder != base:
        with contextlib.suppress(OSError):  # it is not empty, or shared with others
            os.rmdir(folder)
