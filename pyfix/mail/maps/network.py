"""Network patterns: an address, or an address block such as 192.168.0.0/16 or [2001:db8::]/32.

The messages are those of Postfix. A block whose host part is not zero is refused, because it is a typing error more
often than not.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_ntop

from pyfix.mail.address.valid import parse_hostaddr


class BadNetwork(ValueError):
    """The pattern is wrong; str() is the message."""


@dataclass(frozen=True, slots=True)
class Network:
    """One address block."""

    family: int
    """Bytes of an address: 4 or 16."""
    shift: int
    """Host bits."""
    prefix: int
    """The address without its host bits."""

    def holds(self, packed: bytes) -> bool:
        """True when the address (4 or 16 bytes) is in the block."""
        return len(packed) == self.family and int.from_bytes(packed, "big") >> self.shift == self.prefix


def parse_network(pattern: str) -> Network:
    """Return the block; raises BadNetwork."""
    address, slash, mask = _unbracket(pattern).partition("/")
    packed = parse_hostaddr(address)
    bits = 8 * len(packed) if packed else 0
    length = _mask_length(pattern, mask, packed, bits) if slash else bits
    if packed is None:
        raise BadNetwork(f'bad address pattern: "{pattern}"')
    shift = bits - length
    number = int.from_bytes(packed, "big")
    if number & ((1 << shift) - 1):
        raise BadNetwork(_suggestion(pattern, number >> shift << shift, len(packed), length))
    return Network(len(packed), shift, number >> shift)


def _unbracket(pattern: str) -> str:
    if not pattern.startswith("["):
        return pattern
    address, closed, rest = pattern[1:].partition("]")
    if not closed:
        raise BadNetwork(f"missing ']' character after \"{pattern}\"")
    if rest and not rest.startswith("/"):
        raise BadNetwork(f'garbage after "]" in "{pattern}"')
    return address + rest


def _mask_length(pattern: str, mask: str, packed: bytes | None, bits: int) -> int:
    if not (mask.isascii() and mask.isdigit()):
        raise BadNetwork(f'bad mask value in "{pattern}"')
    if packed is None:
        raise BadNetwork(f'bad network value in "{pattern}"')
    length = int(mask[:9])
    if length > bits:
        raise BadNetwork(f'bad mask length in "{pattern}"')
    return length


def _suggestion(pattern: str, number: int, family: int, length: int) -> str:
    text = inet_ntop(AF_INET if family == 4 else AF_INET6, number.to_bytes(family, "big"))
    proper = f"[{text}]/{length}" if pattern.startswith("[") else f"{text}/{length}"
    return f'non-null host address bits in "{pattern}", perhaps you should use "{proper}" instead'
