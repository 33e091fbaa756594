"""An ssl context out of settings and chains.

What Python's ssl can't do goes through native.py; where that is missing, a setting that would be ignored is refused.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.tls.chains import Chain
from pyfix.mail.tls.ciphers import BadCiphers, cipher_list
from pyfix.mail.tls.native import Native, find_native
from pyfix.mail.tls.options import ENABLED, WORKAROUNDS, BadOptions, apply_options, parse_options
from pyfix.mail.tls.protocols import BadProtocols, apply_protocols, parse_protocols
from pyfix.mail.tls.settings import ServerSettings

_DEFAULT_GROUPS: Final = ("X25519", "X448", "prime256v1", "secp521r1", "secp384r1")
"""What OpenSSL has without being told, in nearly this order."""
_MISMATCH: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")


class TlsProblem(Exception):
    """TLS can't be had; one line with file or parameter, and what to do about it."""


def make_context(
    settings: ServerSettings, chains: Iterable[Chain], dh_parameters: bytes = b"", authorities: bytes = b""
) -> ssl.SSLContext:
    """Return a context that serves the chains; `authorities` is the content of the CA file; raises TlsProblem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_rules(context, settings)
    for chain in chains:
        load_chain(context, chain)
    _set_key_exchange(context, settings, dh_parameters)
    _set_authorities(context, settings, authorities)
    if settings.ccerts is not None:
        native = native_or_refuse("smtpd_tls_ask_ccert")
        native.take_any_certificate(context)
        native.limit_depth(context, settings.ccerts.depth)
    return context


def _set_authorities(context: ssl.SSLContext, settings: ServerSettings, authorities: bytes) -> None:
    """Whom to trust about clients, and where issuers of our own certificate may be found."""
    name = "smtpd_tls_CAfile"
    try:
        if authorities:
            with as_path(authorities) as path:
                context.load_verify_locations(cafile=path)
                if settings.ccerts is not None:
                    native_or_refuse("smtpd_tls_ask_ccert").name_authorities(context, path)
        if settings.ca_path:
            name = "smtpd_tls_CApath"
            if not os.path.isdir(settings.ca_path):
                raise NotADirectoryError(0, "no such directory")
            context.load_verify_locations(capath=settings.ca_path)
    except OSError as error:
        reason = "no certificate in PEM form" if isinstance(error, ssl.SSLError) else words_for(error)
        value = settings.ca_file if name == "smtpd_tls_CAfile" else settings.ca_path
        raise TlsProblem(f"cannot load Certification Authority data, {name} = {value}: {reason}; correct it") from None
    if settings.append_default_ca and (settings.ca_file or settings.ca_path):
        context.set_default_verify_paths()


def _set_rules(context: ssl.SSLContext, settings: ServerSettings) -> None:
    shared = settings.shared
    name = "ciphers"
    try:
        ciphers = cipher_list(
            settings.ciphers, shared.cipherlists, settings.excluded, needs_certificates=settings.ccerts is not None
        )
        _set_ciphers(context, ciphers)
        name = "protocols"
        apply_protocols(context, parse_protocols(settings.protocols))
        name = "tls_ssl_options"
        enabled = parse_options(shared.options, ENABLED)
        name = "tls_disable_workarounds"
        apply_options(context, enabled, parse_options(shared.disabled_workarounds, WORKAROUNDS))
    except (BadCiphers, BadProtocols, BadOptions) as error:
        name = name if name.startswith("tls_") else settings.parameter(name)
        raise TlsProblem(f"{name}: {error}") from None
    if shared.prefers_own_order:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise BadCiphers(
            f'OpenSSL finds no cipher in "{ciphers}"; exclude fewer, or leave tls_*_cipherlist alone'
        ) from None


def _set_key_exchange(context: ssl.SSLContext, settings: ServerSettings, dh_parameters: bytes) -> None:
    native, groups = find_native(), settings.shared.groups
    if native is None:
        if groups != _DEFAULT_GROUPS:
            raise TlsProblem("tls_eecdh_auto_curves: this Python's OpenSSL can't be told; leave the default")
    elif not native.set_groups(context, groups):
        raise TlsProblem(f"tls_eecdh_auto_curves: OpenSSL knows none of {' '.join(groups)}; leave the default")
    if dh_parameters:
        try:
            with as_path(dh_parameters) as path:
                context.load_dh_params(path)
        except (OSError, ValueError):
            name = "smtpd_tls_dh1024_param_file"
            raise TlsProblem(f"{name}: {settings.dh_file}: no DH parameters in PEM form; leave {name} empty") from None
    elif native is not None:
        native.choose_dh(context)


def load_chain(context: ssl.SSLContext, chain: Chain) -> None:
    """Have a context serve a chain beside those of other kinds of keys; raises TlsProblem."""
    try:
        with as_path(chain.pem) as path:
            context.load_cert_chain(path, password=lambda: "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or words_for(error)
        if reason in _MISMATCH:
            text = (
                f"the private key in {chain.key_source} is not that of the certificate; name the key that belongs to it"
            )
        elif reason == "CA_KEY_TOO_SMALL" or reason == "EE_KEY_TOO_SMALL":
            text = "the key is too small for this OpenSSL; make a longer one"
        else:
            text = (
                f"the certificate, or the key in {chain.key_source}, can't be used ({reason}); replace the broken file"
            )
        raise TlsProblem(f'cannot get certificate from file "{chain.source}": {text}') from None


@contextmanager
def as_path(content: bytes) -> Iterator[str]:
    """Give a path under which OpenSSL finds the content, which touches no disk where the kernel shows open files."""
    fd = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(fd, content)
        path = f"/proc/self/fd/{fd}"
        if os.path.exists(path):
            yield path
            return
    finally:
        os.close(fd)
    place = "private" if os.access("private", os.W_OK) else None
    with tempfile.NamedTemporaryFile(dir=place, prefix=".tls-") as file:  # in a chroot: gone at once, mode 0600
        file.write(content)
        file.flush()
        yield file.name


def native_or_refuse(parameter: str) -> Native:
    """Return OpenSSL's own functions; raises TlsProblem for a parameter that needs them."""
    native = find_native()
    if native is None:
        raise TlsProblem(f"{parameter}: this Python's OpenSSL can't be told; leave it off")
    return native
