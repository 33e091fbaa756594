"""The name of a client."""

import asyncio

import pytest

from pyfix.mail.dns.peername import HostsFile, PeerName, PeerNames
from pyfix.mail.dns.resolver import LookupFailed, Problem

NAMES: dict[str, list[str] | Problem] = {
    "192.0.2.1": ["good.test"],
    "192.0.2.2": ["liar.test"],
    "192.0.2.3": Problem.RETRY,
    "192.0.2.4": ["192.0.2.4"],
    "192.0.2.5": ["slow.test"],
    "192.0.2.6": ["bad name"],
    "2001:db8::1": ["good.test"],
}
ADDRESSES: dict[tuple[str, str], list[str] | Problem] = {
    ("good.test", "A"): ["192.0.2.9", "192.0.2.1"],
    ("good.test", "AAAA"): ["2001:db8:0::1"],
    ("liar.test", "A"): ["198.51.100.1"],
    ("slow.test", "A"): Problem.RETRY,
}


class Zone:
    """A resolver whose answers are fixed; counts questions."""

    questions = 0

    async def names(self, address: str) -> list[str]:
        return self._answer(NAMES.get(address, Problem.NOT_FOUND))

    async def addresses(self, name: str, kind: str) -> list[str]:
        return self._answer(ADDRESSES.get((name, kind), Problem.NOT_FOUND))

    def _answer(self, found: list[str] | Problem) -> list[str]:
        self.questions += 1
        if isinstance(found, Problem):
            raise LookupFailed(found, found.value)
        return found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", PeerName("good.test", "good.test", 2, 2)),
        ("2001:db8:0:0::1", PeerName("good.test", "good.test", 2, 2)),
        (
            "192.0.2.2",
            PeerName("unknown", "liar.test", 5, 2, "hostname liar.test does not resolve to address 192.0.2.2"),
        ),
        ("192.0.2.3", PeerName(status=4, reverse_status=4)),
        ("192.0.2.4", PeerName(warning="numeric hostname: 192.0.2.4")),
        (
            "192.0.2.5",
            PeerName(
                "unknown", "slow.test", 4, 2,
                "hostname slow.test does not resolve to address 192.0.2.5: Host not found, try again",
            ),
        ),
        ("192.0.2.6", PeerName()),
        ("192.0.2.77", PeerName()),
        ("127.0.0.1", PeerName("localhost", "localhost", 2, 2)),
    ],
)  # fmt: skip
def test_name_counts_only_when_it_leads_back(address: str, expected: PeerName) -> None:
    """Verified, claimed falsely, temporarily unknown, or absent; the hosts file comes first."""
    hosts = HostsFile("127.0.0.1 localhost loopback # me\nbad line\n")
    assert asyncio.run(PeerNames(Zone(), hosts).find(address)) == expected


def test_result_is_kept_for_a_while() -> None:
    """A client that comes again at once costs no lookup."""
    zone = Zone()
    now = [100.0]
    names = PeerNames(zone, HostsFile(), keep_s=10, monotonic=lambda: now[0])

    async def dialogue() -> None:
        await names.find("192.0.2.1")
        await names.find("192.0.2.1")
        assert zone.questions == 2
        now[0] += 11
        await names.find("192.0.2.1")
        assert zone.questions == 4

    asyncio.run(dialogue())


def test_memory_is_bounded() -> None:
    """Many clients do not make the process grow."""
    names = PeerNames(Zone(), HostsFile(), limit=3)

    async def dialogue() -> None:
        for number in range(10):
            await names.find(f"203.0.113.{number}")

    asyncio.run(dialogue())
    assert len(names._kept) <= 3


def test_missing_hosts_file_is_an_empty_one(tmp_path: object) -> None:
    """Nothing fails without it."""
    assert HostsFile.load(f"{tmp_path}/none").name_of("127.0.0.1") is None
