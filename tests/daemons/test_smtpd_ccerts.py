"""smtpd and the certificates of its clients: asked for, required, known by their fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from smtpd_scene import Client, Scene, scene
from tls_material import Issued, client_context, issue

from pyfix.mail.tls.native import find_native
from pyfix.mail.tls.peer import read_peer_certificate

pytestmark = pytest.mark.skipif(find_native() is None, reason="this Python's OpenSSL can't be told")


@pytest.fixture(scope="module")
def authority() -> Issued:
    """Who vouches for clients."""
    return issue("authority", authority=True)


@pytest.fixture(scope="module")
def known(authority: Issued) -> Issued:
    """A client that the authority vouches for."""
    return issue("known.test", authority)


@pytest.fixture(scope="module")
def stranger() -> Issued:
    """A client that vouches for itself."""
    return issue('stran"ger.test', kind="rsa")


@contextmanager
def server(directory: Path, authority: Issued, main_cf: str) -> Iterator[Scene]:
    """Run smtpd, which asks for certificates."""
    certificate, key = issue("mail.test").write(directory, "own")
    (directory / "ca.pem").write_bytes(authority.pem)
    lines = (
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        f"smtpd_tls_CAfile = {directory}/ca.pem\nsmtpd_tls_ask_ccert = yes\nsmtpd_tls_loglevel = 1\n"
    )
    with scene(directory, lines + main_cf) as stage:
        yield stage


def begin(stage: Scene, directory: Path, own: Issued | None) -> Client:
    """Return a client that has encrypted, with its certificate or without."""
    client = stage.connect()
    client.say("EHLO x")
    assert client.say("STARTTLS").startswith("220 ")
    context = client_context(own.write(directory, "client") if own else None)
    encrypted = Client(context.wrap_socket(client.sock))
    stage.stack.callback(encrypted.close)
    return encrypted


def far(client: Client) -> str:
    """Return the answer to a recipient somewhere else."""
    client.say("EHLO x")
    client.say("MAIL FROM:<a@b.c>")
    return client.say("RCPT TO:<u@elsewhere.test>")


def prints(own: Issued, digest: str = "sha256") -> tuple[str, str]:
    """Return the fingerprints of certificate and key."""
    peer = read_peer_certificate(own.der, digest, is_trusted=False)
    return peer.fingerprint, peer.key_fingerprint


RELAY = "smtpd_relay_restrictions = {}, reject_unauth_destination\n"


def test_clients_are_told_apart(tmp_path: Path, authority: Issued, known: Issued, stranger: Issued) -> None:
    """In the log and in the Received: header; all of them are served."""
    with server(tmp_path, authority, "smtpd_tls_received_header = yes\n") as stage:
        for own, word in ((None, "Anonymous"), (known, "Trusted"), (stranger, "Untrusted")):
            client = begin(stage, tmp_path, own)
            stage.worker.wait_for_line(f"{word} TLS connection established from unknown[127.0.0.1]: TLSv1.3")
            client.begin()
            client.sock.sendall(b"x\r\n.\r\n")
            assert client.read().startswith("250 ")
        received = [
            next(line for line in message.content.decode().split("\n") if line.startswith("\t(Client"))
            for message in stage.neighbours.messages
        ]
    assert received == [
        "\t(Client did not present a certificate)",
        '\t(Client CN "known.test", Issuer "authority" (verified OK))',
        '\t(Client CN "stran?ger.test", Issuer "stran?ger.test" (not verified))',
    ]


def test_fingerprints_permit(tmp_path: Path, authority: Issued, known: Issued, stranger: Issued) -> None:
    """relay_clientcerts: of the certificate or of its key, whoever vouches for it or not."""
    certificate, key = prints(stranger)[0], prints(known)[1]
    lines = f"relay_clientcerts = inline:{{{{{certificate}=x}},{{{key}=y}}}}\n" + RELAY.format("permit_tls_clientcerts")
    other = issue("other.test", authority)
    with server(tmp_path, authority, lines) as stage:
        assert far(begin(stage, tmp_path, stranger)) == "250 2.1.5 Ok"
        assert far(begin(stage, tmp_path, known)) == "250 2.1.5 Ok"
        for own in (other, None):
            assert far(begin(stage, tmp_path, own)).startswith("554 5.7.1 <u@elsewhere.test>: Relay access denied")
        assert far(stage.connect()).startswith("554 ")


def test_trust_permits(tmp_path: Path, authority: Issued, known: Issued, stranger: Issued) -> None:
    """permit_tls_all_clientcerts; not beyond smtpd_tls_ccert_verifydepth."""
    upper = issue("upper", authority, authority=True)
    lower = issue("lower", upper, authority=True)
    deep = issue("deep.test", lower)
    lines = RELAY.format("permit_tls_all_clientcerts") + "smtpd_tls_ccert_verifydepth = 0\n"
    with server(tmp_path, authority, lines) as stage:
        assert far(begin(stage, tmp_path, known)) == "250 2.1.5 Ok"
        assert far(begin(stage, tmp_path, stranger)).startswith("554 ")
        client = stage.connect()
        client.say("EHLO x")
        client.say("STARTTLS")
        context = client_context(deep.write(tmp_path, "deep", lower.pem + upper.pem))
        encrypted = Client(context.wrap_socket(client.sock))
        stage.stack.callback(encrypted.close)
        assert far(encrypted).startswith("554 ")


@pytest.mark.parametrize("word", ["permit_tls_clientcerts", "permit_tls_all_clientcerts"])
def test_headers_of_known_clients_get_our_domain(
    tmp_path: Path, authority: Issued, known: Issued, stranger: Issued, word: str
) -> None:
    """local_header_rewrite_clients."""
    certificate = prints(stranger)[0]
    lines = f"relay_clientcerts = inline:{{{{{certificate}=x}}}}\nlocal_header_rewrite_clients = {word}\n"
    with server(tmp_path, authority, lines) as stage:
        for own in (stranger, known, None):
            client = begin(stage, tmp_path, own)
            client.begin()
            client.sock.sendall(b"x\r\n.\r\n")
            assert client.read().startswith("250 ")
        contexts = [message.submit.envelope.rewrite_context for message in stage.neighbours.messages]
    assert contexts == ["local", "local" if word == "permit_tls_all_clientcerts" else "remote", "remote"]


@pytest.mark.parametrize("digest", ["sha256", "md5"])
def test_access_table_of_fingerprints(tmp_path: Path, authority: Issued, stranger: Issued, digest: str) -> None:
    """check_ccert_access, with smtpd_tls_fingerprint_digest."""
    certificate = prints(stranger, digest)[0]
    lines = (
        f"smtpd_tls_fingerprint_digest = {digest}\n"
        f"smtpd_client_restrictions = check_ccert_access inline:{{{{{certificate}=REJECT not you}}}}\n"
    )
    with server(tmp_path, authority, lines) as stage:
        client = begin(stage, tmp_path, stranger)
        client.say("EHLO x")
        client.say("MAIL FROM:<a@b.c>")
        assert client.say("RCPT TO:<u1@virtual.test>") == (
            '554 5.7.1 <stran"ger.test>: Client certificate rejected: not you'
        )


def test_certificate_is_required(tmp_path: Path, authority: Issued, known: Issued, stranger: Issued) -> None:
    """smtpd_tls_req_ccert, where TLS is mandatory."""
    lines = "smtpd_tls_security_level = encrypt\nsmtpd_tls_req_ccert = yes\nsmtpd_tls_ask_ccert = no\n"
    with server(tmp_path, authority, lines) as stage:
        begin(stage, tmp_path, known).begin()
        for own, problem in ((None, "No client certificate presented"), (stranger, "Client certificate not trusted")):
            client = begin(stage, tmp_path, own)
            assert client.read() == f"421 4.7.1 mail.example.test Error: {problem}"
            assert client.read() == ""
            stage.worker.wait_for_line(f"NOQUEUE: abort: TLS from unknown[127.0.0.1]: {problem}")
        stage.worker.wait_for_line("certificate verification failed for unknown[127.0.0.1]: self-signed certificate")
        stage.worker.wait_for_line("disconnect from unknown[127.0.0.1] ehlo=1 starttls=1 commands=2")


def test_authorities_may_be_in_a_directory(tmp_path: Path, authority: Issued, known: Issued) -> None:
    """A directory of them is trusted like the file, and those of the system too where that is said."""
    hashed = tmp_path / "hashed"
    hashed.mkdir()
    lines = f"smtpd_tls_CAfile =\nsmtpd_tls_CApath = {hashed}\ntls_append_default_CA = yes\n" + RELAY.format(
        "permit_tls_all_clientcerts"
    )
    (hashed / f"{_subject_hash(authority)}.0").write_bytes(authority.pem)
    with server(tmp_path, authority, lines) as stage:
        assert far(begin(stage, tmp_path, known)) == "250 2.1.5 Ok"


def _subject_hash(issued: Issued) -> str:
    """Return the name that OpenSSL looks a certificate up by."""
    canonical = b""
    for attribute in issued.certificate.subject:
        value = str(attribute.value).lower().encode()
        oid = b"\x06\x03\x55\x04\x03"
        pair = oid + b"\x0c" + bytes([len(value)]) + value
        pair = b"\x30" + bytes([len(pair)]) + pair
        canonical += b"\x31" + bytes([len(pair)]) + pair
    return f"{int.from_bytes(hashlib.sha1(canonical).digest()[:4], 'little'):08x}"


def test_session_must_be_encrypted(tmp_path: Path, authority: Issued) -> None:
    """reject_plaintext_session, with plaintext_reject_code."""
    lines = "smtpd_recipient_restrictions = reject_plaintext_session\nplaintext_reject_code = 550\n"
    with server(tmp_path, authority, lines) as stage:
        plain = stage.connect()
        plain.say("EHLO x")
        plain.say("MAIL FROM:<a@b.c>")
        assert plain.say("RCPT TO:<u1@virtual.test>") == "550 5.7.1 Session encryption is required"
        begin(stage, tmp_path, None).begin()


def test_loglevel_two_shows_fingerprints(tmp_path: Path, authority: Issued, stranger: Issued) -> None:
    """For those who fill relay_clientcerts."""
    with server(tmp_path, authority, "smtpd_tls_loglevel = 2\n") as stage:
        begin(stage, tmp_path, stranger)
        certificate, key = prints(stranger)
        stage.worker.wait_for_line(f", fingerprint={certificate}, pkey_fingerprint={key}")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "smtpd_tls_CAfile = DIR/nosuch",
            'cannot load Certification Authority data from file "DIR/nosuch": No such file',
        ),
        ("smtpd_tls_CAfile = DIR/own.key", "smtpd_tls_CAfile = DIR/own.key: no certificate in PEM form; correct it"),
        ("smtpd_tls_CApath = DIR/nosuch", "smtpd_tls_CApath = DIR/nosuch: no such directory; correct it"),
    ],
)
def test_broken_authorities_are_told_of(tmp_path: Path, authority: Issued, line: str, problem: str) -> None:
    """And switch TLS off: nobody could be trusted who should be."""
    with server(tmp_path, authority, f"{line.replace('DIR', str(tmp_path))}\n") as stage:
        client = stage.connect()
        client.say("EHLO x")
        assert client.say("STARTTLS").startswith("454 ")
        stage.worker.wait_for_line(problem.replace("DIR", str(tmp_path)))
