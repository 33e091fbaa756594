"""Find the addresses to deliver to: from a domain through its MX records, or from a host name directly.

The order is that of delivery: by preference, in random order among equals (smtp_randomize_addresses) or with one
address family first (smtp_address_preference). Where this machine is among the mail exchangers, it and all that are not
preferred to it are left out, so that mail moves toward the best; when nothing is left, mail would loop.

The result is a `Route`: hosts, or the Dsn that says why there are none. Choosing is pure (`order_hosts`,
`drop_self`, `balance`); only `HostFinder` asks.
See: RFC 5321 section 5.1, RFC 7505 (null MX), smtp_host_lookup, smtp_dns_support_level.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.base.log import Log
from pyfix.mail.address.valid import is_valid_hostaddr, is_valid_ipv6
from pyfix.mail.dns.resolver import Exchanger, LookupFailed, Problem
from pyfix.mail.ipc.messages import Dsn

_KIND_OF_FAMILY: Final = {"ipv4": "A", "ipv6": "AAAA"}


class Lookups(Protocol):
    """What this module needs of a resolver."""

    async def addresses(self, name: str, kind: str) -> list[str]: ...

    async def exchangers(self, name: str) -> list[Exchanger]: ...


@dataclass(frozen=True, slots=True)
class Host:
    """One address to try."""

    name: str
    address: str
    preference: int = 0

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address


@dataclass(frozen=True, slots=True)
class Route:
    """The hosts for one destination, best first; without hosts, the failure that explains it."""

    hosts: tuple[Host, ...] = ()
    failure: Dsn | None = None
    is_own_backup: bool = False
    """This machine is one of the mail exchangers: nothing beyond these hosts may be tried."""

    @property
    def loops(self) -> bool:
        """True when mail would come back here."""
        return self.failure is not None and self.failure.status[1:] == ".4.6"


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """How to look up and how to choose."""

    families: tuple[str, ...] = ("ipv4", "ipv6")
    """Of "ipv4" and "ipv6" (inet_protocols)."""
    preference: str = "any"
    """"any", "ipv4" or "ipv6" (smtp_address_preference)."""
    use_dns: bool = True
    use_native: bool = False
    """smtp_host_lookup, and "native" alone when the DNS is disabled."""
    randomize: bool = True
    address_limit: int = 5
    balance: bool = True
    ignore_mx_error: bool = False
    defer_if_no_mx_address: bool = False
    own_addresses: frozenset[str] = frozenset()
    """inet_interfaces and proxy_interfaces."""


class HostFinder:
    """Looks destinations up by one policy."""

    def __init__(
        self,
        resolver: Lookups,
        policy: HostPolicy,
        log: Log,
        shuffle: Callable[[list[Host]], None] = random.shuffle,
    ) -> None:
        self._resolver = resolver
        self._policy = policy
        self._log = log
        self._shuffle = shuffle

    async def find_host(self, name: str, *, detect_loop: bool) -> Route:
        """Return the addresses of a host, or of a numerical address itself."""
        hosts, failure = await self._one(name, 0, None)
        if not hosts:
            return Route(failure=failure)
        if detect_loop and find_self(hosts, self._policy.own_addresses) is not None:
            return Route(failure=loop_failure(name))
        return Route(tuple(self._ordered(hosts)))

    async def find_domain(self, domain: str, *, detect_loop: bool) -> Route:
        """Return the addresses of a domain's mail exchangers; of the domain itself when it has no MX record."""
        try:
            exchangers = await self._resolver.exchangers(domain)
        except LookupFailed as failed:
            return await self._without_mx(domain, failed, detect_loop=detect_loop)
        if len(exchangers) == 1 and not exchangers[0].host:
            return Route(failure=Dsn("5.1.0", f"Domain {domain} does not accept mail (nullMX)"))
        exchangers.sort(key=lambda mx: mx.preference)
        hosts: list[Host] = []
        failure: Dsn | None = None
        for mx in exchangers:
            found, failure = await self._one(mx.host, mx.preference, failure)
            hosts += found
        if not hosts:
            return self._no_mx_address(domain, failure)
        own = find_self(hosts, self._policy.own_addresses) if detect_loop else None
        if own is None:
            return Route(tuple(self._ordered(hosts)))
        better = [host for host in hosts if host.preference < own.preference]
        if better:
            return Route(tuple(self._ordered(better)), is_own_backup=True)
        if exchangers[0].preference != hosts[0].preference:
            return Route(failure=Dsn("4.4.4", f"unable to find primary relay for {domain}"), is_own_backup=True)
        return Route(failure=loop_failure(domain), is_own_backup=True)

    async def _without_mx(self, domain: str, failed: LookupFailed, *, detect_loop: bool) -> Route:
        if failed.problem.is_absence or self._policy.ignore_mx_error:
            return await self.find_host(domain, detect_loop=detect_loop)
        return Route(failure=Dsn("4.4.3" if failed.problem is Problem.RETRY else "5.4.4", failed.reason))

    def _no_mx_address(self, domain: str, failure: Dsn | None) -> Route:
        failure = failure or Dsn("4.4.4", f"{domain}: host not found")
        if self._policy.defer_if_no_mx_address:
            failure = Dsn("4" + failure.status[1:], failure.reason)
        self._log.warning(f"no MX host for {domain} has a valid address record")
        return Route(failure=failure)

    async def _one(self, name: str, preference: int, before: Dsn | None) -> tuple[list[Host], Dsn | None]:
        """Return one name's addresses and what failed so far; a temporary failure outlives permanent ones."""
        if is_valid_hostaddr(name):
            family = "ipv6" if is_valid_ipv6(name) else "ipv4"
            if family in self._policy.families:
                return [Host(name, name, preference)], before
        soft = before is not None and before.status.startswith("4")
        failure = before
        if self._policy.use_dns:
            found, failed = await self._ask_dns(name)
            if found:
                return [Host(name, address, preference) for address in found], before
            if failed is not None:
                failure = _address_failure(failed, soft=soft)
                if not failed.problem.is_absence:
                    return [], failure
        if self._policy.use_native:
            found, failure = await self._ask_native(name, soft=soft)
            return [Host(name, address, preference) for address in found], failure or before
        return [], failure

    async def _ask_dns(self, name: str) -> tuple[list[str], LookupFailed | None]:
        """Return the addresses of all families; the failure of the last, where a temporary one wins."""
        kinds = [_KIND_OF_FAMILY[family] for family in self._policy.families]
        results = await asyncio.gather(
            *[self._resolver.addresses(name, kind) for kind in kinds], return_exceptions=True
        )
        found: list[str] = []
        failure: LookupFailed | None = None
        for result in results:
            if isinstance(result, LookupFailed):
                if failure is None or failure.problem.is_absence:
                    failure = result
            elif isinstance(result, BaseException):
                raise result
            else:
                found += result
        return found, failure

    async def _ask_native(self, name: str, *, soft: bool) -> tuple[list[str], Dsn | None]:
        """Ask the system's own name service (/etc/hosts and what nsswitch.conf adds), off the loop."""
        loop = asyncio.get_running_loop()
        families = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
        try:
            rows = await loop.run_in_executor(None, socket.getaddrinfo, name, None, 0, socket.SOCK_STREAM)
        except socket.gaierror as error:
            temporary = soft or error.errno in (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)
            no_host = error.errno in (socket.EAI_AGAIN, socket.EAI_NODATA, socket.EAI_NONAME)
            status = f"{'4' if temporary else '5'}.{'4.4' if no_host else '3.0'}"
            return [], Dsn(status, f"unable to look up host {name}: {error.strerror}")
        except UnicodeError:
            return [], Dsn("4.4.4" if soft else "5.4.4", f"{name}: host not found")
        found = [str(row[4][0]) for row in rows if families.get(row[0], "") in self._policy.families]
        if not found:
            return [], Dsn("4.4.4" if soft else "5.4.4", f"{name}: host not found")
        return list(dict.fromkeys(found)), None

    def _ordered(self, hosts: list[Host]) -> list[Host]:
        if len(hosts) == 1:
            return hosts
        if self._policy.randomize:
            self._shuffle(hosts)
        ordered = order_hosts(hosts, self._policy.preference)
        if self._policy.balance and self._policy.address_limit > 0:
            return balance(ordered, self._policy.address_limit)
        return ordered


def loop_failure(name: str) -> Dsn:
    """Return the verdict on mail that would come back here."""
    return Dsn("5.4.6", f"mail for {name} loops back to myself")


def find_self(hosts: Sequence[Host], own: frozenset[str]) -> Host | None:
    """Return the best preferred host that is this machine."""
    return next((host for host in hosts if host.address in own), None)


def order_hosts(hosts: Sequence[Host], preference: str) -> list[Host]:
    """Return the hosts by MX preference; among equals the preferred family first, otherwise as they came."""
    match preference:
        case "ipv6":
            return sorted(hosts, key=lambda host: (host.preference, not host.is_ipv6))
        case "ipv4":
            return sorted(hosts, key=lambda host: (host.preference, host.is_ipv6))
        case _:
            return sorted(hosts, key=lambda host: host.preference)


def balance(hosts: Sequence[Host], limit: int) -> list[Host]:
    """Return at most `limit` hosts such that neither address family crowds the other out."""
    v6_count = sum(host.is_ipv6 for host in hosts)
    v4_count = len(hosts) - v6_count
    if not v4_count or not v6_count or len(hosts) <= limit:
        return list(hosts)
    if v6_count <= limit // 2:
        v6_room = v6_count
    elif v4_count <= limit // 2:
        v6_room = limit - v4_count
    else:
        v6_room = limit - (limit + (not hosts[0].is_ipv6)) // 2
    room = {True: v6_room, False: limit - v6_room}
    kept: list[Host] = []
    for host in hosts:
        if room[host.is_ipv6] > 0:
            room[host.is_ipv6] -= 1
            kept.append(host)
    return kept


def _address_failure(failed: LookupFailed, *, soft: bool) -> Dsn:
    match failed.problem:
        case Problem.RETRY:
            return Dsn("4.4.3", failed.reason)
        case _:
            return Dsn("4.4.4" if soft else "5.4.4", failed.reason)
