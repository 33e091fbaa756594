"""smtpd with a certificate for each name that clients ask for: tls_server_sni_maps."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from smtpd_scene import Scene, scene
from tls_material import Issued, client_context, issue


@pytest.fixture(scope="module")
def own() -> Issued:
    """What everybody gets."""
    return issue("mail.test")


@pytest.fixture(scope="module")
def special() -> Issued:
    """What some get."""
    return issue("special.test")


def postmap(folder: Path, *arguments: str) -> None:
    """Build an index, with an empty main.cf."""
    (folder / "conf").mkdir()
    (folder / "conf" / "main.cf").touch()
    code = "import sys; sys.argv[0] = 'postmap'; from pyfix.commands.postmap import main; sys.exit(main())"
    subprocess.run([sys.executable, "-P", "-c", code, "-c", str(folder / "conf"), *arguments], check=True, timeout=60)


def write_tables(folder: Path, special: Issued, kind: str) -> str:
    """Write a table of names; return how main.cf names it."""
    (folder / "special.pem").write_bytes(special.key_pem + special.pem)
    (folder / "broken.pem").write_bytes(b"garbage")
    lines = f"special.test {folder}/special.pem\n.special.test {folder}/special.pem\nbroken.test {folder}/broken.pem\n"
    (folder / "sni").write_text(lines)
    if kind == "inline":
        entries = ", ".join("{" + line.replace(" ", "=") + "}" for line in lines.splitlines())
        return f"inline:{{{entries}}}"
    if kind != "texthash":
        postmap(folder, "-F", f"{kind}:{folder}/sni")
        (folder / "special.pem").unlink()  # it is in the index
    return f"{kind}:{folder}/sni"


@contextmanager
def server(folder: Path, own: Issued, table: str) -> Iterator[Scene]:
    """Run smtpd."""
    certificate, key = own.write(folder, "own")
    with scene(
        folder,
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        f"smtpd_tls_loglevel = 1\ntls_server_sni_maps = {table}\n",
    ) as stage:
        yield stage


def shown(stage: Scene, name: str | None) -> bytes:
    """Return the certificate that a client which asks for a name is shown."""
    client = stage.connect()
    client.say("EHLO x")
    client.say("STARTTLS")
    with client_context().wrap_socket(client.sock, server_hostname=name) as sock:
        sock.sendall(b"QUIT\r\n")
        assert sock.recv(100).startswith(b"221 ")
        return sock.getpeercert(binary_form=True) or b""


@pytest.mark.parametrize("kind", ["hash", "cdb", "texthash", "inline"])
def test_certificate_is_that_of_the_name(tmp_path: Path, own: Issued, special: Issued, kind: str) -> None:
    """Of the name itself, or of a domain above it; others, and who asks for none, get the one for all."""
    with server(tmp_path, own, write_tables(tmp_path, special, kind)) as stage:
        assert shown(stage, "special.test") == special.der
        assert shown(stage, "a.b.SPECIAL.test") == special.der
        assert shown(stage, "xspecial.test") == own.der
        assert shown(stage, None) == own.der
        stage.worker.wait_for_line("TLS connection established from unknown[127.0.0.1] to special.test: TLSv1.3")
        stage.worker.wait_for_line("TLS SNI xspecial.test from unknown[127.0.0.1] not matched, using default chain")


def test_broken_chain_breaks_the_handshake_of_its_name_alone(tmp_path: Path, own: Issued, special: Issued) -> None:
    """As in Postfix; the log says which entry it is."""
    with server(tmp_path, own, write_tables(tmp_path, special, "hash")) as stage:
        with pytest.raises(ssl.SSLError, match="ALERT_INTERNAL_ERROR"):
            shown(stage, "broken.test")
        stage.worker.wait_for_line(
            "warning: tls_server_sni_maps: broken.test map lookup problem: tls_server_sni_maps: broken.test:"
            " no private key in PEM form; put the key ahead of its certificate"
        )
        stage.worker.wait_for_line("SSL_accept error from unknown[127.0.0.1]: -1")
        assert shown(stage, "special.test") == special.der


def test_index_without_content_is_told_of(tmp_path: Path, own: Issued, special: Issued) -> None:
    """postmap without -F."""
    table = write_tables(tmp_path, special, "texthash").replace("texthash", "hash")
    postmap(tmp_path, table)
    with server(tmp_path, own, table) as stage:
        with pytest.raises(ssl.SSLError):
            shown(stage, "special.test")
        stage.worker.wait_for_line("malformed BASE64 value")


def test_file_that_is_missing_leaves_its_entry_out(tmp_path: Path, own: Issued, special: Issued) -> None:
    """The others are served."""
    table = write_tables(tmp_path, special, "texthash")
    with open(tmp_path / "sni", "a") as file:
        file.write(f"gone.test {tmp_path}/nosuch.pem\n")
    with server(tmp_path, own, table) as stage:
        assert shown(stage, "special.test") == special.der
        assert shown(stage, "gone.test") == own.der
        stage.worker.wait_for_line(
            f"gone.test: {tmp_path}/nosuch.pem: No such file or directory; this entry is left out"
        )


def test_table_that_may_wait_is_refused(tmp_path: Path, own: Issued) -> None:
    """A handshake on the loop can't wait for it."""
    with pytest.raises((AssertionError, OSError)), server(tmp_path, own, "tcp:127.0.0.1:9") as stage:
        stage.worker.wait_for_line("a table that may have to wait can't be asked in a handshake")
        stage.connect()
