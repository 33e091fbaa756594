"""pop3_tls_*: what a server makes of them."""

from __future__ import annotations

from pyfix.mail.config import Config
from pyfix.mail.tls.pop3 import Pop3TlsParameters, pop3_settings
from pyfix.mail.tls.settings import Level, ServerSettings


def pop3(text: str) -> ServerSettings:
    """Return the settings of the POP3 server."""
    config = Config.from_text(text)
    return pop3_settings(config, config.read(Pop3TlsParameters))


def test_pop3_has_what_smtpd_has_unless_told() -> None:
    """Each of the parameters by itself."""
    lines = (
        "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /smtp.pem\nsmtpd_tls_key_file = /smtp.key\n"
        "smtpd_tls_eccert_file = /smtp-ec.pem\nsmtpd_tls_protocols = >=TLSv1.2\nsmtpd_tls_ciphers = high\n"
        "smtpd_tls_exclude_ciphers = MD5\nsmtpd_tls_loglevel = 1\nsmtpd_tls_mandatory_protocols = >=TLSv1.3\n"
        "smtpd_tls_mandatory_ciphers = high\n"
    )
    same = pop3(lines)
    assert same.level is Level.MAY and not same.wrapper and same.loglevel == 1
    assert [(pair.certificate, pair.key) for pair in same.pairs] == [
        ("/smtp.pem", "/smtp.key"), ("/smtp-ec.pem", "/smtp-ec.pem"),
    ]  # fmt: skip
    assert (same.protocols, same.ciphers, same.excluded.split()) == (">=TLSv1.2", "high", ["MD5"])
    assert same.parameter("cert_file") == "pop3_tls_cert_file"
    other = pop3(
        lines + "pop3_tls_security_level = encrypt\npop3_tls_wrappermode = yes\npop3_tls_cert_file = /pop.pem\n"
        "pop3_tls_mandatory_ciphers = medium\npop3_tls_exclude_ciphers =\npop3_tls_loglevel = 0\n"
    )
    assert other.level is Level.ENCRYPT and other.wrapper and other.loglevel == 0
    assert [(pair.certificate, pair.key) for pair in other.pairs] == [("/pop.pem", "/pop.pem")]
    assert (other.protocols, other.ciphers, other.excluded.split()) == (">=TLSv1.3", "medium", [])


def test_pop3_has_keys_and_chains_of_its_own() -> None:
    """A certificate of its own comes with neither the key nor the chains of smtpd."""
    chains = "smtpd_tls_chain_files = /smtp.pem\n"
    assert pop3(chains).chain_files == ("/smtp.pem",)
    assert pop3(chains + "pop3_tls_chain_files = /pop.pem").chain_files == ("/pop.pem",)
    own = pop3(chains + "pop3_tls_cert_file = /own.pem\npop3_tls_key_file = /own.key\n"
               "pop3_tls_eccert_file = /ec.pem\npop3_tls_eckey_file = /ec.key")  # fmt: skip
    assert not own.chain_files
    assert [(pair.certificate, pair.key) for pair in own.pairs] == [("/own.pem", "/own.key"), ("/ec.pem", "/ec.key")]
    optional = pop3("pop3_tls_protocols = TLSv1.2\npop3_tls_ciphers = low")
    assert (optional.protocols, optional.ciphers) == ("TLSv1.2", "low")
    assert pop3("pop3_tls_security_level = encrypt\npop3_tls_mandatory_protocols = TLSv1.3").protocols == "TLSv1.3"
