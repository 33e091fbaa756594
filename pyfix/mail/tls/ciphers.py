"""smtpd_tls_ciphers and its sisters: OpenSSL's list of ciphers for a grade, without what is excluded. Pure.

Postfix asks OpenSSL for security level 0 and lets its own grades decide, because mail in the clear is what else there
is. Exclusions are names of ciphers, or properties joined by "+"; where client certificates are wanted, ciphers without
certificates are out as well.
See: postconf(5), ciphers(1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

GRADES: Final = ("export", "low", "medium", "high", "null")
_EXCLUSION: Final = re.compile(r"[A-Za-z0-9_.-]+(?:\+[A-Za-z0-9_.-]+)*")


class BadCiphers(ValueError):
    """No grade, or no list of exclusions."""


def cipher_list(grade: str, lists: Mapping[str, str], excluded: str, *, needs_certificates: bool) -> str:
    """Return the list in OpenSSL's language; raises BadCiphers."""
    base = lists.get(grade.strip().lower())
    if base is None:
        raise BadCiphers(f'invalid cipher grade: "{grade}"; specify one of {", ".join(GRADES)}')
    words = [word for word in re.split(r"[\s,:]+", excluded) if word]
    for word in words:
        if not _EXCLUSION.fullmatch(word):
            raise BadCiphers(f'invalid unquoted cipher "{word}"; specify names of ciphers or their properties')
    if needs_certificates:
        words.append("aNULL")
    return ":".join([base, *(f"!{word}" for word in words), "@SECLEVEL=0"])
