"""Certificates that change while the mail system runs.

Setup: an instance with TLS, whose key lies in a directory that only its owner may enter; started by root, smtpd has no
rights there. Path: replace certificate and key, in order and half, and connect again. Check: which certificate a
client is shown, that sessions under way go on, the log.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from instance import Client, Instance, mail, wait_until
from tls_material import Issued, client_context, issue

pytestmark = pytest.mark.system


class Tls:
    """The instance and its files."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.folder = instance.directory / "tls"
        self.folder.mkdir(mode=0o700)
        instance.set(
            smtpd_tls_security_level="may", smtpd_tls_cert_file=f"{self.folder}/own.pem",
            smtpd_tls_key_file=f"{self.folder}/own.key",
        )  # fmt: skip

    def install(self, *, certificate: Issued | None = None, key: Issued | None = None) -> None:
        """Put files in their place, as renewals do: written elsewhere, then renamed."""
        for name, content in (("own.pem", certificate and certificate.pem), ("own.key", key and key.key_pem)):
            if content is not None:
                new = self.folder / f"{name}.new"
                new.write_bytes(content)
                new.chmod(0o600)
                os.rename(new, self.folder / name)

    def connect(self) -> Client:
        """Return an encrypted session."""
        client = self.instance.connect()
        client.smtp.starttls(context=client_context())
        client.smtp.ehlo()
        return client

    def shown(self) -> bytes:
        """Return the certificate that a new client is shown."""
        client = self.connect()
        assert isinstance(client.smtp.sock, ssl.SSLSocket)
        found = client.smtp.sock.getpeercert(binary_form=True)
        client.close()
        return found or b""

    def wait_for(self, certificate: Issued) -> None:
        """Wait until new clients are shown a certificate."""
        wait_until(lambda: self.shown() == certificate.der, "the other certificate")

    def restarts(self) -> int:
        """Return how many processes have ended because a file has changed."""
        return len(re.findall(r"file \S+ has changed -- restarting", self.instance.log))


@pytest.fixture
def tls(instance: Instance) -> Tls:
    """One that does not run yet."""
    return Tls(instance)


def test_renewed_certificate_is_served_without_a_reload(tls: Tls) -> None:
    """Also one that is half renewed for a while: the old pair is served until the new one is whole.

    Sessions under way are not touched; processes that begin meanwhile, and a reload, make no difference.
    """
    first, second, third = (issue(f"{name}.test") for name in ("first", "second", "third"))
    tls.install(certificate=first, key=first)
    tls.instance.start()
    under_way = tls.connect()
    assert tls.shown() == first.der
    tls.install(certificate=second, key=second)
    tls.wait_for(second)
    before = tls.restarts()
    assert before

    tls.install(certificate=third)
    wait_until(lambda: tls.restarts() > before, "a process that takes notice")
    assert tls.shown() == second.der
    tls.instance.wait_for_log(
        r"warning: .*the private key in \S+ is not that of the certificate; .*: going on with the"
    )
    assert tls.instance.pyfix("reload").returncode == 0
    assert tls.shown() == second.der
    tls.install(key=third)
    tls.wait_for(third)

    under_way.send("a@b.c", [tls.instance.address], mail("over the old session"))
    under_way.close()
    tls.instance.wait_for_mail()


def test_files_that_are_missing_at_the_start_are_found_once_they_come(tls: Tls) -> None:
    """Until then mail comes in the clear."""
    own = issue("own.test")
    tls.instance.start()
    client = tls.instance.connect()
    assert client.smtp.docmd("STARTTLS")[0] == 454
    client.close()
    tls.instance.send()
    tls.instance.wait_for_log(r"warning: cannot get certificate from file \S+own.pem\": No such file or directory; ")
    tls.install(certificate=own, key=own)
    has_tls: Callable[[], bool] = lambda: _begins(tls.instance)  # noqa: E731
    wait_until(has_tls, "TLS")
    assert tls.shown() == own.der


def _begins(instance: Instance) -> bool:
    client = instance.connect()
    code = client.smtp.docmd("STARTTLS")[0]
    client.smtp.close()
    return bool(code == 220)


@pytest.mark.root
def test_key_is_neither_in_other_processes_nor_within_reach(tls: Tls) -> None:
    """smtpd runs without rights; nobody else has the memory in which the pair is kept."""
    own = issue("own.test")
    tls.install(certificate=own, key=own)
    tls.instance.start()
    assert tls.shown() == own.der
    assert (tls.folder.stat().st_mode & 0o777) == 0o700
    holders = []
    for pid in tls.instance.processes():
        assert Path(f"/proc/{pid}").stat()
        links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        if any("memfd:pyfix" in link for link in links):
            holders.append(pid)
    assert holders == [tls.instance.master()]
