"""A reason with an optional RFC 3463 code before it: nexthops of error and discard, first words of command output."""

from __future__ import annotations

from pyfix.mail.ipc.messages import Dsn
from pyfix.proto.enhanced_status import split_status


def split_reason(text: str, default: str) -> Dsn:
    """Return the status and the reason in `text`; without a code of the default's class the status is `default`."""
    status, rest = split_status(text)
    return Dsn(status, rest.strip()) if status[:1] == default[0] else Dsn(default, text.strip())
