"""Find the name of a connected client, and verify it.

The name is that of the PTR record (or of /etc/hosts), and counts only when it leads back to the address. Everything
else is "unknown", with the reason kept for the log: a client can put any name into its reverse zone. Results are kept
for a short while, because clients come back at once. Never raises for what the DNS says.
See: reject_unknown_client_hostname in postconf(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.base import clock
from pyfix.mail.address.valid import is_valid_hostaddr, is_valid_hostname
from pyfix.mail.dns.resolver import LookupFailed, Problem

UNKNOWN: Final = "unknown"
_HOSTS_LIMIT: Final = 1024 * 1024


class Lookups(Protocol):
    """What this module needs of a resolver."""

    async def addresses(self, name: str, kind: str) -> list[str]: ...

    async def names(self, address: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class PeerName:
    """What is known about a client's name."""

    name: str = UNKNOWN
    """The verified name."""
    reverse_name: str = UNKNOWN
    """The name that the address claims, verified or not."""
    status: int = 5
    """2: verified; 4: could not be found out now; 5: there is none that holds."""
    reverse_status: int = 5
    """The same for the claimed name alone."""
    warning: str = ""
    """A line for the log, "" for none."""


class HostsFile:
    """The names and addresses of /etc/hosts, read once."""

    def __init__(self, text: str = "") -> None:
        self._names: dict[str, str] = {}
        self._addresses: dict[str, set[str]] = {}
        for line in text.splitlines():
            words = line.split("#", 1)[0].split()
            if len(words) < 2 or not is_valid_hostaddr(words[0]):
                continue
            address = str(ipaddress.ip_address(words[0]))
            self._names.setdefault(address, words[1])
            for name in words[1:]:
                self._addresses.setdefault(name.lower(), set()).add(address)

    @classmethod
    def load(cls, path: str = "/etc/hosts") -> HostsFile:
        """Read the file; a file that can't be read is empty."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return cls(file.read(_HOSTS_LIMIT))
        except OSError:
            return cls()

    def name_of(self, address: str) -> str | None:
        """Return the first name of an address."""
        return self._names.get(address)

    def addresses_of(self, name: str) -> set[str]:
        """Return the addresses of a name."""
        return self._addresses.get(name.lower(), set())


class PeerNames:
    """Looks up clients, with a short memory."""

    def __init__(
        self,
        resolver: Lookups,
        hosts: HostsFile,
        *,
        keep_s: float = 60.0,
        limit: int = 10000,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._resolver = resolver
        self._hosts = hosts
        self._keep_s = keep_s
        self._limit = limit
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, PeerName]] = {}

    async def find(self, address: str) -> PeerName:
        """Return what is known about the client at this address (numerical, no brackets)."""
        address = str(ipaddress.ip_address(address))
        kept = self._kept.get(address)
        now = self._monotonic()
        if kept is not None and kept[0] > now:
            return kept[1]
        found = await self._look_up(address)
        if len(self._kept) >= self._limit:
            self._kept.clear()
        self._kept[address] = (now + self._keep_s, found)
        return found

    async def _look_up(self, address: str) -> PeerName:
        claimed = self._hosts.name_of(address)
        if claimed is None:
            try:
                names = await self._resolver.names(address)
            except LookupFailed as failed:
                status = 4 if failed.problem is Problem.RETRY else 5
                return PeerName(status=status, reverse_status=status)
            claimed = names[0] if names else ""
        if is_valid_hostaddr(claimed):
            return PeerName(warning=f"numeric hostname: {claimed}")
        if not is_valid_hostname(claimed):
            return PeerName()
        return await self._verified(address, claimed)

    async def _verified(self, address: str, claimed: str) -> PeerName:
        """Does the claimed name lead back to the address?"""
        addresses = self._hosts.addresses_of(claimed)
        if not addresses:
            kind = "AAAA" if ":" in address else "A"
            try:
                addresses = {
                    str(ipaddress.ip_address(found)) for found in await self._resolver.addresses(claimed, kind)
                }
            except LookupFailed as failed:
                status = 4 if failed.problem is Problem.RETRY else 5
                warning = f"hostname {claimed} does not resolve to address {address}: {failed.problem.value}"
                return PeerName(UNKNOWN, claimed, status, 2, warning)
        if address in addresses:
            return PeerName(claimed, claimed, 2, 2)
        return PeerName(UNKNOWN, claimed, 5, 2, f"hostname {claimed} does not resolve to address {address}")
