"""From a domain to the hosts that are tried."""

import asyncio
from typing import Any

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.dns.hosts import Host, HostFinder, HostPolicy, Route, balance, order_hosts
from pyfix.mail.dns.resolver import Exchanger, LookupFailed, Problem, service_error

ZONE: dict[tuple[str, str], Any] = {
    ("two.test", "MX"): [Exchanger(20, "m2.test"), Exchanger(10, "m1.test")],
    ("m1.test", "A"): ["192.0.2.1"],
    ("m1.test", "AAAA"): ["2001:db8::1"],
    ("m2.test", "A"): ["192.0.2.2"],
    ("m3.test", "A"): Problem.RETRY,
    ("plain.test", "A"): ["192.0.2.9"],
    ("null.test", "MX"): [Exchanger(0, "")],
    ("retry.test", "MX"): Problem.RETRY,
    ("bad.test", "MX"): [Exchanger(10, "gone.test")],
    ("half.test", "MX"): [Exchanger(10, "gone.test"), Exchanger(20, "m2.test")],
    ("soft.test", "MX"): [Exchanger(10, "m3.test"), Exchanger(20, "gone.test")],
}


class Zone:
    """A resolver whose answers are fixed."""

    async def addresses(self, name: str, kind: str) -> list[str]:
        return list(self._find(name, kind))

    async def exchangers(self, name: str) -> list[Exchanger]:
        return list(self._find(name, "MX"))

    def _find(self, name: str, kind: str) -> Any:
        found = ZONE.get((name, kind), Problem.NOT_FOUND)
        if isinstance(found, Problem):
            raise LookupFailed(found, service_error(name, kind, found))
        return found


def find(name: str, *, mx: bool = True, detect_loop: bool = True, **policy: Any) -> tuple[Route, list[str]]:
    """The route, and what was logged."""
    log = MemoryLog()
    finder = HostFinder(Zone(), HostPolicy(**policy), log, shuffle=lambda hosts: hosts.reverse())
    search = finder.find_domain if mx else finder.find_host
    route = asyncio.run(search(name, detect_loop=detect_loop))
    return route, log.lines


def addresses(route: Route) -> list[str]:
    """Of its hosts, in order."""
    return [host.address for host in route.hosts]


def test_exchangers_come_by_preference_and_equals_in_random_order() -> None:
    """The fake chance turns the list round; preference still rules."""
    assert addresses(find("two.test")[0]) == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    assert addresses(find("two.test", randomize=False)[0]) == ["192.0.2.1", "2001:db8::1", "192.0.2.2"]


def test_family_can_be_preferred_and_excluded() -> None:
    """smtp_address_preference and inet_protocols."""
    assert addresses(find("two.test", preference="ipv4")[0])[:2] == ["192.0.2.1", "2001:db8::1"]
    assert addresses(find("two.test", families=("ipv4",))[0]) == ["192.0.2.1", "192.0.2.2"]


def test_domain_without_mx_is_its_own_host() -> None:
    """RFC 5321 section 5.1: the implicit MX."""
    assert find("plain.test")[0].hosts == (Host("plain.test", "192.0.2.9"),)


def test_null_mx_refuses_mail() -> None:
    """RFC 7505, with Postfix's words."""
    failure = find("null.test")[0].failure
    assert failure is not None
    assert (failure.status, failure.reason) == ("5.1.0", "Domain null.test does not accept mail (nullMX)")


@pytest.mark.parametrize(
    ("name", "status", "kind", "problem"),
    [
        ("retry.test", "4.4.3", "MX", Problem.RETRY),
        ("nowhere.test", "5.4.4", "A", Problem.NOT_FOUND),
    ],
)
def test_failed_lookup_becomes_a_verdict(name: str, status: str, kind: str, problem: Problem) -> None:
    """Temporary or not; the text names the last query."""
    failure = find(name, families=("ipv4",))[0].failure
    assert failure is not None
    assert (failure.status, failure.reason) == (status, service_error(name, kind, problem))


def test_exchanger_without_address_is_passed_over() -> None:
    """As long as another one has some."""
    assert addresses(find("half.test")[0]) == ["192.0.2.2"]


def test_no_exchanger_with_an_address_is_a_failure() -> None:
    """Permanent by default, temporary when one lookup was or when smtp_defer_if_no_mx_address_found says so."""
    route, log = find("bad.test", families=("ipv4",))
    assert route.failure is not None
    assert route.failure.status == "5.4.4"
    assert log == ["warning: no MX host for bad.test has a valid address record"]
    route, _ = find("bad.test", defer_if_no_mx_address=True)
    assert route.failure is not None
    assert route.failure.status == "4.4.4"
    route, _ = find("soft.test", families=("ipv4",))
    assert route.failure is not None
    assert route.failure.status == "4.4.4"


def test_failed_mx_lookup_can_be_ignored() -> None:
    """ignore_mx_lookup_error asks for the domain's own address instead."""
    failure = find("retry.test", ignore_mx_error=True, families=("ipv4",))[0].failure
    assert failure is not None
    assert failure.reason == service_error("retry.test", "A", Problem.NOT_FOUND)


def test_own_address_ends_the_list() -> None:
    """Mail moves to better hosts only; fallback relays are not for a backup MX."""
    route, _ = find("two.test", own_addresses=frozenset({"192.0.2.2"}))
    assert addresses(route) == ["2001:db8::1", "192.0.2.1"]
    assert route.is_own_backup


def test_mail_for_the_best_exchanger_loops() -> None:
    """This machine is the destination, but was not configured as such."""
    route, _ = find("two.test", own_addresses=frozenset({"192.0.2.1"}))
    assert route.failure is not None
    assert (route.failure.status, route.failure.reason) == ("5.4.6", "mail for two.test loops back to myself")
    assert route.loops


def test_missing_primary_is_waited_for_by_its_backup() -> None:
    """The better exchanger has no address now: keep the mail."""
    route, _ = find("half.test", own_addresses=frozenset({"192.0.2.2"}))
    assert route.failure is not None
    assert (route.failure.status, route.failure.reason) == ("4.4.4", "unable to find primary relay for half.test")


def test_own_address_does_not_matter_on_another_port() -> None:
    """Loops are looked for on the SMTP port only."""
    assert find("two.test", detect_loop=False, own_addresses=frozenset({"192.0.2.1"}))[0].hosts


def test_numerical_host_needs_no_lookup() -> None:
    """Nor does its own family's absence make it a name: then there is no such name."""
    assert find("192.0.2.7", mx=False)[0].hosts == (Host("192.0.2.7", "192.0.2.7"),)
    assert find("2001:db8::7", mx=False, families=("ipv4",))[0].failure is not None


def test_native_lookup_knows_localhost() -> None:
    """smtp_host_lookup = native asks the system."""
    route, _ = find("localhost", mx=False, use_dns=False, use_native=True, families=("ipv4",), detect_loop=False)
    assert addresses(route) == ["127.0.0.1"]


def test_native_failure_is_a_verdict() -> None:
    """A name that can't exist."""
    route, _ = find("x" * 70 + ".test", mx=False, use_dns=False, use_native=True)
    assert route.failure is not None
    assert route.failure.status[1:] == ".4.4"


def test_balance_leaves_room_for_both_families() -> None:
    """smtp_balance_inet_protocols: neither crowds the other out of the address limit."""
    four = [Host("a", f"192.0.2.{n}") for n in range(1, 7)]
    six = [Host("a", f"2001:db8::{n}") for n in range(1, 7)]

    def kept(hosts: list[Host]) -> tuple[int, int]:
        chosen = balance(hosts, 5)
        return sum(not host.is_ipv6 for host in chosen), sum(host.is_ipv6 for host in chosen)

    assert kept(six + four) == (2, 3)
    assert kept(four + six) == (3, 2)
    assert kept(six + four[:1]) == (1, 4)
    assert kept(six[:1] + four) == (4, 1)
    assert kept(four) == (6, 0)
    assert kept(four[:2] + six[:2]) == (2, 2)


def test_order_is_stable_within_a_preference() -> None:
    """What chance decided is not undone."""
    hosts = [Host("b", "192.0.2.2", 10), Host("a", "192.0.2.1", 10), Host("c", "192.0.2.3", 5)]
    assert [host.name for host in order_hosts(hosts, "any")] == ["c", "b", "a"]
