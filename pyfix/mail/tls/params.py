"""Parameters of TLS in servers. Defaults are those of Postfix 3.7; the readers of mailboxes take what smtpd has."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Choice, CoreParameters, Integer, ListOf, String

LEVELS = "none; may: offered; encrypt: clients must use it."


class TlsParameters(CoreParameters):
    """What all servers share."""

    tls_append_default_CA = Boolean("no", "Trust the authorities of the system, too, where some are configured.")
    tls_high_cipherlist = String("aNULL:-aNULL:HIGH:@STRENGTH", "OpenSSL's list for ciphers of grade high.", low=1)
    tls_medium_cipherlist = String(
        "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH", "OpenSSL's list for ciphers of grade medium.", low=1
    )
    tls_low_cipherlist = String(
        "aNULL:-aNULL:HIGH:MEDIUM:LOW:+RC4:@STRENGTH", "OpenSSL's list for ciphers of grade low.", low=1
    )
    tls_export_cipherlist = String(
        "aNULL:-aNULL:HIGH:MEDIUM:LOW:EXPORT:+RC4:@STRENGTH", "OpenSSL's list for ciphers of grade export.", low=1
    )
    tls_null_cipherlist = String("eNULL:!aNULL", "OpenSSL's list for ciphers that sign and do not encrypt.", low=1)
    tls_preempt_cipherlist = Boolean("no", "The server's order of ciphers counts, not the client's.")
    tls_eecdh_auto_curves = ListOf(
        "X25519 X448 prime256v1 secp521r1 secp384r1", "Groups for the key exchange, the best first."
    )
    tls_ssl_options = String("", "Options of OpenSSL to switch on: names, or a hexadecimal mask.")
    tls_disable_workarounds = String("", "Workarounds of OpenSSL to switch off: names, or a hexadecimal mask.")
    tls_server_sni_maps = String(
        "", "Certificate chains by the server name that the client asks for; tables made with postmap -F."
    )


class SmtpdTlsParameters(TlsParameters):
    """Those of smtpd, and what the others default to."""

    smtpd_tls_security_level = String("", LEVELS)
    smtpd_use_tls = Boolean("no", "The old way to say smtpd_tls_security_level = may.")
    smtpd_enforce_tls = Boolean("no", "The old way to say smtpd_tls_security_level = encrypt.")
    smtpd_tls_wrappermode = Boolean("no", "TLS from the first byte on, without STARTTLS (smtps).")
    smtpd_tls_chain_files = ListOf("", "PEM files, each with a private key ahead of its certificate chain.")
    smtpd_tls_cert_file = String("", "The RSA certificate chain, PEM; none: only ciphers without certificate.")
    smtpd_tls_key_file = String("$smtpd_tls_cert_file", "The private key of smtpd_tls_cert_file.")
    smtpd_tls_eccert_file = String("", "The ECDSA certificate chain.")
    smtpd_tls_eckey_file = String("$smtpd_tls_eccert_file", "The private key of smtpd_tls_eccert_file.")
    smtpd_tls_dcert_file = String("", "The DSA certificate chain.")
    smtpd_tls_dkey_file = String("$smtpd_tls_dcert_file", "The private key of smtpd_tls_dcert_file.")
    smtpd_tls_CAfile = String("", "Authorities whose client certificates are trusted, in one file.")
    smtpd_tls_CApath = String("", "The same as a directory with the names that openssl rehash makes.")
    smtpd_tls_ask_ccert = Boolean("no", "Ask clients for a certificate.")
    smtpd_tls_req_ccert = Boolean("no", "Serve clients with a trusted certificate only, where TLS is mandatory.")
    smtpd_tls_ccert_verifydepth = Integer("9", "How long the chain of a client's certificate may be.", low=0)
    smtpd_tls_fingerprint_digest = Choice(
        "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}",
        ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"),
        "How fingerprints of client certificates are made.",
    )
    smtpd_tls_protocols = String(">=TLSv1", "Versions of TLS when it is optional.")
    smtpd_tls_mandatory_protocols = String(">=TLSv1", "Versions of TLS when it is mandatory.")
    smtpd_tls_ciphers = String("medium", "The lowest grade of ciphers when TLS is optional.")
    smtpd_tls_mandatory_ciphers = String("medium", "The lowest grade of ciphers when TLS is mandatory.")
    smtpd_tls_exclude_ciphers = String("", "Ciphers that are never used.")
    smtpd_tls_mandatory_exclude_ciphers = String("", "Ciphers that are not used either when TLS is mandatory.")
    smtpd_tls_dh1024_param_file = String("", "Parameters for DHE; empty or auto: OpenSSL's own.")
    smtpd_tls_loglevel = Integer("0", "1: a line about each handshake; more: also the certificate.", low=0)
