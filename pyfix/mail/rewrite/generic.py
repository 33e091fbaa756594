"""generic(5): tables that replace addresses as mail leaves over the network.

    address   address

smtp_generic_maps is for a machine whose own addresses mean nothing elsewhere, such as fred@localdomain.local: smtp(8)
replaces them by valid ones when it sends a message, and mail that stays here keeps them. lmtp_generic_maps does the
same for lmtp(8). canonical(5) is for mail that comes in.

Changed are the sender and the recipients of the envelope, and the addresses in the headers of the message that have
some: From:, To:, Cc:, Reply-To:, Sender:, Errors-To:, Return-Receipt-To: and their like, with the Resent- forms. The
headers of messages inside the message stay, and so does the null sender. The log goes on to speak of the address as it
was before.

Each address is looked up once: a result is not looked up again.

Format: a table of any type, made of lines as texthash_table(5) describes them. A result @domain means the same user at
that domain. A result that has no domain is completed as any address is.

Search: these keys, in this order, the first that is there decides; case does not count.

    user+ext@domain   the address, where recipient_delimiter is "+"
    user@domain       without the extension
    user+ext, user    when the domain is `myorigin`, in `mydestination`, or an address of this machine
    @domain           any other address of the domain

The extension that a key left out is added to the result, if propagate_unmatched_extensions has generic, which it has
not by default. Tables of patterns are asked for the whole address only.

Failures: a table that can't be asked defers the delivery, with a warning.

Example: two people have an address elsewhere, all others share one

    # main.cf
    smtp_generic_maps = hash:/etc/pyfix/generic

    # generic
    his@localdomain.local   his.account@provider.example
    her@localdomain.local   her.account@provider.example
    @localdomain.local      his.account+local@provider.example

See: canonical(5), virtual(5), texthash_table(5), postmap(1), smtp(8)
"""

from __future__ import annotations

from collections.abc import Iterator

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps
from pyfix.mail.maps.table import Ask
from pyfix.mail.rewrite.address_map import AddressMap
from pyfix.mail.rewrite.rules import make_address_map


class GenericTables:
    """The tables of one parameter, open; raises ConfigError."""

    def __init__(self, config: Config, params: AddressParameters, name: str, value: str) -> None:
        self._maps = open_maps(value, name, config)
        self._local = LocalDomains(config, params)
        self.is_empty = self._maps.is_empty
        self.blocking = self._maps.blocking or self._local.blocking
        """True when a search may have to wait."""
        self.map: AddressMap = make_address_map(self._maps, "generic", self._local, params)

    def lend(self, ask: Ask) -> None:
        """Let other threads ask, too: see Table.lend."""
        self._maps.lend(ask)
        self._local.lend(ask)

    def find_changed(self) -> Iterator[str]:
        """Yield the names of what has changed on disk."""
        if self._maps.has_changed():
            yield self._maps.name
        if self._local.has_changed():
            yield "mydestination"
