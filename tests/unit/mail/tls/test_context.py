"""From parameters to a context: what a client gets to see of it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from tls_material import Issued, client_context, issue, shake_hands

from pyfix.mail.config import Config
from pyfix.mail.tls.native import find_native
from pyfix.mail.tls.params import SmtpdTlsParameters
from pyfix.mail.tls.server import ServerTls, open_server_tls
from pyfix.mail.tls.settings import smtpd_settings


@pytest.fixture(scope="module")
def own() -> Issued:
    """A certificate that nobody vouches for."""
    return issue("mail.test")


@pytest.fixture
def files(own: Issued, tmp_path: Path) -> str:
    """The lines of main.cf that name it."""
    certificate, key = own.write(tmp_path, "own")
    return f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"


def server(text: str) -> ServerTls:
    """Return what smtpd has with this main.cf."""
    config = Config.from_text(text)
    return open_server_tls(smtpd_settings(config, config.read(SmtpdTlsParameters)))


def context(text: str) -> ssl.SSLContext:
    """Return its context; there has to be one."""
    tls = server(text)
    assert tls.context is not None, tls.problem
    return tls.context


def versions(text: str) -> list[str]:
    """Return the versions of TLS that a client can have."""
    found = []
    ours = context(text)
    for version in ("TLSv1_2", "TLSv1_3"):
        client = client_context()
        client.minimum_version = client.maximum_version = getattr(ssl.TLSVersion, version)
        try:
            found.append(shake_hands(ours, client).server.version() or "")
        except ssl.SSLError:
            pass
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (">=TLSv1", ["TLSv1.2", "TLSv1.3"]),
        (">=TLSv1.3", ["TLSv1.3"]),
        (">=0x0303, <=TLSv1.2", ["TLSv1.2"]),
        ("!SSLv2, !SSLv3, !TLSv1.3", ["TLSv1.2"]),
        ("TLSv1.3", ["TLSv1.3"]),
        ("", ["TLSv1.2", "TLSv1.3"]),
    ],
)
def test_protocols(files: str, value: str, expected: list[str]) -> None:
    """smtpd_tls_protocols, in all its forms."""
    assert versions(f"{files}smtpd_tls_protocols = {value}") == expected


def test_session_is_described_in_the_words_of_postfix(files: str) -> None:
    """Protocol, cipher, and how many of the key's bits are secret."""
    tls = server(files)
    assert tls.context is not None
    described = tls.describe(shake_hands(tls.context, client_context()).server)
    assert described.summary.startswith("TLSv1.3 with cipher TLS_AES_")
    if find_native() is not None:
        assert described.summary.endswith(
            " key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"
        )
    assert (described.used_bits, described.algorithm_bits) in ((256, 256), (128, 128))


def test_excluded_ciphers_are_not_offered(files: str) -> None:
    """smtpd_tls_exclude_ciphers, by name and by property."""
    lines = f"{files}smtpd_tls_protocols = TLSv1.2\nsmtpd_tls_exclude_ciphers = AES256, CHACHA20 ARIA128 CAMELLIA\n"
    client = client_context()
    cipher = shake_hands(context(lines), client).server.cipher()
    assert cipher is not None and "128" in cipher[0]


def test_order_is_the_clients_unless_told(files: str) -> None:
    """tls_preempt_cipherlist."""
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    chosen = [
        (shake_hands(context(f"{files}tls_preempt_cipherlist = {value}"), client).server.cipher() or ("",))[0]
        for value in ("no", "yes")
    ]
    assert chosen == ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]


@pytest.mark.parametrize("grade", ["export", "low", "medium", "high", "null"])
def test_lists_of_the_grades_can_be_replaced(files: str, grade: str) -> None:
    """tls_export_cipherlist, tls_low_cipherlist, tls_medium_cipherlist, tls_high_cipherlist, tls_null_cipherlist."""
    name = "ECDHE-ECDSA-CAMELLIA128-SHA256"
    ours = context(f"{files}smtpd_tls_ciphers = {grade}\ntls_{grade}_cipherlist = {name}\n")
    assert [item["name"] for item in ours.get_ciphers() if item["protocol"] != "TLSv1.3"] == [name]


@pytest.mark.parametrize("grade", ["export", "low", "medium", "high", "null"])
def test_lists_of_the_grades_are_usable_as_they_come(files: str, grade: str) -> None:
    """OpenSSL finds ciphers in each default."""
    assert context(f"{files}smtpd_tls_ciphers = {grade}").get_ciphers()


def test_options_and_workarounds(files: str) -> None:
    """tls_ssl_options and tls_disable_workarounds, by name and as a mask."""
    assert context(f"{files}tls_ssl_options = no_ticket, NO_RENEGOTIATION").options & ssl.OP_NO_TICKET
    assert context(f"{files}tls_ssl_options = 0x4000").options & ssl.OP_NO_TICKET
    assert not context(files).options & ssl.OP_NO_TICKET
    assert context(files).options & 0x40
    assert not context(f"{files}tls_disable_workarounds = SAFARI_ECDHE_ECDSA_BUG").options & 0x40


@pytest.mark.skipif(find_native() is None, reason="this Python's OpenSSL can't be told")
def test_groups_of_the_key_exchange(files: str) -> None:
    """tls_eecdh_auto_curves: a client that has none of them gets nowhere, and unknown ones are left out."""
    client = client_context()
    client.set_ecdh_curve("secp384r1")
    shake_hands(context(files), client)
    with pytest.raises(ssl.SSLError):
        shake_hands(context(f"{files}tls_eecdh_auto_curves = nosuch X25519 prime256v1"), client)


def test_system_without_a_way_to_openssl_refuses_what_it_would_ignore(
    files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name; the defaults work."""
    monkeypatch.setattr("pyfix.mail.tls.context.find_native", lambda: None)
    assert server(files).context is not None
    problem = server(f"{files}tls_eecdh_auto_curves = X25519").problem
    assert problem == "tls_eecdh_auto_curves: this Python's OpenSSL can't be told; leave the default"


def test_cipher_without_certificate(tmp_path: Path) -> None:
    """smtpd_tls_cert_file = none."""
    ours = context("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = none")
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("aNULL:@SECLEVEL=0")
    cipher = shake_hands(ours, client).server.cipher()
    assert cipher is not None and cipher[0].startswith("A")


def test_chain_file_with_two_kinds_of_keys(tmp_path: Path) -> None:
    """smtpd_tls_chain_files: each client gets the certificate that it can use, with its issuers."""
    root = issue("authority", authority=True)
    elliptic, old = issue("ec.test", root), issue("rsa.test", root, kind="rsa")
    (tmp_path / "a.pem").write_bytes(elliptic.key_pem + elliptic.pem + root.pem + old.key_pem)
    (tmp_path / "b.pem").write_bytes(old.pem)
    ours = context(f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {tmp_path}/a.pem, {tmp_path}/b.pem\n")
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    for ciphers, expected in (("ECDHE-ECDSA-AES128-GCM-SHA256", elliptic), ("ECDHE-RSA-AES128-GCM-SHA256", old)):
        client.set_ciphers(ciphers)
        assert shake_hands(ours, client).client.getpeercert(binary_form=True) == expected.der


def test_no_certificate_at_all_is_told() -> None:
    """TLS is announced, and refused for now; the log says why."""
    tls = server("smtpd_tls_security_level = may")
    assert tls.is_used and not tls.is_mandatory and tls.context is None
    assert tls.warnings == [
        "No server certs available. TLS can't be enabled; name some in smtpd_tls_cert_file, or make one with: "
        "pyfix tls self-signed: disabling TLS support"
    ]
    assert not server("").is_used


def broken(own: Issued, folder: Path, case: str) -> str:
    """Lay out one broken configuration; return its lines."""
    certificate, key = own.write(folder, "own")
    match case:
        case "no certificate file":
            certificate.unlink()
        case "no key file":
            key.unlink()
        case "garbage":
            certificate.write_bytes(b"garbage\0\xff")
        case "garbage key":
            key.write_bytes(b"garbage")
        case "broken certificate":
            certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        case "wrong key":
            issue("other.test").write(folder, "own")
            certificate.write_bytes(own.pem)
        case "encrypted key":
            key.write_bytes(own.encrypted_key_pem(b"secret"))
        case "directory":
            key.unlink()
            key.mkdir()
    return f"smtpd_tls_security_level = encrypt\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "no certificate file",
            'cannot get certificate from file "F/own.pem": No such file or directory; correct the file, or its name in'
            " smtpd_tls_cert_file",
        ),
        (
            "no key file",
            'cannot get private key from file "F/own.key": No such file or directory; correct the file, or its name in'
            " smtpd_tls_key_file",
        ),
        (
            "garbage",
            'cannot get certificate from file "F/own.pem": no certificate in PEM form; name the file that begins with'
            " -----BEGIN CERTIFICATE-----",
        ),
        (
            "garbage key",
            'cannot get private key from file "F/own.key": no private key in PEM form; name the file that has'
            " -----BEGIN PRIVATE KEY-----",
        ),
        (
            "broken certificate",
            'cannot get certificate from file "F/own.pem": the certificate, or the key in F/own.key, can\'t be used',
        ),
        (
            "wrong key",
            'cannot get certificate from file "F/own.pem": the private key in F/own.key is not that of the'
            " certificate; name the key that belongs to it",
        ),
        (
            "encrypted key",
            'cannot get private key from file "F/own.key": the private key is encrypted; take the password off with:'
            " openssl pkey -in FILE -out FILE",
        ),
        (
            "directory",
            'cannot get private key from file "F/own.key": Is a directory; correct the file, or its name in'
            " smtpd_tls_key_file",
        ),
    ],
)
def test_broken_files_are_one_line_with_file_and_remedy(own: Issued, tmp_path: Path, case: str, expected: str) -> None:
    """And there is no TLS until they are mended."""
    tls = server(broken(own, tmp_path, case))
    assert tls.context is None and tls.is_mandatory
    assert tls.problem.replace(str(tmp_path), "F").startswith(expected)
    assert "\n" not in tls.problem


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("smtpd_tls_protocols = TLSv9", 'smtpd_tls_protocols: unknown protocol "TLSv9"; specify some of'),
        ("smtpd_tls_ciphers = best", 'smtpd_tls_ciphers: invalid cipher grade: "best"; specify one of'),
        ("smtpd_tls_exclude_ciphers = !MD5", 'smtpd_tls_ciphers: invalid unquoted cipher "!MD5"'),
        ("tls_medium_cipherlist = nosuch", 'smtpd_tls_ciphers: OpenSSL finds no cipher in "nosuch'),
        ("tls_ssl_options = FASTER", 'tls_ssl_options: unknown option "FASTER"'),
        ("tls_disable_workarounds = FASTER", 'tls_disable_workarounds: unknown option "FASTER"'),
        ("smtpd_tls_dh1024_param_file = /nosuch", 'cannot load DH parameters from file "/nosuch"'),
    ],
)
def test_broken_values_are_one_line_with_the_parameter(files: str, line: str, expected: str) -> None:
    """As with files."""
    tls = server(files + line)
    assert tls.context is None and tls.problem.startswith(expected) and "\n" not in tls.problem


def test_dh_parameters_of_ones_own(files: str, tmp_path: Path) -> None:
    """smtpd_tls_dh1024_param_file: garbage is refused, auto is OpenSSL's own choice."""
    (tmp_path / "dh.pem").write_text("garbage")
    problem = server(f"{files}smtpd_tls_dh1024_param_file = {tmp_path}/dh.pem").problem
    assert problem.endswith("no DH parameters in PEM form; leave smtpd_tls_dh1024_param_file empty")
    assert server(f"{files}smtpd_tls_dh1024_param_file = auto").context is not None
