"""LANG: the texts are English whatever a client asks for, which RFC 6856 section 3 calls i-default."""

from __future__ import annotations

from typing import Final

_LISTING: Final = b"+OK Language listing follows:\r\ni-default Default language\r\nen English\r\n.\r\n"
_DEFAULTS: Final = (b"*", b"i-default")


def answer_lang(arguments: bytes) -> bytes:
    """Return the reply to LANG."""
    tag = arguments.strip().lower()
    if not tag:
        return _LISTING
    if tag in _DEFAULTS:
        return b"+OK i-default Default language\r\n"
    if tag == b"en" or tag.startswith(b"en-"):
        return b"+OK en English\r\n"
    return b"-ERR Invalid language.\r\n"
