"""The enhanced status code that a text may begin with: in a reply, in an access table, in a nexthop of error, in the
output of a command.

See: RFC 3463 section 2, RFC 2034 section 4.
"""

from __future__ import annotations

import re
from typing import Final

_STATUS: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|\Z)")


def split_status(text: str, default: str = "") -> tuple[str, str]:
    """Return the code and the text behind it; the default and the whole text where there is none."""
    found = _STATUS.match(text)
    return (found[1], text[found.end() :]) if found else (default, text)
