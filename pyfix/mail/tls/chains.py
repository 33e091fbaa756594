"""Private keys and certificate chains: PEM text in, pairs out. Pure.

Files of the old parameters hold a chain or a key each, or both in one; chain files hold "key, certificate, issuers"
once or several times over, across the files of the list.
See: smtpd_tls_chain_files, smtpd_tls_cert_file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*\r?\n(.*?)-----END \1-----[ \t]*\r?\n?", re.DOTALL)
_KEYS: Final = re.compile(rb"(?:(?:RSA|EC|DSA|ENCRYPTED) )?PRIVATE KEY")
_CERTIFICATES: Final = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
DECRYPT: Final = "take the password off with: openssl pkey -in FILE -out FILE"


class BadChain(ValueError):
    """Text that is no chain; the message is what is wrong and what to do about it, without the file."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A private key and the certificates that go with it, both as PEM."""

    key: bytes
    certificates: tuple[bytes, ...]
    source: str
    """The file of the certificate."""
    key_source: str
    """The file of the key."""
    parameter: str = ""
    """What names the file."""

    @property
    def pem(self) -> bytes:
        """All in one, as OpenSSL loads it."""
        return b"".join((*self.certificates, self.key))


@dataclass(frozen=True, slots=True)
class _Block:
    label: bytes
    text: bytes

    @property
    def is_key(self) -> bool:
        return _KEYS.fullmatch(self.label) is not None

    @property
    def is_certificate(self) -> bool:
        return self.label in _CERTIFICATES


def _blocks(pem: bytes) -> Iterator[_Block]:
    for found in _BLOCK.finditer(pem):
        yield _Block(found[1], found[0] if found[0].endswith(b"\n") else found[0] + b"\n")


def take_certificates(pem: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a file, in their order; raises BadChain where there is none."""
    found = tuple(block.text for block in _blocks(pem) if block.is_certificate)
    if not found:
        raise BadChain("no certificate in PEM form; name the file that begins with -----BEGIN CERTIFICATE-----")
    return found


def take_key(pem: bytes) -> bytes:
    """Return the first private key of a file; raises BadChain where there is none, or one with a password."""
    for block in _blocks(pem):
        if block.is_key:
            return _plain(block)
    raise BadChain("no private key in PEM form; name the file that has -----BEGIN PRIVATE KEY-----")


def _plain(block: _Block) -> bytes:
    if block.label.startswith(b"ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block.text:
        raise BadChain(f"the private key is encrypted; {DECRYPT}")
    return block.text


def split_chains(files: Iterable[tuple[str, bytes]], parameter: str = "") -> list[Chain]:
    """Return the chains of chain files, given as names with contents; raises BadChain."""
    chains: list[Chain] = []
    key, key_source = b"", ""
    certificates: list[bytes] = []
    source = name = ""
    for name, content in files:
        for block in _blocks(content):
            if block.is_key:
                if certificates:
                    chains.append(Chain(key, tuple(certificates), source, key_source, parameter))
                elif key:
                    raise BadChain(f"{name}: a private key without certificate; put its certificate behind it")
                key, key_source, certificates = _in_file(block, name), name, []
            elif block.is_certificate:
                if not key:
                    raise BadChain(f"{name}: a certificate without private key; put the key ahead of it")
                source = source if certificates else name
                certificates.append(block.text)
    if not key:
        raise BadChain(f"{name or parameter}: no private key in PEM form; put the key ahead of its certificate")
    if not certificates:
        raise BadChain(f"{key_source}: a private key without certificate; put its certificate behind it")
    return [*chains, Chain(key, tuple(certificates), source, key_source, parameter)]


def _in_file(block: _Block, name: str) -> bytes:
    try:
        return _plain(block)
    except BadChain as error:
        raise BadChain(f"{name}: {error}") from None
