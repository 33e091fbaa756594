"""virtual(5): tables that redirect addresses of any domain.

    address   address, address, ...

virtual_alias_maps makes one recipient one or more others, here or elsewhere, before anything else is decided about it:
cleanup(8) does it for the envelope of every message, and leaves the headers as they are. With an address of its own for
each user, virtual_alias_domains hosts whole domains without any Unix user.

Every result is looked up again, until nothing matches. An address that expands into itself is kept and not looked up
again, so `user: user, other` does what people mean by it.

Format: a table of any type, made of lines as texthash_table(5) describes them. Results are separated by commas. A
result @domain means the same user at that domain, one without a domain is completed as any address is. Commands, files
and :include: are not possible here: see aliases(5).

Search: these keys, in this order, the first that is there decides; case does not count.

    user+ext@domain   the address, where recipient_delimiter is "+"
    user@domain       without the extension
    user+ext, user    when the domain is `myorigin`, in `mydestination`, or an address of this machine
    @domain           any other address of the domain: it takes mail for whoever is not listed

The extension that a key left out is added to the results, if propagate_unmatched_extensions has virtual. Tables of
patterns are asked for the whole address only.

Failures: a table that can't be asked, and an expansion beyond virtual_alias_recursion_limit,
virtual_alias_expansion_limit or virtual_alias_address_length_limit, refuse the message for now, with a warning.

Example: a domain of addresses that all lead elsewhere

    # main.cf
    virtual_alias_domains = example.com
    virtual_alias_maps = hash:/etc/pyfix/virtual

    # virtual
    postmaster@example.com   postmaster
    joe@example.com          joe@somewhere.example
    sales@example.com        jane, joe@example.com

See: canonical(5), aliases(5), texthash_table(5), postmap(1), cleanup(8)

Inside: expansion.py follows a recipient through the tables, address_map.py asks them.
"""

from __future__ import annotations

from pyfix.base.log import Log
from pyfix.mail.maps import TableError
from pyfix.mail.rewrite.address_map import CompletedMap, MapError
from pyfix.mail.rewrite.expansion import ExpansionError, ExpansionLimits, expand


class AliasError(MapError):
    """A recipient can't be expanded: the result goes beyond the limits, or is none."""


class VirtualAliases:
    """Expands recipients."""

    def __init__(self, table: CompletedMap, log: Log, limits: ExpansionLimits) -> None:
        self._table = table
        self._log = log
        self._limits = limits

    def expand(self, address: str) -> list[str]:
        """Return what a recipient stands for, itself when it is no alias.

        Raises AliasError, and MapError for a table that can't be asked.
        """
        name = self._table.parameter
        try:
            return expand(address, self._table.lookup, self._limits, name)
        except (ExpansionError, MapError) as error:
            raise AliasError(str(error)) from error
        except TableError as error:
            self._log.warning(str(error))
            raise MapError(f"{name} map lookup problem for {address}") from error
