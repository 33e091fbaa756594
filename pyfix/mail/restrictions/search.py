"""Search the table that an evaluation asks for, in the way that it asks for: access(5).

smtpd searches in an event loop, or in a thread where a table may have to wait (`may_wait`); `pyfix explain` on the
spot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pyfix.mail.maps import ACCESS, ALIAS, lookup_domain, lookup_network
from pyfix.mail.maps.address_lookup import Strategy
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.restrictions.questions import Lookup, Search


class Locals(Protocol):
    """What is needed of mail/address/domains.py."""

    @property
    def blocking(self) -> bool: ...

    def is_local_part_domain(self, domain: str) -> bool: ...


class Searcher:
    """The parameters that searches depend on."""

    def __init__(
        self,
        is_local: Callable[[str], bool],
        *,
        delimiter: str = "",
        null_key: str = "<>",
        parents: bool = True,
        local_may_wait: bool = False,
    ) -> None:
        """`parents`: whether a domain holds its subdomains, too."""
        self._is_local = is_local
        self._local_may_wait = local_may_wait
        self._delimiter = delimiter
        self._null_key = null_key
        self._parents = parents
        self._access = ACCESS | (Strategy.PARENT if parents else Strategy.DOT_PARENT)

    @classmethod
    def from_params(cls, params: RestrictionParameters, domains: Locals) -> Searcher:
        """Return what the parameters say."""
        return cls(
            domains.is_local_part_domain, delimiter=params.recipient_delimiter,
            null_key=params.smtpd_null_access_lookup_key,
            parents="smtpd_access_maps" in params.parent_domain_matches_subdomains,
            local_may_wait=domains.blocking,
        )  # fmt: skip

    def may_wait(self, question: Lookup) -> bool:
        """True when some table that the search asks may have to wait: a thread's work."""
        return question.maps.blocking or self.is_local_may_wait(question)

    def is_local_may_wait(self, question: Lookup) -> bool:
        """True when a search asks whether a domain is local, and the answer may have to wait."""
        return self._local_may_wait and question.search is Search.ALIAS

    def look_up(self, question: Lookup) -> str | None:
        """Return the value; raises TableError."""
        maps, key = question.maps, question.key
        match question.search:
            case Search.CLIENT:
                found = lookup_domain(maps, key, parents=self._parents) or lookup_network(maps, question.address)
                return found[0] if found else None
            case Search.DOMAIN:
                found = lookup_domain(maps, key, parents=self._parents)
                return found[0] if found else None
            case Search.LOGIN:
                return maps.lookup(key)
            case Search.CERTIFICATE:
                value = maps.lookup(key)
                return value if value is not None or not question.address else maps.lookup(question.address)
            case Search.SENDER | Search.RECIPIENT if not key:
                return maps.lookup(self._null_key)
            case Search.SENDER | Search.RECIPIENT:
                match = maps.lookup_address(key, self._delimiter, None, self._access)
            case Search.ALIAS:
                match = maps.lookup_address(key, self._delimiter, self._is_local, ALIAS)
        return match.value if match else None
