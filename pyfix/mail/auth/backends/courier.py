"""What Courier's authentication library says of an account: as authdaemond sends it, and as authmysqlrc selects it.

Pure. See: courier-authlib's README for the names; MAILDIR is relative to HOME. Where it is empty the mailbox is
where deliveries put it, and ./Maildir, as in Courier, when nobody knows that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from pyfix.mail.auth.backend import BackendUnavailable, Place
from pyfix.mail.auth.places import rights_of

_MAILDIR: Final = "./Maildir"
_TRUE: Final = ("1", "t", "y")


def courier_obstacle(options: str, service: str) -> str:
    """Return why a service is denied; options: name=value, with commas between them."""
    for option in options.split(","):
        name, _, value = option.strip().partition("=")
        if name == f"disable{service}" and value[:1].lower() in _TRUE:
            return f"{service} is disabled"
    return ""


def courier_place(known: Mapping[str, str], delivered: Place | None, source: str) -> Place | None:
    """Return where the mail is; delivered: where deliveries put it, for what is not known.

    Raises BackendUnavailable for numbers that are none. source: for messages.
    """
    home = known.get("HOME", "")
    if not home.startswith("/"):
        return delivered
    location = f"maildir:{os.path.normpath(os.path.join(home, known.get('MAILDIR', '') or _MAILDIR))}"
    if not known.get("MAILDIR") and delivered is not None:
        location = delivered.location
    uid, gid = (_number(known.get(name, ""), name, source) for name in ("UID", "GID"))
    if uid == 0 or gid == 0:
        raise BackendUnavailable(f"{source}: UID and GID of a mailbox must not be those of root; correct them")
    if uid < 0 or gid < 0:
        if delivered is None:
            raise BackendUnavailable(f"{source}: no UID and GID of the mailbox; add them")
        uid, gid = delivered.uid, delivered.gid
    return Place(location, home, *rights_of(uid, gid), quota=known.get("QUOTA", ""))


def _number(text: str, name: str, source: str) -> int:
    """Return a number, -1 for none."""
    if not text:
        return -1
    if not (text.isascii() and text.isdigit() and int(text) < 2**32 - 1):
        raise BackendUnavailable(f'{source}: bad {name} "{text[:40]}"; need a number')
    return int(text)
