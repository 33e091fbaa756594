"""Services that offer TLS and can't have it: what their clients would be told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry


def check_tls(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield each service whose certificate, key or parameters are of no use, and what becomes of clients."""
    from pyfix.commands.served import TlsService, tls_services  # libraries of some size
    from pyfix.mail.tls.server import open_server_tls

    def judge(service: TlsService) -> Iterator[Finding]:
        tls = open_server_tls(service.settings)
        for warning in service.settings.warnings:
            yield Finding(Severity.WARNING, service.entry.place, f"service {service.entry.name}: {warning}")
        if tls.context is not None or not tls.problem:
            return
        if service.settings.wrapper:
            effect = "its clients are dropped"
        elif service.settings.is_mandatory:
            effect = "its clients must encrypt, and can't"
        else:
            effect = "its clients can't encrypt"
        is_serious = service.settings.wrapper or service.settings.is_mandatory
        # Keys are for root's eyes: others may not see what the server will.
        severity = Severity.ERROR if is_serious and os.getuid() == 0 else Severity.WARNING
        yield Finding(severity, service.entry.place, f"service {service.entry.name}: {tls.problem}: {effect}")

    try:
        for service in tls_services(config, entries):
            yield from judge(service)
    except ConfigError as error:
        yield Finding(Severity.FATAL, "", str(error))
