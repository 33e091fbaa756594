"""Open the mailbox that a location names: `maildir:/path/`, `mbox:/path`, or a path alone, as virtual has it."""

from __future__ import annotations

import os

from pyfix.mail.mailbox.lock import LockPolicy
from pyfix.mail.mailbox.quota import WHOLE_TREE, Scope
from pyfix.mail.mailbox.reading.errors import MailboxUnavailable
from pyfix.mail.mailbox.reading.maildir import open_maildir
from pyfix.mail.mailbox.reading.mbox import open_mbox
from pyfix.mail.mailbox.reading.protocol import ReadableMailbox

_POLICY = LockPolicy(attempts=3, delay=0.1)


def open_mailbox(
    location: str,
    *,
    lock: bool = True,
    base: str = "",
    policy: LockPolicy = _POLICY,
    scope: Scope = WHOLE_TREE,
) -> ReadableMailbox:
    """Open a mailbox; raise MailboxUnavailable, MailboxInUse (`lock`: this session alone may have it).

    `base` is the directory, if any, that symbolic links may not lead out of; `policy` says how deliveries lock an
    mbox, `scope` what counts for a Maildir's quota. The caller calls `measure` next.
    """
    form, path = split_location(location)
    if base:
        _check_base(path, base)
    if form == "maildir":
        return open_maildir(path, lock=lock, scope=scope)
    return open_mbox(path, lock=lock, policy=policy)


def split_location(location: str) -> tuple[str, str]:
    """Return the form and the path; that of a Maildir ends in "/". Raises MailboxUnavailable."""
    form, separator, path = location.partition(":")
    if not separator or form.startswith("/"):
        form, path = ("maildir" if location.endswith("/") else "mbox"), location
    path = path.partition(":")[0] if separator and ":INDEX=" in path else path
    if form not in ("maildir", "mbox") or not path.startswith("/") or "\0" in path:
        raise MailboxUnavailable(f"mail location {location!r} is not maildir:/path/ nor mbox:/path (correct it)")
    return form, (path.rstrip("/") + "/" if form == "maildir" else path)


def _check_base(path: str, base: str) -> None:
    real, real_base = os.path.realpath(path), os.path.realpath(base)
    if os.path.commonpath((real, real_base)) != real_base:
        raise MailboxUnavailable(f"{path!r} leads to {real!r}, out of {base!r} (remove the symbolic link)")
