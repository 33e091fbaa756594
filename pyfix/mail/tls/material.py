"""The files that TLS is made of, read with the rights that the process was born with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.tls.chains import BadChain, Chain, split_chains, take_certificates, take_key
from pyfix.mail.tls.context import TlsProblem
from pyfix.mail.tls.settings import PairFiles, ServerSettings

_SIZE_LIMIT: Final = 8 * 1024 * 1024
"""No key, chain or list of authorities is larger; what is, is something else."""
_AUTOMATIC_DH: Final = ("", "auto", "none")


@dataclass(slots=True)
class Material:
    """The content of files, by their names."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """Return the content of a file, as it was when it was first asked for; raises OSError."""
        if path not in self.files:
            self.files[path] = _read(path)
        return self.files[path]


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not hold the process up
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(0, "Is a directory", path)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a regular file", path)
        if status.st_size > _SIZE_LIMIT:
            raise OSError(0, "too large for a certificate", path)
        return file.read()


def file_names(settings: ServerSettings) -> Iterator[str]:
    """Yield every file that the settings name."""
    yield from settings.chain_files
    for pair in settings.pairs:
        yield from (pair.certificate, pair.key)
    if settings.dh_file.lower() not in _AUTOMATIC_DH:
        yield settings.dh_file
    if settings.ca_file:
        yield settings.ca_file


def find_chains(settings: ServerSettings, material: Material) -> list[Chain]:
    """Return the chains that the settings name; raises TlsProblem."""
    if settings.chain_files:
        return _from_chain_files(settings, material)
    return [_from_pair(pair, material) for pair in settings.pairs]


def _from_chain_files(settings: ServerSettings, material: Material) -> list[Chain]:
    name = settings.parameter("chain_files")
    files = [
        (path, _content(material, path, name, f'cannot load key and certificate from "{path}"'))
        for path in settings.chain_files
    ]
    try:
        return split_chains(files, name)
    except BadChain as error:
        raise TlsProblem(f"{name}: {error}") from None


def _from_pair(pair: PairFiles, material: Material) -> Chain:
    head = f'cannot get certificate from file "{pair.certificate}"'
    certificate = _content(material, pair.certificate, pair.parameter, head)
    try:
        certificates = take_certificates(certificate)
    except BadChain as error:
        raise TlsProblem(f"{head}: {error}") from None
    head = f'cannot get private key from file "{pair.key}"'
    content = _content(material, pair.key, pair.key_parameter, head)
    try:
        key = take_key(content)
    except BadChain as error:
        raise TlsProblem(f"{head}: {error}") from None
    return Chain(key, certificates, pair.certificate, pair.key, pair.parameter)


def find_dh_parameters(settings: ServerSettings, material: Material) -> bytes:
    """Return the content of the file of DH parameters, b"" where OpenSSL has its own; raises TlsProblem."""
    path = settings.dh_file
    if path.lower() in _AUTOMATIC_DH:
        return b""
    return _content(material, path, "smtpd_tls_dh1024_param_file", f'cannot load DH parameters from file "{path}"')


def find_authorities(settings: ServerSettings, material: Material) -> bytes:
    """Return the content of the file of authorities, b"" without one; raises TlsProblem."""
    if not settings.ca_file:
        return b""
    head = f'cannot load Certification Authority data from file "{settings.ca_file}"'
    return _content(material, settings.ca_file, "smtpd_tls_CAfile", head)


def _content(material: Material, path: str, parameter: str, head: str) -> bytes:
    try:
        return material.read(path)
    except OSError as error:
        raise TlsProblem(f"{head}: {words_for(error)}; correct the file, or its name in {parameter}") from None
