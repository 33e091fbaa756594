"""A resolver in a jail: after prepare() nothing is read from the file system any more."""

from __future__ import annotations

import subprocess
import sys

import pytest
from dns_server import DnsServer

SCRIPT = """
import asyncio, sys, uvloop
from pyfix.mail.dns.resolver import AsyncResolver, Resolver, ResolverSettings

settings = ResolverSettings(("127.0.0.1",), int(sys.argv[2]), timeout_s=5.0)
resolver = (AsyncResolver if sys.argv[1] == "async" else Resolver)(settings)
resolver.prepare()
runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
runner.get_loop()

def refuse(event, arguments):
    if event in ("open", "import"):
        raise PermissionError(f"{event} {arguments[0]}")

sys.addaudithook(refuse)

def ask(method, *arguments):
    work = getattr(resolver, method)(*arguments)
    return runner.run(work) if sys.argv[1] == "async" else work

print(ask("exchangers", "example.org")[0].host, ask("addresses", "alias.example.org", "A"))
print(ask("names", "192.0.2.1"), ask("addresses", "host.example.org", "AAAA"))
try:
    ask("addresses", "absent.example.org", "A")
except Exception as error:
    print(error)
"""
SETTINGS = """
import sys
from pyfix.mail.dns.resolver import AsyncResolver, Resolver

opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
for kind in (Resolver, AsyncResolver):
    opened.clear()
    kind().prepare()
    print("/etc/resolv.conf" in opened)
"""


@pytest.mark.parametrize("kind", ["async", "blocking"])
def test_prepared_resolver_answers_without_opening_or_importing_anything(kind: str) -> None:
    """Every kind of answer, and that there is none."""
    zone: dict[tuple[str, str], list[str] | str] = {
        ("example.org", "MX"): ["10 host.example.org."],
        ("alias.example.org", "CNAME"): ["host.example.org."],
        ("host.example.org", "A"): ["192.0.2.1"],
        ("host.example.org", "AAAA"): ["2001:db8::1"],
        ("1.2.0.192.in-addr.arpa", "PTR"): ["host.example.org."],
    }
    with DnsServer(zone) as server:
        command = [sys.executable, "-c", SCRIPT, kind, str(server.settings.port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "host.example.org ['192.0.2.1']",
        "['host.example.org'] ['2001:db8::1']",
        "Host or domain name not found. Name service error for name=absent.example.org type=A: Host not found",
    ]


def test_prepare_reads_resolv_conf() -> None:
    """Not the first query, which comes too late in a jail."""
    done = subprocess.run([sys.executable, "-c", SETTINGS], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stderr, done.stdout.split()) == ("", ["True", "True"])
