"""How much a recipient's mailbox may hold: virtual_mailbox_limit_maps, with the rules of the VDA patch.

    104857600S,1000C    bytes and messages (Courier, ExtMail)
    104857600           bytes
    0                   no limit
    -1                  as if not found: virtual_mailbox_limit

Looked up as mailboxes are: user+extension@domain, user@domain, @domain. A limit that is smaller than
message_size_limit is refused with a warning, and virtual_mailbox_limit holds, unless virtual_mailbox_limit_override
says otherwise. Quotas are in force where there are such tables, or maildirsize is kept (virtual_maildir_extended): the
limit of all mailboxes is virtual_mailbox_limit then.

The patch takes a value that is no number for 0, without limit, and ignores limits of messages. Here the one is a
mistake that defers mail, and the other counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyfix.mail.accounts.quota import Quota, parse_quota
from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Config
from pyfix.mail.mailbox.locate import LookupFailed, find_value
from pyfix.mail.mailbox.quota.params import QuotaParameters
from pyfix.mail.maps import Maps, open_maps
from pyfix.mail.maps.address_lookup import IsLocal

_NEGATIVE: Final = re.compile(r"-[0-9]+[SC]?")
FALLBACK: Final = "virtual_mailbox_limit"


class UnusableLimit(ValueError):
    """The value of a table is no limit."""


def read_limit(value: str) -> Quota | None:
    """Return what a value of a table says, None for a negative one, which stands for virtual_mailbox_limit."""
    if _NEGATIVE.fullmatch(value.strip()):
        return None
    try:
        return parse_quota(value.strip())
    except ValueError as error:
        raise UnusableLimit(str(error)) from None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a mailbox may hold, and the parameter that says so."""

    quota: Quota
    parameter: str


class Limits:
    """The tables of limits, and of what senders are told."""

    def __init__(
        self, params: QuotaParameters, limits: Maps, messages: Maps, is_local: IsLocal, warn: Callable[[str], object]
    ) -> None:
        """`warn` is told of limits that are not honoured."""
        self._limits = limits
        self._messages = messages
        self._delimiter = params.recipient_delimiter
        self._is_local = is_local
        self._fallback = Limit(Quota(params.virtual_mailbox_limit), FALLBACK)
        self._least = 0 if params.virtual_mailbox_limit_override else params.message_size_limit
        self._message = params.virtual_maildir_limit_message
        self._warn = warn

    @classmethod
    def open(cls, config: Config, params: QuotaParameters, warn: Callable[[str], object]) -> Limits | None:
        """Open the tables; None where there are no quotas. Raises ConfigError."""
        limits, messages = (
            open_maps(getattr(params, name), name, config)
            for name in ("virtual_mailbox_limit_maps", "virtual_maildir_limit_message_maps")
        )
        if limits.is_empty and not params.virtual_maildir_extended:
            return None
        return cls(params, limits, messages, LocalDomains(config, params).is_local_part_domain, warn)

    @property
    def maps(self) -> tuple[Maps, ...]:
        """The tables that are asked."""
        return (self._limits, self._messages)

    def find(self, address: str) -> Limit:
        """Return the limit of an address (folded); raises LookupFailed."""
        text = self._look_up(self._limits, address)
        try:
            quota = None if text is None else read_limit(text)
        except UnusableLimit as error:
            raise LookupFailed(
                f"recipient {address}: {error} in {self._limits.name}; specify bytes, such as 104857600S"
            ) from None
        if quota is None:
            return self._fallback
        if 0 < quota.size < self._least:
            self._warn(
                f"recipient {address} - virtual maildir limit is smaller than message_size_limit in"
                f" virtual_mailbox_limit_maps - falling back to {FALLBACK}"
            )
            return self._fallback
        return Limit(quota, self._limits.parameter)

    def message(self, address: str) -> str:
        """Return what the sender of mail for a full mailbox is told; raises LookupFailed."""
        return self._look_up(self._messages, address) or self._message

    def _look_up(self, maps: Maps, address: str) -> str | None:
        return find_value(maps, address, self._delimiter, self._is_local)
