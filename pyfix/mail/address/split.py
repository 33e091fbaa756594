"""Split an address into local part and domain, and a local part into user and extension.

Pure and total: any string gives an answer, nothing is raised. The last `@` separates, so that an address with several
of them keeps its routing characters in the local part, where the resolver can see and refuse them.
See: recipient_delimiter, owner_request_special, double_bounce_sender.
"""

from __future__ import annotations

from typing import Final

NEVER_SPLIT: Final = frozenset({"mailer-daemon", "double-bounce"})
"""Local parts that system software invents; a `-` in recipient_delimiter must not tear them apart."""


def split_address(address: str) -> tuple[str, str | None]:
    """Return (local part, domain); domain is None when there is no `@`."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (domain, None)


def split_extension(local: str, delimiters: str, *, owner_request_special: bool = True) -> tuple[str, str | None]:
    """Return (user, extension) split at the first delimiter; extension is None when there is none.

    The delimiter that was found is `local[len(user)]`. A local part that begins with a delimiter is not split.
    """
    if not delimiters:
        return local, None
    position = _first_delimiter(local, delimiters)
    if position <= 0 or _is_protected(local, delimiters, owner_request_special):
        return local, None
    return local[:position], local[position + 1 :]


def _first_delimiter(local: str, delimiters: str) -> int:
    if len(delimiters) == 1:
        return local.find(delimiters)
    found = [position for position in map(local.find, delimiters) if position >= 0]
    return min(found, default=-1)


def _is_protected(local: str, delimiters: str, owner_request_special: bool) -> bool:
    """True for names that a `-` delimiter would tear apart: MAILER-DAEMON, owner-list, list-request."""
    if "-" not in delimiters:
        return False
    folded = local.lower()
    if folded in NEVER_SPLIT:
        return True
    return owner_request_special and (folded.startswith("owner-") or folded.endswith("-request"))
