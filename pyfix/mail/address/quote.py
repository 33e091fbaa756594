r"""Convert between the external form of an address and its internal form.

External form is what SMTP and headers carry: `"john smith"@example.com`. Internal form has no quotes or backslashes
in the local part: `john smith@example.com`. Tables are searched with, and rewriting works on, forms that carry no more
quoting than RFC 5322 demands, so `"abc"@x` and `abc@x` are one address.

Pure and total. Bytes above 127 (UTF-8) need no quoting: RFC 6531 section 3.3.
"""

from __future__ import annotations

import re
from typing import Final

ATOM: Final = r"[^\x00-\x20\x7f()<>@,;:\\\".\[\]]+"
_DOT_STRING = re.compile(rf"{ATOM}(?:\.{ATOM})*\Z")
_MUST_ESCAPE = re.compile(r'["\\\r]')


def is_dot_string(local: str) -> bool:
    """True when a local part can stand in an address without quotes (RFC 5322 section 3.2.3, dot-atom)."""
    return _DOT_STRING.match(local) is not None


def quote_local(local: str) -> str:
    """Return the external form of an internal local part."""
    if _DOT_STRING.match(local):
        return local
    return '"' + _MUST_ESCAPE.sub(r"\\\g<0>", local) + '"'


def unquote_local(local: str) -> str:
    """Return the internal form of an external local part: quotes and backslashes taken away."""
    if '"' not in local and "\\" not in local:
        return local
    parts = []
    index, end = 0, len(local)
    while index < end:
        char = local[index]
        if char == "\\" and index + 1 < end:
            index += 1
            parts.append(local[index])
        elif char not in '"\\':
            parts.append(char)
        index += 1
    return "".join(parts)


def quote_address(internal: str) -> str:
    """Return the external form of an internal address; the last `@` separates local part and domain."""
    local, at, domain = internal.rpartition("@")
    if not at:
        return quote_local(internal) if internal else ""
    return f"{quote_local(local)}@{domain}"


def unquote_address(external: str) -> str:
    """Return the internal form of an external address."""
    if '"' not in external and "\\" not in external:
        return external
    position = find_at(external)
    if position < 0:
        return unquote_local(external)
    return f"{unquote_local(external[:position])}@{external[position + 1 :]}"


def normalize_quoting(external: str) -> str:
    """Return the external address with the least quoting that it needs."""
    position = find_at(external)
    if position < 0:
        return quote_local(unquote_local(external)) if external else ""
    return f"{quote_local(unquote_local(external[:position]))}@{external[position + 1 :]}"


def find_at(external: str) -> int:
    """Return the index of the last `@` that stands outside quotes, or -1."""
    found = -1
    quoted = False
    index, end = 0, len(external)
    while index < end:
        char = external[index]
        if char == "\\":
            index += 1
        elif char == '"':
            quoted = not quoted
        elif char == "@" and not quoted:
            found = index
        index += 1
    return found
