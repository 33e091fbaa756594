"""Who gets copies without being named: always_bcc, sender_bcc_maps, recipient_bcc_maps.

Only mail that enters from outside is copied, not notices and forwarded mail. The tables are asked with the addresses as
they are when they have been completed and mapped, but before virtual aliases.
See: postconf(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyfix.base.log import Log
from pyfix.mail.maps import Maps, TableError
from pyfix.mail.maps.address_lookup import ALIAS, IsLocal
from pyfix.mail.rewrite.address_map import MapError


@dataclass(frozen=True, slots=True)
class Copies:
    """The parameters."""

    always: str
    by_sender: Maps
    by_recipient: Maps
    is_local: IsLocal
    delimiter: str
    log: Log

    def find(self, sender: str, recipients: Sequence[str]) -> list[str]:
        """Return the addresses, in the order in which Postfix finds them; raises MapError."""
        return list(self._find(sender, recipients))

    def _find(self, sender: str, recipients: Sequence[str]) -> Iterator[str]:
        if sender and not self.by_sender.is_empty:
            yield from self._lookup(self.by_sender, sender)
        if not self.by_recipient.is_empty:
            for recipient in recipients:
                yield from self._lookup(self.by_recipient, recipient)
        if self.always:
            yield self.always

    def _lookup(self, maps: Maps, address: str) -> Iterator[str]:
        try:
            found = maps.lookup_address(address, self.delimiter, self.is_local, ALIAS)
        except TableError as error:
            self.log.warning(str(error))
            raise MapError(f"{maps.parameter} map lookup problem") from error
        if found is not None:
            yield found.value
