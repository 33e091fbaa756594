"""Which tables proxymap may open: those that proxy_read_maps or proxy_write_maps list as proxy:type:name.

The parameters name other parameters, and these restrictions, domains and much else: only words with proxy: in front
count, also as parts of unionmap: and pipemap:, or in braces.
See: postconf(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps import combined
from pyfix.mail.maps.leaves import PROXY, unproxied

_COMPOUNDS: Final = tuple(f"{kind}:{{" for kind in combined.TYPES)


def approved_tables(text: str, parameter: str) -> frozenset[str]:
    """Return type:name of all approved tables, without proxy:; a word whose braces do not match approves nothing."""
    try:
        return frozenset(_approved(text, parameter))
    except ValueRefused:
        return frozenset(unproxied(word) for word in text.replace(",", " ").split() if word.startswith(PROXY))


def _approved(text: str, parameter: str) -> Iterator[str]:
    for word in words(text, parameter):
        if word.startswith("{") and word.endswith("}"):
            yield from _approved(word[1:-1], parameter)
        elif word.startswith(_COMPOUNDS) and word.endswith("}"):
            yield from _approved(word.partition(":")[2][1:-1], parameter)
        elif word.startswith(PROXY):
            yield unproxied(word)
