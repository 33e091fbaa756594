"""relocated(5): tables of addresses that have moved, and where to.

    pattern   new-location

Mail for an address in relocated_maps is refused with the text "5.1.6 User has moved to" and what stands in the table:
another address, a telephone number, whatever helps. trivial-rewrite(8) asks the tables, for recipients of all classes;
smtpd(8) then refuses the recipient, and mail that is in the queue already bounces.

Format: a table of any type, made of lines as texthash_table(5) describes them.

Search: these keys, in this order, the first that is there decides; case does not count.

    user+ext@domain   the address, where recipient_delimiter is "+"
    user@domain       without the extension
    user+ext, user    when the domain is `myorigin`, in `mydestination`, or an address of this machine
    @domain           any other address of the domain

Tables of patterns are asked for the whole address only.

Failures: a table that can't be asked defers the mail.

Example:

    jane@example.com   jane@example.org
    @old.example.com   example.net

See: trivial-rewrite(8), transport(5), virtual(5), texthash_table(5), postmap(1)
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.maps.address_lookup import ALIAS, IsLocal
from pyfix.mail.maps.maps import Maps

_MOVED: Final = "5.1.6 User has moved to"


def find_moved(maps: Maps, recipient: str, delimiter: str, is_local: IsLocal) -> str | None:
    """Return the reason to give for a recipient that has moved, None for one that has not; raises TableError."""
    found = maps.lookup_address(recipient, delimiter, is_local, ALIAS)
    return f"{_MOVED} {found.value}" if found else None
