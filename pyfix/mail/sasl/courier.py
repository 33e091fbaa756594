"""What auth knows of a user, in the words of Courier's authentication library. Pure."""

from __future__ import annotations

from typing import Final

from pyfix.mail.sasl.answers import Found

_UNLIMITED: Final = "0"


def describe_account(found: Found) -> dict[str, str]:
    """Return the lines of an account: names and values, in Courier's order."""
    fields = found.fields
    uid, gid = fields.get("uid", ""), fields.get("gid", "")
    kind, _, path = fields.get("mail", "").partition(":")
    return {
        "UID": uid if uid.isdigit() else "",
        "GID": gid if gid.isdigit() else "",
        "HOME": fields.get("home", ""),
        "ADDRESS": found.user,
        "MAILDIR": f"{path.rstrip('/')}/" if kind == "maildir" else "",
        "QUOTA": "" if fields.get("quota") == _UNLIMITED else fields.get("quota", ""),
    }
