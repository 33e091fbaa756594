"""What a server makes of its TLS parameters: one value for smtpd and for the readers of mailboxes. Pure.

Names of parameters go along, for messages. Postfix's rules: smtpd_tls_security_level overrides the two parameters
of old; chain files override key and certificate files; levels that only a client can have mean encrypt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from pyfix.mail.config import Config
from pyfix.mail.tls.params import SmtpdTlsParameters, TlsParameters

NO_CERTIFICATE: Final = "none"
"""The value of a certificate file that stands for: ciphers without certificate will do."""
_CLIENT_LEVELS: Final = ("fingerprint", "verify", "secure")


class Level(Enum):
    """Whether clients may, or must, encrypt."""

    NONE = "none"
    MAY = "may"
    ENCRYPT = "encrypt"


@dataclass(frozen=True, slots=True)
class PairFiles:
    """A certificate chain and its key, as two parameters name them."""

    parameter: str
    certificate: str
    key_parameter: str
    key: str


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """What is done with those."""

    is_required: bool
    """Who has none that is trusted is not served."""
    depth: int
    digest: str
    """Of fingerprints."""


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """What is the same for all servers."""

    cipherlists: dict[str, str]
    """OpenSSL's list for each grade."""
    prefers_own_order: bool
    groups: tuple[str, ...]
    options: str
    disabled_workarounds: str
    sni_maps: str


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Everything that a context is made of; paths are absolute or relative to the queue directory."""

    prefix: Literal["smtpd", "pop3"]
    level: Level
    wrapper: bool
    loglevel: int
    chain_files: tuple[str, ...]
    """Each with keys ahead of their chains; where there are some, `pairs` do not count."""
    pairs: tuple[PairFiles, ...]
    no_certificate_ok: bool
    """The certificate file is "none"."""
    protocols: str
    ciphers: str
    """The grade."""
    excluded: str
    """Ciphers and their properties, separated by commas and white space."""
    dh_file: str
    shared: SharedSettings
    ccerts: ClientCertificates | None = None
    """Clients are asked for a certificate; None: they are not."""
    ca_file: str = ""
    ca_path: str = ""
    append_default_ca: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """True when clients are offered TLS."""
        return self.level is not Level.NONE

    @property
    def is_mandatory(self) -> bool:
        """True when clients must use it."""
        return self.level is Level.ENCRYPT

    def parameter(self, name: str) -> str:
        """Return the full name of a parameter of this server."""
        return f"{self.prefix}_tls_{name}"


def smtpd_settings(config: Config, params: SmtpdTlsParameters) -> ServerSettings:
    """Return the settings of smtpd; raises ConfigError for a level that does not exist."""
    warnings: list[str] = []
    level = read_level(config, params, "smtpd_tls_security_level", params.smtpd_tls_security_level, warnings)
    if params.smtpd_tls_wrappermode and level is Level.NONE:
        level = Level.MAY
    mandatory = level is Level.ENCRYPT or params.smtpd_tls_wrappermode
    pairs = (
        PairFiles("smtpd_tls_cert_file", params.smtpd_tls_cert_file, "smtpd_tls_key_file", params.smtpd_tls_key_file),
        PairFiles(
            "smtpd_tls_dcert_file", params.smtpd_tls_dcert_file, "smtpd_tls_dkey_file", params.smtpd_tls_dkey_file
        ),
        PairFiles(
            "smtpd_tls_eccert_file", params.smtpd_tls_eccert_file, "smtpd_tls_eckey_file", params.smtpd_tls_eckey_file
        ),
    )
    chains = tuple(params.smtpd_tls_chain_files)
    used = used_pairs(pairs, chains, "smtpd_tls_chain_files", warnings)
    return ServerSettings(
        prefix="smtpd", level=level, wrapper=params.smtpd_tls_wrappermode, loglevel=params.smtpd_tls_loglevel,
        chain_files=chains, pairs=used,
        no_certificate_ok=not chains and params.smtpd_tls_cert_file.lower() == NO_CERTIFICATE,
        protocols=params.smtpd_tls_mandatory_protocols if mandatory else params.smtpd_tls_protocols,
        ciphers=params.smtpd_tls_mandatory_ciphers if mandatory else params.smtpd_tls_ciphers,
        excluded=joined(params.smtpd_tls_exclude_ciphers, mandatory, params.smtpd_tls_mandatory_exclude_ciphers),
        dh_file=params.smtpd_tls_dh1024_param_file, shared=shared(params),
        ccerts=_client_certificates(params, mandatory, bool(chains or used), warnings),
        ca_file=params.smtpd_tls_CAfile, ca_path=params.smtpd_tls_CApath,
        append_default_ca=params.tls_append_default_CA, warnings=warnings,
    )  # fmt: skip


def _client_certificates(
    params: SmtpdTlsParameters, mandatory: bool, has_certificate: bool, warnings: list[str]
) -> ClientCertificates | None:
    if params.smtpd_tls_req_ccert and not mandatory:
        warnings.append("Can't require client certs unless TLS is required")
    is_required = params.smtpd_tls_req_ccert and mandatory
    if not params.smtpd_tls_ask_ccert and not is_required:
        return None
    if not has_certificate:
        warnings.append("Need a server cert to request client certs")
    return ClientCertificates(is_required, params.smtpd_tls_ccert_verifydepth, params.smtpd_tls_fingerprint_digest)


def shared(params: TlsParameters) -> SharedSettings:
    """Return what all servers have in common."""
    lists = {
        "export": params.tls_export_cipherlist,
        "low": params.tls_low_cipherlist,
        "medium": params.tls_medium_cipherlist,
        "high": params.tls_high_cipherlist,
        "null": params.tls_null_cipherlist,
    }
    return SharedSettings(
        lists, params.tls_preempt_cipherlist, tuple(params.tls_eecdh_auto_curves), params.tls_ssl_options,
        params.tls_disable_workarounds, params.tls_server_sni_maps,
    )  # fmt: skip


def read_level(config: Config, params: SmtpdTlsParameters, name: str, word: str, warnings: list[str]) -> Level:
    """Return the level that the parameter `name` asks for, or the parameters of old where it is empty; raises
    ConfigError."""
    word = word.strip().lower()
    if not word:
        if params.smtpd_enforce_tls:
            return Level.ENCRYPT
        return Level.MAY if params.smtpd_use_tls else Level.NONE
    if word in _CLIENT_LEVELS:
        warnings.append(f'{name}: unsupported TLS level "{word}", using "encrypt"')
        return Level.ENCRYPT
    try:
        return Level(word)
    except ValueError:
        raise config.refuse(name, f'Invalid TLS level "{word}"; specify none, may or encrypt') from None


def used_pairs(
    pairs: tuple[PairFiles, ...], chains: tuple[str, ...], name: str, warnings: list[str]
) -> tuple[PairFiles, ...]:
    """Return the pairs that count: those with a certificate, where there are no chain files (the parameter `name`)."""
    found = tuple(pair for pair in pairs if pair.certificate and pair.certificate.lower() != NO_CERTIFICATE)
    if chains and found:
        names = ", ".join(pair.parameter for pair in found)
        warnings.append(
            f"Both {name} and one or more of the legacy {names} are non-empty; the legacy parameters will be ignored"
        )
        return ()
    return found


def joined(excluded: str, mandatory: bool, more: str) -> str:
    """Return what is excluded, with what is so where TLS is mandatory."""
    return f"{excluded} {more}" if mandatory else excluded
