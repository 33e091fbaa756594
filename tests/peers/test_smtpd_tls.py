"""TLS in smtpd, beside the real Postfix with the same lines.

Setup: both, with one main.cf and one master.cf, a service for each set of options. Path: clients with every version,
cipher grade, name and certificate; swaks, openssl, and Postfix's own SMTP client. Check: the same sessions, or the same
failures; the same replies, log lines and Received: headers.
"""

from __future__ import annotations

import re
import shutil
import smtplib
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import free_port
from instance import Client, mail, wait_until
from postfix_pair import STOCK_MASTER_CF, MailSystem, make_pair
from sink import Sink
from tls_material import client_context, issue

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.peer("postfix"), pytest.mark.timeout(180)]

SERVICES = {
    "plain": "",
    "encrypt": "-o smtpd_tls_security_level=encrypt",
    "wrapper": "-o smtpd_tls_wrappermode=yes -o smtpd_tls_mandatory_protocols=TLSv1.3",
    "old": "-o smtpd_tls_protocols=!SSLv2,!SSLv3,!TLSv1.3",
    "new": "-o smtpd_tls_protocols=>=TLSv1.3",
    "high": "-o smtpd_tls_ciphers=high -o smtpd_tls_exclude_ciphers=AES256,CHACHA20",
    "null": "-o smtpd_tls_ciphers=null -o smtpd_tls_protocols=<=TLSv1.2",
    "preempt": "-o tls_preempt_cipherlist=yes -o smtpd_tls_protocols=<=TLSv1.2",
    "groups": "-o {tls_eecdh_auto_curves=secp384r1 X448}",
    "chains": "-o smtpd_tls_cert_file= -o smtpd_tls_chain_files=DIR/ec.pem",
    "anonymous": "-o smtpd_tls_cert_file=none",
    "ask": "-o smtpd_tls_ask_ccert=yes -o smtpd_tls_CAfile=DIR/ca.pem",
    "require": "-o smtpd_tls_security_level=encrypt -o smtpd_tls_req_ccert=yes -o smtpd_tls_CAfile=DIR/ca.pem",
    "none": "-o smtpd_tls_cert_file=",
    "sni": "-o tls_server_sni_maps=inline:{{sni.test=DIR/ec.pem},{.below.test=DIR/ec.pem}}",
}
"""Options of smtpd by the name of the case; DIR holds keys and certificates."""


@dataclass
class Pair:
    """Both systems, the ports of their services, and the clients' certificates."""

    systems: list[MailSystem]
    ports: list[dict[str, int]]
    folder: Path

    def both(self, service: str, attempt: Callable[[int], str]) -> list[str]:
        """Return what came of an attempt with each, Postfix first."""
        return [attempt(ports[service]) for ports in self.ports]


@pytest.fixture(scope="module")
def servers(need: Callable[[str], str]) -> Iterator[Pair]:
    """Running, for all tests of this file."""
    postfix = need("postfix")
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    directory = Path(tempfile.mkdtemp(prefix="pyfix-pair-"))
    directory.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        sink = stack.enter_context(Sink())
        make_files(directory)
        settings = {
            "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": f"{directory}/rsa.pem",
            "smtpd_tls_key_file": f"{directory}/rsa.pem", "smtpd_tls_loglevel": "1",
            "smtpd_tls_received_header": "yes", "notify_classes": "",
        }  # fmt: skip
        systems = make_pair(directory, free_port, sink.port, postfix, settings)
        ports = [add_services(system, directory) for system in systems]
        for system in systems:
            stack.callback(system.stop)
            system.start()
        yield Pair(systems, ports, directory)


def make_files(folder: Path) -> None:
    """Make the servers' chains, and those of a client that is trusted and of one that is not."""
    root = issue("authority", authority=True)
    (folder / "ca.pem").write_bytes(root.pem)
    for name, own in {
        "rsa": issue("rsa.test", kind="rsa"), "ec": issue("ec.test"), "trusted": issue("trusted.test", root),
        "stranger": issue("stranger.test", kind="rsa"),
    }.items():  # fmt: skip
        (folder / f"{name}.pem").write_bytes(own.key_pem + own.pem)


def add_services(system: MailSystem, folder: Path) -> dict[str, int]:
    """Append the services to master.cf; return their ports."""
    ports = {name: free_port() for name in SERVICES}
    with open(system.directory / "etc" / "master.cf", "a") as file:
        for name, options in SERVICES.items():
            file.write(f"{ports[name]} inet n - n - - smtpd {options.replace('DIR', str(folder))}\n")
    return ports


def handshake(port: int, context: ssl.SSLContext, name: str | None = None, *, wrapper: bool = False) -> str:
    """Return version, cipher and owner of the server's certificate, or why there is no session."""
    try:
        smtp = smtplib.SMTP_SSL if wrapper else smtplib.SMTP
        options = {"context": context} if wrapper else {}
        with smtp("127.0.0.1", port, local_hostname="client.test", timeout=20, **options) as client:  # type: ignore[arg-type]  # one of the two
            if not wrapper:
                client._host = name or "127.0.0.1"  # type: ignore[attr-defined]  # what starttls asks for
                code, text = client.starttls(context=context)
                if code != 220:
                    return f"{code} {text!r}"
            assert isinstance(client.sock, ssl.SSLSocket)
            der = client.sock.getpeercert(binary_form=True) or b""
            code, text = client.noop()
            names = [word for word in (b"rsa.test", b"ec.test") if word in der]
            return f"{client.sock.version()} {client.sock.cipher()} {names} {code} {text!r}"
    except ssl.SSLError as error:
        return f"fails: {error.reason}"
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {error.smtp_error!r}"
    except (OSError, smtplib.SMTPException) as error:
        return f"fails: {type(error).__name__}"


def context(version: str = "", ciphers: str = "", own: Path | None = None, group: str = "") -> ssl.SSLContext:
    """Return that of a client with a version of its own, or ciphers, or a certificate, or one group."""
    made = client_context()
    made.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0")
    if version:
        made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, version)
    if own is not None:
        made.load_cert_chain(own)
    if group:
        made.set_ecdh_curve(group)
    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "service", ["plain", "encrypt", "old", "new", "high", "null", "preempt", "chains", "anonymous"]
)
def test_versions_and_ciphers_are_those_of_postfix(servers: Pair, service: str) -> None:
    """Whatever a client offers comes to the same end."""
    offers = [
        context(), context("TLSv1"), context("TLSv1_1"), context("TLSv1_2"), context("TLSv1_3"),
        *(
            context("TLSv1_2", ciphers)
            for ciphers in (
                "AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-SHA",
                "ECDHE-ECDSA-AES256-GCM-SHA384", "aNULL", "eNULL", "CAMELLIA",
            )
        ),
    ]  # fmt: skip
    for offer in offers:
        postfix, pyfix = servers.both(service, lambda port, offer=offer: handshake(port, offer))  # type: ignore[misc]  # bound now
        assert pyfix == postfix


def test_wrapper_mode_is_that_of_postfix(servers: Pair) -> None:
    """With the parameters for mandatory TLS."""
    outcomes = [
        servers.both("wrapper", lambda port, version=version: handshake(port, context(version), wrapper=True))  # type: ignore[misc]  # bound now
        for version in ("TLSv1_2", "TLSv1_3")
    ]
    assert [postfix == pyfix for postfix, pyfix in outcomes] == [True, True]
    assert [pyfix[:8] for _, pyfix in outcomes] == ["fails: T", "TLSv1.3 "]


def test_groups_are_those_of_postfix(servers: Pair) -> None:
    """tls_eecdh_auto_curves."""
    for service in ("plain", "groups"):
        for group in ("prime256v1", "secp384r1", "secp521r1"):
            offer = context(group=group)
            postfix, pyfix = servers.both(service, lambda port, offer=offer: handshake(port, offer))  # type: ignore[misc]  # bound now
            assert pyfix == postfix


def test_client_certificates_are_treated_as_in_postfix(servers: Pair) -> None:
    """Asked for, required; from nobody, from somebody that is trusted, from a stranger."""
    for service in ("ask", "require"):
        for own in (None, servers.folder / "trusted.pem", servers.folder / "stranger.pem"):
            for version in ("TLSv1_2", "TLSv1_3"):
                offer = context(version, own=own)
                postfix, pyfix = servers.both(service, lambda port, offer=offer: handshake(port, offer))  # type: ignore[misc]  # bound now
                assert pyfix == postfix


@pytest.mark.parametrize("name", [None, "sni.test", "SNI.test", "a.b.below.test", "below.test", "other.test"])
def test_names_choose_the_certificates_that_they_choose_in_postfix(servers: Pair, name: str | None) -> None:
    """tls_server_sni_maps."""
    offer = context()
    postfix, pyfix = servers.both("sni", lambda port: handshake(port, offer, name))
    assert pyfix == postfix


COMMANDS = (
    "NOOP", "RSET", "HELO x", "EHLO x", "MAIL FROM:<>", "VRFY x", "ETRN x", "AUTH PLAIN", "STARTTLS x",
    "XYZZY", "QUIT",
)  # fmt: skip


@pytest.mark.parametrize("service", ["plain", "encrypt", "none"])
def test_replies_in_the_clear_are_those_of_postfix(servers: Pair, service: str) -> None:
    """What may be said before STARTTLS, and what STARTTLS says without a certificate."""
    replies = []
    for ports in servers.ports:
        with smtplib.SMTP("127.0.0.1", ports[service], timeout=20) as client:
            commands = (*COMMANDS[:-1], "STARTTLS", "MAIL FROM:<>", "QUIT") if service == "none" else COMMANDS
            replies.append([(command, client.docmd(command)) for command in commands])
    assert replies[1] == replies[0]


def sessions(system: MailSystem) -> list[str]:
    """Return what the log says of sessions, without times, processes and names of source files."""
    found = []
    for line in (system.directory / "log").read_text().splitlines():
        at = re.search(r"/smtpd\[\d+\]: (.*)", line)
        if at and re.search(r"TLS|SSL|abort|lost|verification|disconnect", at[1]):
            found.append(re.sub(r":\.\./\S+:\d+:$", ":", at[1]))
    return found


def test_log_and_received_header_are_those_of_postfix(servers: Pair) -> None:
    """To the letter: a session, a message in one, a client that breaks off, one without a certificate, a name."""
    told, headers = [], []
    for system, ports in zip(servers.systems, servers.ports, strict=True):
        before = len(sessions(system))
        for own in (None, servers.folder / "trusted.pem", servers.folder / "stranger.pem"):
            send(ports["ask"], context(own=own))
        send(ports["chains"], context("TLSv1_2"))
        handshake(ports["new"], context("TLSv1_2"))
        handshake(ports["require"], context())
        handshake(ports["sni"], context(), "sni.test")
        handshake(ports["sni"], context(), "other.test")
        wait_until(lambda: len(sessions(system)) - before >= 20, "the end of the last session")  # noqa: B023
        told.append(sessions(system)[before:])
        headers.append([received(text) for text in system.delivered(4)])
    assert told[1] == told[0]
    assert headers[1] == headers[0]


def send(port: int, offer: ssl.SSLContext) -> None:
    """Send one message over TLS."""
    client = Client(port)
    client.smtp.starttls(context=offer)
    client.smtp.ehlo()
    client.send("me@client.test", ["box@pair.test"], mail("over TLS"))
    client.close()


def received(message: bytes) -> str:
    """Return the Received: header of a message."""
    found = re.search(rb"(?ms)^Received: .*?\n(?!\t)", message)
    assert found, message
    return found[0].decode()


def test_postfix_as_a_client_delivers_over_tls(servers: Pair, tmp_path: Path) -> None:
    """Its SMTP client with smtp_tls_security_level = encrypt, into pyfix."""
    postfix, pyfix = servers.systems
    main_cf = postfix.directory / "etc" / "main.cf"
    text = main_cf.read_text()
    port = servers.ports[1]["plain"]
    main_cf.write_text(
        re.sub(r"(?m)^smtp_tls_security_level.*$", "smtp_tls_security_level = encrypt", text)
        + f"transport_maps = inline:{{to.test=smtp:[127.0.0.1]:{port}}}\nrelay_domains = to.test\n"
    )
    etc = pyfix.directory / "etc" / "main.cf"
    etc.write_text(etc.read_text() + "virtual_mailbox_domains = pair.test to.test\n")
    for system in servers.systems:
        assert system.run("reload").returncode == 0
    client = Client(postfix.port)
    client.send("me@client.test", ["box@to.test"], mail("from Postfix"))
    client.close()
    path = pyfix.directory / "mail" / "box" / "Maildir" / "new"
    wait_until(lambda: any(b"from Postfix" in item.read_bytes() for item in path.glob("*")), "the message", 30)
    (message,) = [item.read_text() for item in path.glob("*") if b"from Postfix" in item.read_bytes()]
    assert "with ESMTPS id" in message and "\t(using TLSv1.3 with cipher " in message


@pytest.mark.peer("swaks", "openssl")
def test_swaks_and_openssl(servers: Pair, need: Callable[[str], str]) -> None:
    """STARTTLS and TLS from the first byte on, and the code of openssl's own look at the chain."""
    port, wrapper = servers.ports[1]["encrypt"], servers.ports[1]["wrapper"]
    for options in (["--tls", "--port", str(port)], ["--tls-on-connect", "--port", str(wrapper)]):
        done = subprocess.run(
            [need("swaks"), "--server", "127.0.0.1", *options, "--to", "box@pair.test", "--from", "me@client.test"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    shown = subprocess.run(
        [need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-CAfile",
         str(servers.folder / "rsa.pem"), "-brief"],
        input="QUIT\r\n", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Verification: OK" in shown.stderr and "CN = rsa.test" in shown.stderr
