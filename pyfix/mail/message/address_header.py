"""The addresses in a header such as To: or From:, and the header written anew with other ones. Pure.

A header in which nothing has to change is never written anew: spacing, quotes and comments stay as the sender made
them. `is_plain` recognises the usual case with one regular expression. What is written anew gets as many addresses on a
line as fit, in Postfix's form. An address with so much text around it that old mail programs choke on it loses the
text. Total: any text yields some list of addresses.
See: RFC 5322 section 3.4; ADDRESS_REWRITING_README.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pyfix.mail.address.tokens import scan
from pyfix.mail.message.address_list import Address, arrange, needs_space, write

_FOLD_COLUMN: Final = 70
_TEXT_LIMIT: Final = 250
"""Bytes of name and comments of one address."""
_PLAIN_ADDRESS: Final = rb"[\w#$&'*+/=?^`{|}~-]++(?:\.[\w#$&'*+/=?^`{|}~-]++)*@[\w-]++(?:\.[\w-]++)+"
_PLAIN_PHRASE: Final = rb"""[^<>,;:"()@\\\[\]]*+(?:"[^"\\\n]*+"[ \t]*+)?"""
_PLAIN: Final = re.compile(rb"\s*+(?:%b|%b<%b>)\s*+" % (_PLAIN_ADDRESS, _PLAIN_PHRASE, _PLAIN_ADDRESS))


def is_plain(value: bytes) -> bool:
    """True when every address in the value of a header is user@fully.qualified.domain, plainly written."""
    at, end = 0, len(value)
    while found := _PLAIN.match(value, at):
        at = found.end()
        if at == end:
            return True
        if value[at] != 44:  # ","
            return False
        at += 1
    return False


class AddressHeader:
    """The value of one header, taken apart."""

    def __init__(self, value: bytes, token_limit: int) -> None:
        tokens = scan(value.decode("utf-8", "surrogateescape"))
        self._nodes = arrange(tokens[:token_limit])
        self.addresses = [node.text for node in self._nodes if isinstance(node, Address)]
        """As they are written, in order; <> is none."""
        self.stripped: list[str] = []
        """What `render` has dropped the text of."""

    def render(self, addresses: Sequence[str], name_length: int = 0) -> bytes:
        """Return the value with these addresses in place of the old ones, folded as behind a name of this length."""
        return _fold(self._render_lines(addresses), name_length + 2).encode("utf-8", "surrogateescape")

    def _render_lines(self, addresses: Sequence[str]) -> list[str]:
        """Return one line for each comma."""
        new = iter(addresses)
        lines: list[str] = []
        line = ""
        inside: list[str] = []
        for node, right in zip(self._nodes, [*self._nodes[1:], None], strict=False):
            if isinstance(node, Address):
                inside.append(next(new))
                line += inside[-1]
            elif node.is_operator(","):
                lines.append(self._limit(line, inside) + ",")
                line, inside = "", []
                continue
            else:
                line += write(node)
            if right is not None and needs_space(node, right):
                line += " "
        return [*lines, self._limit(line, inside)]

    def _limit(self, line: str, addresses: Sequence[str]) -> str:
        """Return what stands between two commas, without text when that is too much."""
        if not addresses or _size(line) - sum(map(_size, addresses)) <= _TEXT_LIMIT:
            return line
        self.stripped.append(line)
        return f"<{addresses[-1]}>"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _fold(lines: list[str], indent: int) -> str:
    """Join lines with a space while they fit; the others begin with a tab. `indent` stands before the first."""
    folded = lines[:1]
    for line in lines[1:]:
        if indent + len(folded[-1]) + 1 + len(line) < _FOLD_COLUMN:
            folded[-1] += f" {line}"
        else:
            folded.append(line)
            indent = 0
    return "\n\t".join(folded)


def split_addresses(text: str) -> list[str]:
    """Return the addresses in a list such as a table's value or a command's argument."""
    return AddressHeader(text.encode("utf-8", "surrogateescape"), len(text) + 1).addresses
