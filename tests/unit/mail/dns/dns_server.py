"""A DNS server of the test's own on a free port of 127.0.0.1, UDP and TCP-less: answers come from a small zone.

A zone maps (name, type) to a list of record texts. A name without records of the type has NODATA when it has others, or
NXDOMAIN. The words SERVFAIL, REFUSED and SILENCE instead of a list do what they say.
"""

from __future__ import annotations

import socket
import threading
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from pyfix.mail.dns.resolver import ResolverSettings

Zone = dict[tuple[str, str], list[str] | str]


class DnsServer:
    """Serves one zone."""

    def __init__(self, zone: Zone) -> None:
        self.zone = {(dns.name.from_text(name), kind): records for (name, kind), records in zone.items()}
        self.queries: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def settings(self) -> ResolverSettings:
        """What makes a resolver ask this server."""
        return ResolverSettings(("127.0.0.1",), self._socket.getsockname()[1], timeout_s=0.2, attempts=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            answer = self._answer(query)
            if answer is not None:
                self._socket.sendto(answer.to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        name, kind = question.name, dns.rdatatype.to_text(question.rdtype)
        self.queries.append((name.to_text(omit_final_dot=True), kind))
        for _ in range(20):
            records = self.zone.get((name, kind))
            if isinstance(records, str):
                if records == "SILENCE":
                    return None
                response.set_rcode(dns.rcode.from_text(records))
                return response
            if records is not None:
                response.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, records))
                return response
            alias = self.zone.get((name, "CNAME"))
            if alias is None:
                break
            response.answer.append(dns.rrset.from_text_list(name, 60, "IN", "CNAME", alias))
            name = dns.name.from_text(alias[0])
        if not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response
