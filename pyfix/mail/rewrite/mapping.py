"""canonical(5): tables of addresses and their official form.

    address   address

canonical_maps, sender_canonical_maps and recipient_canonical_maps are for addresses of all kinds, local and remote,
that come with new mail: cleanup(8) replaces an address that such a table has by the one that stands beside it. Then
masquerade_domains hides the hosts of a domain.

Each of the four kinds of addresses that a message has goes its own way, which the parameters whose names end in
_classes tell:

    sender      sender_canonical_maps, canonical_maps, masquerade_domains
    recipient   recipient_canonical_maps, canonical_maps, masquerade_domains

A canonical result is looked up again, until nothing matches or it stays the same.

Format: a table of any type, say hash:/etc/pyfix/canonical, made of lines as texthash_table(5) describes them. A result
@domain means the same user at that domain. A result that has no domain is completed as any address is.

Search: these keys, in this order, the first that is there decides; case does not count.

    user+ext@domain   the address, where recipient_delimiter is "+"
    user@domain       without the extension
    user+ext, user    when the domain is `myorigin`, in `mydestination`, or an address of this machine
    @domain           any other address of the domain

The extension that a key left out is added to the result, if propagate_unmatched_extensions has canonical. Tables of
patterns are asked for the whole address only.

Failures: a table that can't be asked defers the message. A result that goes round in a circle is warned about.

Example: people, and a domain that has moved

    jdoe@example.com   John.Doe@example.com
    @old.example.com   @example.com

See: virtual(5), texthash_table(5), postmap(1), cleanup(8)
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.base.log import Log
from pyfix.mail.maps import TableError
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.rewrite.address_map import CompletedMap, MapError

Warn = Callable[[str], object]
"""Takes a warning about the message in hand."""
_DEPTH: Final = 10
NULL_ADDRESS: Final = '""'
"""The null address, as the tables know it, and as a header writes it."""


class Step(Protocol):
    """Makes one address of another; raises MapError."""

    parameter: str
    """What asks for it."""

    def __call__(self, address: str, warn: Warn) -> str: ...


class Use(enum.Enum):
    """Where an address stands, in the words of main.cf."""

    ENVELOPE_SENDER = "envelope_sender"
    ENVELOPE_RECIPIENT = "envelope_recipient"
    HEADER_SENDER = "header_sender"
    HEADER_RECIPIENT = "header_recipient"


class Mappings:
    """The steps of each use."""

    def __init__(self, steps: Iterable[tuple[Step, Iterable[str]]]) -> None:
        """Each step with the classes of addresses that it is for, in the order of their application."""
        every = [(step, frozenset(classes)) for step, classes in steps]
        self._steps: Mapping[Use, tuple[Step, ...]] = {
            use: tuple(step for step, classes in every if use.value in classes) for use in Use
        }

    def __bool__(self) -> bool:
        return any(self._steps.values())

    def __contains__(self, use: Use) -> bool:
        return bool(self._steps[use])

    def follow(self, use: Use, address: str, warn: Warn) -> Iterator[tuple[str, str]]:
        """Yield the parameter of each step, and what it makes of the address; raises MapError."""
        for step in self._steps[use]:
            address = step(address, warn)
            yield step.parameter, address

    def apply(self, use: Use, address: str, warn: Warn) -> str:
        """Return the official form of a complete address; raises MapError."""
        for step in self._steps[use]:
            address = step(address, warn)
        return address


@dataclass(frozen=True, slots=True)
class Mapper:
    """The mappings for one message."""

    mappings: Mappings
    warn: Warn

    def map_all(self, use: Use, addresses: list[str]) -> list[str]:
        """Return the official forms; what can't be an address stays."""
        if use not in self.mappings:
            return addresses
        return [self.mappings.apply(use, one, self.warn) if is_clean(one) else one for one in addresses]


class Canonical:
    """One parameter's tables as a step."""

    def __init__(self, table: CompletedMap, log: Log) -> None:
        self.parameter = table.parameter
        self._table = table
        self._log = log

    def __call__(self, address: str, warn: Warn) -> str:
        """Return what the tables make of an address. In tables that go round in a circle the search ends somewhere."""
        key = address or NULL_ADDRESS
        for _ in range(_DEPTH):
            found = self._lookup(key, warn)
            if found is None:
                break
            if found.lower() == key.lower():
                key = found
                break
            key = found
        else:
            warn(f"unreasonable {self.parameter} map nesting for {key}")
        return key

    def _lookup(self, address: str, warn: Warn) -> str | None:
        try:
            found = self._table.lookup(address)
        except TableError as error:
            self._log.warning(str(error))
            raise MapError(f"{self.parameter} map lookup problem for {address}") from error
        if found is None:
            return None
        if len(found) > 1:
            warn(f"multi-valued {self.parameter} entry for {address}")
        return found[0]


class Masquerade:
    """masquerade_domains as a step: hosts of these domains are not shown."""

    def __init__(self, domains: Iterable[str], is_exempt: Callable[[str], bool]) -> None:
        """`is_exempt` tells whether a user name is in masquerade_exceptions; raises TableError."""
        self.parameter = "masquerade_domains"
        self._rules = [(word.lstrip("!").lower(), len(word) - len(word.lstrip("!"))) for word in domains]
        self._is_exempt = is_exempt

    def __call__(self, address: str, warn: Warn) -> str:
        """Return the address with the first domain of the list that its own is a subdomain of."""
        local, at, host = address.rpartition("@")
        if not at or self._exempts(local):
            return address
        folded = host.lower()
        for domain, negations in self._rules:
            if folded == domain:
                return address
            if folded.endswith(f".{domain}"):
                return address if negations % 2 else f"{local}@{domain}"
        return address

    def _exempts(self, local: str) -> bool:
        try:
            return self._is_exempt(local)
        except TableError as error:
            raise MapError(f"masquerade_exceptions lookup problem for {local}: {error}") from error
