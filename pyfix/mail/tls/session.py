"""What is known of one encrypted session, for the log, the Received: header and the restrictions."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyfix.mail.tls.agreement import Agreement, read_agreement
from pyfix.mail.tls.native import find_native
from pyfix.mail.tls.settings import ClientCertificates

if TYPE_CHECKING:
    from pyfix.mail.tls.peer import PeerCertificate

NOTHING: Final = Agreement()


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

    peer: PeerCertificate | None = None
    """The client's certificate, where it was asked for one and has shown one."""
    was_asked: bool = False
    agreement: Agreement = NOTHING
    distrust: str = ""
    """Why no authority vouches for it."""

    @property
    def trust(self) -> str:
        """Who the client is, in Postfix's word."""
        if self.peer is None:
            return "Anonymous"
        return "Trusted" if self.peer.is_trusted else "Untrusted"

    @property
    def to_name(self) -> str:
        """The name that the client asked for, as the log has it."""
        return f" to {self.server_name}" if self.server_name else ""

    @property
    def received_lines(self) -> str:
        """The lines for the Received: header."""
        return f"\t(using {self._cipher}{self.agreement.lines})\n\t({self._peer_comment})\n"

    @property
    def _peer_comment(self) -> str:
        if self.peer is None:
            return "Client did not present a certificate" if self.was_asked else "No client certificate requested"
        verified = "verified OK" if self.peer.is_trusted else "not verified"
        subject, issuer = map(_in_comment, (self.peer.subject, self.peer.issuer))
        return f'Client CN "{subject}", Issuer "{issuer}" ({verified})'

    @property
    def summary(self) -> str:
        """The session in Postfix's words."""
        return self._cipher + self.agreement.words

    @property
    def _cipher(self) -> str:
        return f"{self.protocol} with cipher {self.cipher} ({self.used_bits}/{self.algorithm_bits} bits)"


def _in_comment(text: str) -> str:
    """Return a stranger's text as it may stand in the comment of a header."""
    return "".join("?" if char in '()\\"' else char for char in text)


def describe_session(
    session: ssl.SSLObject, algorithm_bits: dict[str, int], ccerts: ClientCertificates | None, server_name: str = ""
) -> TlsSession:
    """Return what a handshake that is complete has agreed on."""
    cipher = session.cipher()
    name, _, bits = cipher if cipher is not None else ("NULL", "", 0)
    peer, distrust = _describe_peer(session, ccerts) if ccerts is not None else (None, "")
    return TlsSession(
        session.version() or "unknown", name, bits, algorithm_bits.get(name, bits), server_name, peer,
        ccerts is not None, read_agreement(session), distrust,
    )  # fmt: skip


def _describe_peer(session: ssl.SSLObject, ccerts: ClientCertificates) -> tuple[PeerCertificate | None, str]:
    from pyfix.mail.tls.peer import read_peer_certificate  # a library of some size, for those who ask

    der, native = session.getpeercert(binary_form=True), find_native()
    if der is None or native is None:
        return None, ""
    distrust = native.distrust(session)
    return read_peer_certificate(der, ccerts.digest, is_trusted=not distrust), distrust
