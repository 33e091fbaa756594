"""Which certificates the servers of master.cf serve, as their files are now.

Pure but for reading the files; with the rights of the caller, who may see less than the server.
"""

from __future__ import annotations

import datetime
import itertools
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.tls.chains import Chain
from pyfix.mail.tls.context import TlsProblem, load_chain
from pyfix.mail.tls.material import Material, find_chains
from pyfix.mail.tls.params import SmtpdTlsParameters
from pyfix.mail.tls.pop3 import Pop3TlsParameters, pop3_settings
from pyfix.mail.tls.settings import ServerSettings, smtpd_settings

_DAY_S: Final = 86400


def _smtpd(config: Config) -> ServerSettings:
    return smtpd_settings(config, config.read(SmtpdTlsParameters))


def _pop3(config: Config) -> ServerSettings:
    return pop3_settings(config, config.read(Pop3TlsParameters))


_SETTINGS: Final[Mapping[str, Callable[[Config], ServerSettings]]] = {"smtpd": _smtpd, "pop3-login": _pop3}
"""How each program that speaks TLS reads its parameters."""


@dataclass(frozen=True, slots=True)
class TlsService:
    """A line of master.cf whose clients may encrypt."""

    entry: ServiceEntry
    settings: ServerSettings

    @property
    def name(self) -> str:
        """The service and its type, as reports have it."""
        return f"{self.entry.name}/{self.entry.type}"

    @property
    def mode(self) -> str:
        """How clients come to TLS."""
        return "wrapper" if self.settings.wrapper else self.settings.level.value


def tls_services(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[TlsService]:
    """Yield the services that offer TLS; raises ConfigError for parameters that make no sense."""
    for entry in entries:
        read = _SETTINGS.get(entry.program)
        if read is not None:
            settings = read(config.overridden(entry.overrides, entry.name, entry.program))
            if settings.is_used:
                yield TlsService(entry, settings)


@dataclass(frozen=True, slots=True)
class Served:
    """A certificate, or why there is none."""

    problem: str = ""
    file: str = ""
    key_file: str = ""
    subject: str = ""
    names: tuple[str, ...] = ()
    issuer: str = ""
    expires: float = 0.0
    """In seconds since the epoch."""
    key_matches: bool = True
    chain: str = ""
    """self-signed, complete, or what is missing."""

    def days_left(self, now: float) -> int:
        """Return how many whole days it is still good for; negative once it has expired."""
        return int((self.expires - now) // _DAY_S)


def look_at(settings: ServerSettings) -> list[Served]:
    """Return what a service serves: one entry for each kind of key."""
    try:
        chains = find_chains(settings, Material())
    except TlsProblem as problem:
        return [Served(str(problem))]
    if not chains:
        return [] if settings.no_certificate_ok else [Served("no certificate is named")]
    return [_look_at_chain(chain) for chain in chains]


def _look_at_chain(chain: Chain) -> Served:
    try:
        certificates = [x509.load_pem_x509_certificate(pem) for pem in chain.certificates]
        key: Any = serialization.load_pem_private_key(chain.key, None)
    except (TypeError, ValueError) as error:
        return Served(f"can't be read: {error}", chain.source, chain.key_source)
    leaf = certificates[0]
    return Served(
        _problem(chain), chain.source, chain.key_source, _name(leaf.subject), _names(leaf), _name(leaf.issuer),
        leaf.not_valid_after_utc.timestamp(), key.public_key() == leaf.public_key(), _completeness(certificates),
    )  # fmt: skip


def _problem(chain: Chain) -> str:
    try:
        load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), chain)
    except TlsProblem as problem:
        return str(problem)
    return ""


def _name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string() or "nobody"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = found.get_values_for_type(x509.DNSName)
    return (*names, *map(str, found.get_values_for_type(x509.IPAddress)))


def _completeness(chain: Sequence[x509.Certificate]) -> str:
    """Return whether clients find the way from the certificate to an authority that they know."""
    for lower, upper in itertools.pairwise(chain):
        if not _is_issued_by(lower, upper):
            return f"out of order: {_name(upper.subject)} has not issued {_name(lower.subject)}"
    last = chain[-1]
    if last.subject == last.issuer:
        return "self-signed" if len(chain) == 1 else "complete"
    known = last.issuer.public_bytes() in _authorities()
    return "complete" if known else f"incomplete: {_name(last.issuer)} is missing"


def _is_issued_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _authorities() -> set[bytes]:
    """Return the names of the authorities that this system knows."""
    names: set[bytes] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd about the authorities of the system is not ours to tell
        for der in ssl.create_default_context().get_ca_certs(binary_form=True):
            with suppress(ValueError):
                names.add(x509.load_der_x509_certificate(der).subject.public_bytes())
    return names


def day(timestamp: float) -> str:
    """Return the day of a time."""
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).date().isoformat()
