"""Names of files in a Maildir, taken apart: `unique,S=size,W=octets:2,FLAGS`.

Pure. Names are text as the system gives it (surrogateescape). The *base* is what stays when flags change, the *unique*
part is the base without sizes: unique ids are made of it.

See: maildir(5); Courier's README.maildirquota for S=, Dovecot for W=.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

LONGEST_UIDL: Final = 70
"""RFC 1939 section 7, UIDL."""
_PLAIN = re.compile(rb"[\x21-\x7e]{1,70}")
_OCTETS = re.compile(r",W=([0-9]{1,15})(?=[,:]|\Z)")
_INFO: Final = ":2,"
_ANY_INFO: Final = re.compile(":[^/]*")


def base_of(name: str) -> str:
    """Return the name without flags."""
    return name.partition(":")[0]


def bases_of(names: str) -> str:
    """Return the base names of many names; both are joined by "/"."""
    return _ANY_INFO.sub("", names)


def unique_of(name: str) -> str:
    """Return the part of the name that tells a message from all others."""
    return name.partition(":")[0].partition(",")[0]


def flags_of(name: str) -> str:
    """Return the flags; none for a name that has never been in cur/."""
    return name.partition(_INFO)[2]


def octets_of(name: str) -> int | None:
    """Return the size that W= gives: each line end counted as two octets; None without it."""
    found = _OCTETS.search(name)
    return int(found[1]) if found else None


def with_flag(name: str, flag: str) -> str:
    """Return the name with one more flag; flags stand in the order of the alphabet."""
    base, _, flags = name.partition(_INFO)
    if not flags and ":" in base:
        base = base_of(base)
    return f"{base}{_INFO}{''.join(sorted({*flags, flag}))}"


def uidl_of(unique: str) -> bytes:
    """Return the unique id: the unique part of the name where RFC 1939 allows it, a hash of it elsewhere."""
    data = unique.encode("utf-8", "surrogateescape")
    return data if is_uidl(data) else hashed(data)


def is_uidl(data: bytes) -> bool:
    """Tell whether RFC 1939 allows this as a unique id."""
    return _PLAIN.fullmatch(data) is not None


def hashed(data: bytes) -> bytes:
    """Return an id for what cannot be one itself."""
    return hashlib.sha256(data).hexdigest()[:40].encode("ascii")
