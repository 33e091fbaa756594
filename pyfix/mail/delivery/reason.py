"""A reason with an optional RFC 3463 code before it: nexthops of error and discard, first words of command output."""

from __future__ import annotations

import re

from pyfix.mail.ipc.messages import Dsn

_CODE = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


def split_reason(text: str, default: str) -> Dsn:
    """Return the status and the reason in `text`; without a code of the default's class the status is `default`."""
    found = _CODE.match(text)
    if found is None or found.group(1)[0] != default[0]:
        return Dsn(default, text.strip())
    return Dsn(found.group(1), text[found.end() :].strip())
