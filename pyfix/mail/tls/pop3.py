"""TLS of the POP3 server: parameters of its own, which are those of smtpd where nothing is said."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Config, Integer, ListOf, String
from pyfix.mail.tls.params import LEVELS, SmtpdTlsParameters
from pyfix.mail.tls.settings import (
    NO_CERTIFICATE,
    Level,
    PairFiles,
    ServerSettings,
    joined,
    read_level,
    shared,
    used_pairs,
)


class Pop3TlsParameters(SmtpdTlsParameters):
    """Those of the POP3 server."""

    pop3_tls_security_level = String("$smtpd_tls_security_level", LEVELS)
    pop3_tls_wrappermode = Boolean("no", "TLS from the first byte on, without STLS (pop3s).")
    pop3_tls_chain_files = ListOf(
        "${{$pop3_tls_cert_file} == {$smtpd_tls_cert_file} ? {$smtpd_tls_chain_files} : {}}",
        "As smtpd_tls_chain_files.",
    )
    pop3_tls_cert_file = String("$smtpd_tls_cert_file", "As smtpd_tls_cert_file.")
    pop3_tls_key_file = String(
        "${{$pop3_tls_cert_file} == {$smtpd_tls_cert_file} ? {$smtpd_tls_key_file} : {$pop3_tls_cert_file}}",
        "The private key of pop3_tls_cert_file.",
    )
    pop3_tls_eccert_file = String(
        "${{$pop3_tls_cert_file} == {$smtpd_tls_cert_file} ? {$smtpd_tls_eccert_file} : {}}",
        "As smtpd_tls_eccert_file.",
    )
    pop3_tls_eckey_file = String(
        "${{$pop3_tls_eccert_file} == {$smtpd_tls_eccert_file} ? {$smtpd_tls_eckey_file} : {$pop3_tls_eccert_file}}",
        "The private key of pop3_tls_eccert_file.",
    )
    pop3_tls_protocols = String("$smtpd_tls_protocols", "As smtpd_tls_protocols.")
    pop3_tls_mandatory_protocols = String("$smtpd_tls_mandatory_protocols", "As smtpd_tls_mandatory_protocols.")
    pop3_tls_ciphers = String("$smtpd_tls_ciphers", "As smtpd_tls_ciphers.")
    pop3_tls_mandatory_ciphers = String("$smtpd_tls_mandatory_ciphers", "As smtpd_tls_mandatory_ciphers.")
    pop3_tls_exclude_ciphers = String("$smtpd_tls_exclude_ciphers", "As smtpd_tls_exclude_ciphers.")
    pop3_tls_loglevel = Integer("$smtpd_tls_loglevel", "As smtpd_tls_loglevel.", low=0)


def pop3_settings(config: Config, params: Pop3TlsParameters) -> ServerSettings:
    """Return the settings of the POP3 server; raises ConfigError for a level that does not exist."""
    warnings: list[str] = []
    level = read_level(config, params, "pop3_tls_security_level", params.pop3_tls_security_level, warnings)
    if params.pop3_tls_wrappermode and level is Level.NONE:
        level = Level.MAY
    mandatory = level is Level.ENCRYPT or params.pop3_tls_wrappermode
    pairs = (
        PairFiles("pop3_tls_cert_file", params.pop3_tls_cert_file, "pop3_tls_key_file", params.pop3_tls_key_file),
        PairFiles(
            "pop3_tls_eccert_file", params.pop3_tls_eccert_file, "pop3_tls_eckey_file", params.pop3_tls_eckey_file
        ),
    )
    chains = tuple(params.pop3_tls_chain_files)
    return ServerSettings(
        prefix="pop3", level=level, wrapper=params.pop3_tls_wrappermode, loglevel=params.pop3_tls_loglevel,
        chain_files=chains, pairs=used_pairs(pairs, chains, "pop3_tls_chain_files", warnings),
        no_certificate_ok=not chains and params.pop3_tls_cert_file.lower() == NO_CERTIFICATE,
        protocols=params.pop3_tls_mandatory_protocols if mandatory else params.pop3_tls_protocols,
        ciphers=params.pop3_tls_mandatory_ciphers if mandatory else params.pop3_tls_ciphers,
        excluded=joined(params.pop3_tls_exclude_ciphers, mandatory, params.smtpd_tls_mandatory_exclude_ciphers),
        dh_file=params.smtpd_tls_dh1024_param_file, shared=shared(params), warnings=warnings,
    )  # fmt: skip
