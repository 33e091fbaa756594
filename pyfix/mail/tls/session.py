"""What is known of one encrypted session, for the log, the Received: header and the restrictions."""

from __future__ import annotations

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsSession:
    """The outcome of a handshake."""

    protocol: str
    """As OpenSSL names it: TLSv1.3."""
    cipher: str
    used_bits: int
    """Of the key, that are secret."""
    algorithm_bits: int
    """Of the key."""
    server_name: str = ""
    """The name that the client asked for, where a certificate was chosen by it."""

    @property
    def trust(self) -> str:
        """Who the client is, in Postfix's word."""
        return "Anonymous"

    @property
    def to_name(self) -> str:
        """The name that the client asked for, as the log has it."""
        return f" to {self.server_name}" if self.server_name else ""

    @property
    def received_lines(self) -> str:
        """The lines for the Received: header."""
        return f"\t(using {self.summary})\n\t(No client certificate requested)\n"

    @property
    def summary(self) -> str:
        """The session in Postfix's words."""
        return f"{self.protocol} with cipher {self.cipher} ({self.used_bits}/{self.algorithm_bits} bits)"


def describe_session(session: ssl.SSLObject, algorithm_bits: dict[str, int], server_name: str = "") -> TlsSession:
    """Return what a handshake that is complete has agreed on."""
    cipher = session.cipher()
    name, _, bits = cipher if cipher is not None else ("NULL", "", 0)
    return TlsSession(session.version() or "unknown", name, bits, algorithm_bits.get(name, bits), server_name)
