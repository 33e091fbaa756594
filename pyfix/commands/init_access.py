"""How mail programs get into a private instance: ports, a certificate, and settings for both.

SMTP takes mail from other servers; submission and smtps take it from users, who log in over TLS; POP3 gives it to them.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from pyfix.mail.tls.self_signed import write_self_signed

_DAYS: Final = 3650
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of the loopback interface."""

    smtp: int
    submission: int
    smtps: int
    pop3: int
    pop3s: int

    @classmethod
    def free(cls, smtp: int | None) -> Self:
        """Return ports above 1023 that nobody listens on now; smtp: one that is given."""
        found = free_ports(5)
        return cls(smtp or found[0], *found[1:])

    def named(self) -> dict[str, int]:
        """Return the ports by the words for people."""
        words = ("SMTP", "submission", "smtps", "POP3", "POP3S")
        return dict(zip(words, (self.smtp, self.submission, self.smtps, self.pop3, self.pop3s), strict=True))


def free_ports(count: int) -> list[int]:
    """Return different TCP ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind((LOOPBACK, 0))
        return [int(sock.getsockname()[1]) for sock in sockets]


def write_certificate(etc: str, hosts: Sequence[str]) -> None:
    """Make a certificate for an instance; raises OSError."""
    write_self_signed(f"{etc}/server.pem", f"{etc}/server.key", (*hosts, "localhost", LOOPBACK), _DAYS)


def access_settings(etc: str) -> str:
    """Return the lines of main.cf about TLS and logins."""
    return f"""\
# Encryption, by a certificate that vouches for itself; put one that others trust in its place. It is read again when it
# has changed. Who logs in is an account, whose password "pyfix user passwd" sets; nobody logs in without TLS.
smtpd_tls_cert_file = {etc}/server.pem
smtpd_tls_key_file = {etc}/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
# Who may send as whom: with the own address, and with those of aliases that lead there.
smtpd_sender_login_maps = accounts:senders
"""


def services(text: str, ports: Ports) -> str:
    """Return master.cf with the ports in place of their marks."""
    for name in Ports.__slots__:
        text = text.replace(f"@{name.upper()}@", f"{LOOPBACK}:{getattr(ports, name)}")
    return text
