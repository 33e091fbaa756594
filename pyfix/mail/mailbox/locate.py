"""Find where a recipient's mailbox is and whose it is.

Lookup order: user+extension@domain, user@domain, the same without domain where it is ours, @domain; all folded. The
answer is a Mailbox, None for an unknown recipient, or LookupFailed for what only the administrator can put right
(always temporary).
virtual delivers there; `pyfix explain` tells where that will be.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Config
from pyfix.mail.mailbox.params import VirtualMailboxParameters
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.address_lookup import IsLocal

_LARGEST_ID = 2**32 - 2


class LookupFailed(Exception):
    """The configuration or a table is at fault; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mail for one recipient goes."""

    path: str
    uid: int
    gid: int

    @property
    def form(self) -> str:
        """The word of the log."""
        return "maildir" if self.is_maildir else "mailbox"

    @property
    def is_maildir(self) -> bool:
        """True for a Maildir, False for an mbox file."""
        return self.path.endswith("/")


@dataclass(frozen=True, slots=True)
class Locator:
    """The tables of virtual."""

    base: str
    mailboxes: Maps
    uids: Maps | None
    """None together with gids: everything is written as the user that runs this process."""
    gids: Maps | None
    minimum_uid: int
    delimiter: str = ""
    is_local: IsLocal | None = None
    maildir_suffix: str = ""
    """What follows the path of a Maildir."""

    @property
    def maps(self) -> tuple[Maps, ...]:
        """The tables that are asked."""
        return tuple(maps for maps in (self.mailboxes, self.uids, self.gids) if maps is not None)

    def find(self, address: str) -> Mailbox | None:
        """Return the mailbox of an address (folded); raises LookupFailed."""
        location = self._lookup(self.mailboxes, address)
        if location is None:
            return None
        path = f"{self.base}/{location}"
        if not path.startswith("/"):
            raise LookupFailed(f"do not specify relative pathname: virtual_mailbox_base = {self.base}")
        if path.endswith("/"):
            path += self.maildir_suffix
        if self.uids is None or self.gids is None:
            return Mailbox(path, -1, -1)
        return Mailbox(
            path, self._id(self.uids, address, "uid", self.minimum_uid), self._id(self.gids, address, "gid", 1)
        )

    def _id(self, maps: Maps, address: str, kind: str, low: int) -> int:
        text = self._lookup(maps, address)
        if text is None:
            raise LookupFailed(f"recipient {address}: not found in {maps.parameter}")
        if not (text.isascii() and text.isdigit() and low <= int(text) <= _LARGEST_ID):
            raise LookupFailed(f"recipient {address}: bad {kind} {text} in {maps.parameter}")
        return int(text)

    def _lookup(self, maps: Maps, address: str) -> str | None:
        return find_value(maps, address, self.delimiter, self.is_local)


def find_value(maps: Maps, address: str, delimiter: str, is_local: IsLocal | None) -> str | None:
    """Return what the tables say about an address (folded); raises LookupFailed."""
    try:
        found = maps.lookup_address(address, delimiter, is_local)
    except TableError as error:
        raise LookupFailed(f"table {maps.name}: lookup {address}: {error}") from error
    return None if found is None else found.value


def open_locator(config: Config, params: VirtualMailboxParameters, *, with_ids: bool) -> Locator:
    """Open the tables; without ids every mailbox belongs to the user that runs this process. Raises ConfigError."""
    mailboxes, uids, gids = (
        open_maps(getattr(params, name), name, config, sensitive=True)
        for name in ("virtual_mailbox_maps", "virtual_uid_maps", "virtual_gid_maps")
    )
    return Locator(
        params.virtual_mailbox_base,
        mailboxes,
        uids if with_ids else None,
        gids if with_ids else None,
        params.virtual_minimum_uid,
        params.recipient_delimiter,
        LocalDomains(config, params).is_local_part_domain,
        _suffix(config, params.virtual_maildir_suffix),
    )


def _suffix(config: Config, suffix: str) -> str:
    """Return what makes a Maildir out of a Maildir's path; raises ConfigError."""
    if not suffix:
        return ""
    if ".." in suffix.split("/"):
        raise config.refuse("virtual_maildir_suffix", f"bad value {suffix}: it may not lead upwards")
    return suffix.strip("/") + "/"
