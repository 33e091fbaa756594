"""Certificates that main.cf and options in master.cf name: expired, about to expire, with another key, out of reach,
open to all.
"""

from __future__ import annotations

import datetime
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry

_CERTIFICATES: Final = re.compile(r"(?:smtpd|pop3|smtp|lmtp)_tls_(?:(?:ec|d)?cert_file|chain_files)")
_SOON_S: Final = 30 * 86400
_DAY_S: Final = 86400


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """A file of certificates and perhaps a key, as it is found."""

    parameter: str
    place: str
    path: str
    problem: str = ""
    """Why it can't be used."""
    expires: float | None = None
    """When the first of its certificates does, in seconds since the epoch."""
    subject: str = ""
    key_path: str = ""
    """Of the private key."""
    key_problem: str = ""
    key_matches: bool = True
    key_is_open: bool = False
    """Whether everybody may read it."""


def judge_certificate(found: CertificateFile, now: float) -> Iterator[Finding]:
    """Yield what is wrong with a certificate. Pure."""
    head = f"{found.parameter}: {found.path}"
    if found.problem:
        yield Finding(Severity.WARNING, found.place, f"{head}: {found.problem}", "correct the file or its name")
    if found.expires is not None and found.expires < now + _SOON_S:
        day = datetime.datetime.fromtimestamp(found.expires, datetime.UTC).date()
        if found.expires < now:
            text = f"{head}: the certificate of {found.subject} has expired on {day}"
            yield Finding(Severity.ERROR, found.place, text, "renew it")
        else:
            days = int((found.expires - now) // _DAY_S)
            text = f"{head}: the certificate of {found.subject} expires on {day}, in {days} days"
            yield Finding(Severity.WARNING, found.place, text, "renew it")
    if found.key_problem:
        text = f"{found.parameter}: key {found.key_path}: {found.key_problem}"
        yield Finding(Severity.WARNING, found.place, text, "correct the file or its name")
    elif not found.key_matches:
        text = f"{head}: the key in {found.key_path} is not that of the certificate"
        yield Finding(Severity.ERROR, found.place, text, "name the key that belongs to it")
    if found.key_is_open:
        text = f"{found.parameter}: key {found.key_path}: everybody may read it"
        yield Finding(Severity.ERROR, found.place, text, f"chmod 600 {found.key_path}")


def check_certificates(config: Config, entries: Sequence[ServiceEntry] = ()) -> Iterator[Finding]:
    """Look at every certificate that main.cf names, or an option of a service."""
    yield from dict.fromkeys(_check_names(config, config.set_names()))
    for entry in entries:
        names = [name for name, _ in entry.overrides]
        yield from dict.fromkeys(_check_names(config.overridden(entry.overrides, entry.name, entry.program), names))


def _check_names(config: Config, names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        if _CERTIFICATES.fullmatch(name):
            for found in _look_at(config, name):
                yield from judge_certificate(found, clock.now())


def _look_at(config: Config, name: str) -> Iterator[CertificateFile]:
    from pyfix.commands.check.pem import read_pair  # a library of some size, for those who have certificates

    try:
        paths = re.split(r"[\s,]+", config.expand(config.get(name) or "").strip())
        key = config.expand(config.get(name.replace("cert_file", "key_file")) or "").strip()
    except ConfigError:
        return  # check_parameters tells of it
    for path in paths:
        if path in ("", "none"):
            continue
        key_path = key if name.endswith("cert_file") and key else path
        pair = read_pair(path, key_path)
        yield CertificateFile(
            name, config.place(name), path, pair.problem, pair.expires, pair.subject, key_path, pair.key_problem,
            pair.key_matches, _is_open(key_path),
        )  # fmt: skip


def _is_open(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:
        return False
