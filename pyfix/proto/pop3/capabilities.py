"""CAPA, in Dovecot's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_ALWAYS: Final = ("CAPA", "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE")


@dataclass(frozen=True, slots=True)
class Policy:
    """What CAPA tells about the server as such."""

    implementation: str = ""
    """IMPLEMENTATION; empty: not announced."""
    expire: str = ""
    """EXPIRE: NEVER or days; empty: not announced."""
    login_delay_s: int = 0
    """LOGIN-DELAY; 0: not announced."""


def capability_list(
    policy: Policy, *, offers_tls: bool = False, offers_user: bool = False, mechanisms: Sequence[str] = ()
) -> bytes:
    """Return the reply to CAPA."""
    lines = [*_ALWAYS]
    if offers_tls:
        lines.append("STLS")
    if offers_user:
        lines.append("USER")
    if mechanisms:
        lines.append(f"SASL {' '.join(mechanisms)}")
    lines += ["UTF8 USER", "LANG"]
    if policy.expire:
        lines.append(f"EXPIRE {policy.expire}")
    if policy.login_delay_s:
        lines.append(f"LOGIN-DELAY {policy.login_delay_s}")
    if policy.implementation:
        lines.append(f"IMPLEMENTATION {policy.implementation}")
    return "\r\n".join(["+OK", *lines, ".", ""]).encode("ascii", "replace")
