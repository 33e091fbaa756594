"""smtpd_tls_* and pop3_tls_*: what a server makes of them."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.tls.params import SmtpdTlsParameters
from pyfix.mail.tls.settings import Level, ServerSettings, smtpd_settings


def smtpd(text: str) -> ServerSettings:
    """Return the settings of smtpd."""
    config = Config.from_text(text)
    return smtpd_settings(config, config.read(SmtpdTlsParameters))


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", Level.NONE),
        ("smtpd_use_tls = yes", Level.MAY),
        ("smtpd_enforce_tls = yes", Level.ENCRYPT),
        ("smtpd_enforce_tls = yes\nsmtpd_tls_security_level = none", Level.NONE),
        ("smtpd_tls_security_level = may", Level.MAY),
        ("smtpd_tls_security_level = ENCRYPT", Level.ENCRYPT),
        ("smtpd_tls_security_level = secure", Level.ENCRYPT),
        ("smtpd_tls_wrappermode = yes", Level.MAY),
    ],
)
def test_security_level_overrides_the_parameters_of_old(text: str, level: Level) -> None:
    """As postconf(5) says."""
    assert smtpd(text).level is level


def test_levels_of_clients_mean_encrypt_and_are_told_of() -> None:
    """A server can't verify whom it does not know."""
    assert smtpd("smtpd_tls_security_level = verify").warnings == [
        'smtpd_tls_security_level: unsupported TLS level "verify", using "encrypt"'
    ]


def test_level_that_does_not_exist_is_refused_with_its_line() -> None:
    """The file, the line, the value and what to write."""
    with pytest.raises(ConfigError) as caught:
        smtpd("\nsmtpd_tls_security_level = maybe")
    assert str(caught.value) == ('/etc/pyfix/main.cf, line 2: Invalid TLS level "maybe"; specify none, may or encrypt')


def test_mandatory_parameters_count_where_tls_is_mandatory() -> None:
    """Protocols, grade and exclusions."""
    lines = (
        "smtpd_tls_protocols = >=TLSv1.1\nsmtpd_tls_mandatory_protocols = >=TLSv1.2\nsmtpd_tls_ciphers = low\n"
        "smtpd_tls_mandatory_ciphers = high\nsmtpd_tls_exclude_ciphers = MD5\n"
        "smtpd_tls_mandatory_exclude_ciphers = 3DES\n"
    )
    may = smtpd(lines + "smtpd_tls_security_level = may")
    assert (may.protocols, may.ciphers, may.excluded.split()) == (">=TLSv1.1", "low", ["MD5"])
    must = smtpd(lines + "smtpd_tls_security_level = encrypt")
    assert (must.protocols, must.ciphers, must.excluded.split()) == (">=TLSv1.2", "high", ["MD5", "3DES"])


def test_chain_files_override_the_pairs_of_old() -> None:
    """With a warning in Postfix's words."""
    settings = smtpd(
        "smtpd_tls_chain_files = /a.pem, /b.pem\nsmtpd_tls_cert_file = /c.pem\nsmtpd_tls_eccert_file = /d.pem"
    )
    assert settings.chain_files == ("/a.pem", "/b.pem") and not settings.pairs
    assert settings.warnings == [
        "Both smtpd_tls_chain_files and one or more of the legacy smtpd_tls_cert_file, smtpd_tls_eccert_file are"
        " non-empty; the legacy parameters will be ignored"
    ]


def test_key_is_in_the_file_of_the_certificate_unless_told() -> None:
    """smtpd_tls_key_file, smtpd_tls_dkey_file and smtpd_tls_eckey_file."""
    settings = smtpd(
        "smtpd_tls_cert_file = /rsa.pem\nsmtpd_tls_key_file = /rsa.key\nsmtpd_tls_dcert_file = /dsa.pem\n"
        "smtpd_tls_eccert_file = /ec.pem\nsmtpd_tls_eckey_file = /ec.key"
    )
    assert [(pair.certificate, pair.key) for pair in settings.pairs] == [
        ("/rsa.pem", "/rsa.key"), ("/dsa.pem", "/dsa.pem"), ("/ec.pem", "/ec.key"),
    ]  # fmt: skip
    dsa = smtpd("smtpd_tls_dcert_file = /dsa.pem\nsmtpd_tls_dkey_file = /dsa.key").pairs[0]
    assert (dsa.parameter, dsa.key_parameter, dsa.key) == ("smtpd_tls_dcert_file", "smtpd_tls_dkey_file", "/dsa.key")


def test_none_is_no_certificate_and_wanted_so() -> None:
    """Only ciphers without certificate are left then."""
    settings = smtpd("smtpd_tls_cert_file = none")
    assert settings.no_certificate_ok and not settings.pairs
    assert not smtpd("").no_certificate_ok
