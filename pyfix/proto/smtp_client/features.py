"""What a server offers: the lines of its EHLO or LHLO reply.

Keywords are compared without regard to case; unknown ones are ignored; those in `discard` are taken as not offered
(smtp_discard_ehlo_keywords). "KEYWORD=value" is read like "KEYWORD value", because old servers write AUTH that way.
See: RFC 5321 section 4.1.1.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_SEPARATORS: Final = re.compile(r"[ \t=]+")


@dataclass(frozen=True, slots=True)
class Features:
    """The extensions of one session; the plain SMTP of RFC 821 has none."""

    server_name: str = ""
    """First word of the EHLO reply."""
    esmtp: bool = False
    pipelining: bool = False
    size: bool = False
    size_limit: int = 0
    """Bytes; 0 when the server named none."""
    eight_bit: bool = False
    dsn: bool = False
    smtputf8: bool = False
    bad_size: str = ""
    """What the server said instead of a size."""
    lacks_8bitmime: bool = False
    """SMTPUTF8 came without 8BITMIME, which RFC 6531 demands; eight_bit is set nevertheless."""


_FLAGS: Final = {"PIPELINING": "pipelining", "8BITMIME": "eight_bit", "DSN": "dsn", "SMTPUTF8": "smtputf8"}


def parse_features(text: str, discard: frozenset[str] = frozenset()) -> Features:
    """Return the features in the text of an EHLO reply; `discard` holds keywords in upper case."""
    lines = text.split("\n")
    found = Features(server_name=_words(lines[0])[0], esmtp=True)
    flags: dict[str, bool] = {}
    for line in lines[1:]:
        words = _words(line)
        keyword = words[0].upper()
        if keyword in discard:
            continue
        if keyword in _FLAGS:
            flags[_FLAGS[keyword]] = True
        elif keyword == "SIZE":
            found = _with_size(found, words[1] if len(words) > 1 else "")
    if flags.get("smtputf8") and not flags.get("eight_bit"):
        flags["eight_bit"] = flags["lacks_8bitmime"] = True
    return replace(found, **flags)  # type: ignore[arg-type]  # all keys are bool fields of Features


def _words(line: str) -> list[str]:
    """Return the words after the reply code; one empty word when there is none."""
    return _SEPARATORS.split(line[3:].lstrip("- ").strip()) or [""]


def _with_size(found: Features, word: str) -> Features:
    if not word:
        return replace(found, size=True)
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        return replace(found, size=True, bad_size=word)
    return replace(found, size=True, size_limit=int(word))
