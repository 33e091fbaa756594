"""Ask the DNS, for event loops and for blocking processes.

Each method gives what was asked for or raises LookupFailed, whose `problem` tells whether trying later may help. Names
are taken as they are, without the search list of resolv.conf: a mail domain is never relative. Answers are kept for
their time to live, so that a busy destination costs one query.

Servers come from /etc/resolv.conf, or from the ResolverSettings that tests give. A process that goes into a jail, or
gives up the right to read its own modules, calls `prepare` before.
See: RFC 1035, resolv.conf(5).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.PTR
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.resolver
import dns.reversename

from pyfix.mail.address.valid import is_valid_hostaddr, is_valid_hostname

R = TypeVar("R", bound=dns.resolver.BaseResolver)
_CACHE_SIZE: Final = 5000


class Problem(Enum):
    """Why a lookup has no answer."""

    NOT_FOUND = "Host not found"
    NO_DATA = "Host found but no data record of requested type"
    RETRY = "Host not found, try again"
    INVALID = "Malformed or unexpected name server reply"

    @property
    def is_absence(self) -> bool:
        """True when the DNS has answered that there is nothing."""
        return self in (Problem.NOT_FOUND, Problem.NO_DATA)


class LookupFailed(Exception):
    """No answer; str() is Postfix's text for the log and the notice."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Exchanger:
    """One MX record; `host` "" is the null MX of RFC 7505."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """Which servers to ask. Without servers: those of /etc/resolv.conf."""

    servers: tuple[str, ...] = ()
    port: int = 53
    timeout_s: float = 5.0
    attempts: int = 2


class Resolver:
    """Blocking lookups."""

    def __init__(self, settings: ResolverSettings | None = None) -> None:
        self._settings = settings or ResolverSettings()
        self._resolver: dns.resolver.Resolver | None = None

    def prepare(self) -> None:
        """Read now what the first query would read: resolv.conf, and modules that dnspython imports when needed."""
        _load_record_types()
        with contextlib.suppress(dns.exception.DNSException):  # without servers each query says so
            self._resolver = _configured(dns.resolver.Resolver, self._settings)

    def addresses(self, name: str, kind: str) -> list[str]:
        """Return the addresses of a host; kind is "A" or "AAAA"."""
        return _addresses(self._ask(name, kind))

    def exchangers(self, name: str) -> list[Exchanger]:
        """Return the MX records of a domain, in no order."""
        return _exchangers(name, self._ask(name, "MX"))

    def names(self, address: str) -> list[str]:
        """Return the names in the PTR records of an address."""
        return _names(self._ask(reverse_name(address), "PTR"))

    def _ask(self, name: str, kind: str) -> dns.resolver.Answer:
        _check_name(name)
        try:
            if self._resolver is None:
                self._resolver = _configured(dns.resolver.Resolver, self._settings)
            return self._resolver.resolve(name, kind, search=False)
        except (dns.exception.DNSException, OSError) as error:
            raise _explained(error, name, kind) from error


class AsyncResolver:
    """The same for an event loop."""

    def __init__(self, settings: ResolverSettings | None = None) -> None:
        self._settings = settings or ResolverSettings()
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._backend = dns.asyncbackend.get_backend("asyncio")

    def prepare(self) -> None:
        """As Resolver.prepare."""
        _load_record_types()
        with contextlib.suppress(dns.exception.DNSException):
            self._resolver = _configured(dns.asyncresolver.Resolver, self._settings)

    async def addresses(self, name: str, kind: str) -> list[str]:
        """Return the addresses of a host; kind is "A" or "AAAA"."""
        return _addresses(await self._ask(name, kind))

    async def exchangers(self, name: str) -> list[Exchanger]:
        """Return the MX records of a domain, in no order."""
        return _exchangers(name, await self._ask(name, "MX"))

    async def names(self, address: str) -> list[str]:
        """Return the names in the PTR records of an address."""
        return _names(await self._ask(reverse_name(address), "PTR"))

    async def _ask(self, name: str, kind: str) -> dns.resolver.Answer:
        _check_name(name)
        try:
            if self._resolver is None:
                self._resolver = _configured(dns.asyncresolver.Resolver, self._settings)
            return await self._resolver.resolve(name, kind, search=False, backend=self._backend)
        except (dns.exception.DNSException, OSError) as error:
            raise _explained(error, name, kind) from error


def reverse_name(address: str) -> str:
    """Return the name that the PTR records of an address are under (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    return dns.reversename.from_address(address).to_text(omit_final_dot=True)


def _load_record_types() -> None:
    """Import all of them, because a stranger's answer may hold any; what has no module is opaque data from here on."""
    load: Callable[[], None] = dns.rdata.load_all_types  # without types of its own
    load()


def _configured(kind: Callable[..., R], settings: ResolverSettings) -> R:
    """Return a resolver with servers and limits; raise DNSException when resolv.conf names none."""
    resolver = kind(configure=not settings.servers)
    if settings.servers:
        resolver.nameservers = list(settings.servers)
        resolver.port = settings.port
    resolver.timeout = settings.timeout_s
    resolver.lifetime = settings.timeout_s * settings.attempts * max(len(resolver.nameservers), 1)
    resolver.cache = dns.resolver.LRUCache(_CACHE_SIZE)
    return resolver


def _check_name(name: str) -> None:
    if not is_valid_hostname(name) or is_valid_hostaddr(name):
        raise LookupFailed(Problem.NOT_FOUND, f"Name service error for {name}: invalid host or domain name")


def _explained(error: Exception, name: str, kind: str) -> LookupFailed:
    """Return what the error of a query means."""
    problem = Problem.RETRY
    if isinstance(error, dns.resolver.NXDOMAIN):
        problem = Problem.NOT_FOUND
    elif isinstance(error, dns.resolver.NoAnswer):
        problem = Problem.NO_DATA
    elif isinstance(error, (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException)):
        return LookupFailed(Problem.NOT_FOUND, f"Name service error for {name}: invalid host or domain name")
    elif isinstance(error, dns.resolver.NoNameservers) and any(
        isinstance(entry[3], dns.message.ChainTooLong) for entry in error.kwargs.get("errors", ())
    ):
        return LookupFailed(Problem.NOT_FOUND, f"Name server loop for {name}")
    return LookupFailed(problem, service_error(name, kind, problem))


def service_error(name: str, kind: str, problem: Problem) -> str:
    """Return Postfix's words for a failed query."""
    return f"Host or domain name not found. Name service error for name={name} type={kind}: {problem.value}"


def _addresses(answer: dns.resolver.Answer) -> list[str]:
    return [rr.address for rr in answer if isinstance(rr, (dns.rdtypes.IN.A.A, dns.rdtypes.IN.AAAA.AAAA))]


def _names(answer: dns.resolver.Answer) -> list[str]:
    return [rr.target.to_text(omit_final_dot=True) for rr in answer if isinstance(rr, dns.rdtypes.ANY.PTR.PTR)]


def _exchangers(name: str, answer: dns.resolver.Answer) -> list[Exchanger]:
    """Return the usable MX records; raise LookupFailed when all of them name something that can't be a host."""
    records = [rr for rr in answer if isinstance(rr, dns.rdtypes.ANY.MX.MX)]
    found = [Exchanger(rr.preference, _host_text(rr.exchange)) for rr in records]
    usable = [mx for mx in found if not mx.host or is_valid_hostname(mx.host)]
    if not usable:
        raise LookupFailed(Problem.INVALID, service_error(name, "MX", Problem.INVALID))
    return usable


def _host_text(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True)
