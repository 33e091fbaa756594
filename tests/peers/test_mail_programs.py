"""Mail programs that log in: submission and POP3 with TLS, as users' programs talk.

Setup: one instance of `pyfix init` for all, with its certificate, and two accounts whose passwords are stored so that
CRAM-MD5 can be verified. Path: each program sends or fetches as its manual says, and trusts nobody but that
certificate. Check: the mail, the Received line that names TLS and login, and the log.
"""

from __future__ import annotations

import base64
import os
import poplib
import pty
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import DOMAIN, Instance, mail, new_instance, wait_until

ALICE = f"alice@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
BOBS_PASSWORD = "correct horse"
NOBODY = 65534
SENT = 3
"""Messages that wait for who fetches."""


class Site(Instance):
    """The instance."""

    @property
    def certificate(self) -> str:
        """What clients trust."""
        return f"{self.etc}/server.pem"

    def run(self, *command: str, stdin: str = "", **environ: str) -> str:
        """Run a program that succeeds, and return what it says."""
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environ}
        )
        assert done.returncode == 0, done.stdout + done.stderr + self.log
        return done.stdout + done.stderr

    def wait_for_subject(self, subject: str, user: str = "bob") -> str:
        """Return the Received line of the message with a subject."""
        found = wait_until(
            lambda: next((m for m in self.messages(user) if m["Subject"] == subject), None), f"{subject} for {user}"
        )
        return " ".join(str(found["Received"]).split())


@pytest.fixture
def own() -> Iterator[Path]:
    """A directory that an unprivileged user may enter."""
    path = Path(tempfile.mkdtemp(prefix="pyfix-own-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The instance, with mail for alice."""
    with new_instance(Site) as made:
        assert isinstance(made, Site)
        made.set(
            auth_mechanisms="plain, login, cram-md5", smtpd_sasl_authenticated_header="yes", pop3_lock_session="no"
        )
        made.set(password_scheme="CRAM-MD5", auth_failure_delay="0")
        for command, address, password in (("add", BOB, BOBS_PASSWORD), ("passwd", ALICE, made.password)):
            result = made.pyfix("user", command, address, "--password-stdin", input=f"{password}\n")
            assert result.returncode == 0, result.stderr
        made.start()
        for number in range(SENT):
            made.send(ALICE, mail(f"waiting {number}", "first line\n.dot\n"))
        made.wait_for_mail(SENT)
        yield made


@pytest.mark.peer("swaks")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks_logs_in(site: Site, need: Callable[[str], str], mechanism: str) -> None:
    """After STARTTLS; the header of the message says so."""
    site.run(
        need("swaks"), "--server", "localhost", "--port", str(site.ports["submission"]), "--tls", "--tls-verify",
        "--tls-ca-path", site.certificate, "--auth", mechanism, "--auth-user", BOB, "--auth-password", BOBS_PASSWORD,
        "--from", BOB, "--to", BOB, "--header", f"Subject: swaks {mechanism}",
    )  # fmt: skip
    received = site.wait_for_subject(f"swaks {mechanism}")
    assert "with ESMTPSA" in received and f"(Authenticated sender: {BOB})" in received
    assert f"sasl_method={mechanism}, sasl_username={BOB}" in site.log


@pytest.mark.peer("swaks")
def test_submission_wants_tls_login_and_an_address_of_ones_own(site: Site, need: Callable[[str], str]) -> None:
    """Each refusal in Postfix's words."""
    command = [need("swaks"), "--server", "localhost", "--port", str(site.ports["submission"]), "--to", BOB]
    login = ["--tls", "--auth", "PLAIN", "--auth-user", BOB, "--auth-password", BOBS_PASSWORD]
    for more, reply in (
        (["--from", BOB], "530 5.7.0 Must issue a STARTTLS command first"),
        (["--from", BOB, "--tls"], f"553 5.7.1 <{BOB}>: Sender address rejected: not logged in"),
        ([*login, "--from", ALICE], f"553 5.7.1 <{ALICE}>: Sender address rejected: not owned by user {BOB}"),
    ):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode != 0 and reply in done.stdout, done.stdout


@pytest.mark.peer("curl")
@pytest.mark.parametrize(("scheme", "service"), [("smtp", "submission"), ("smtps", "smtps")])
def test_curl_sends(site: Site, need: Callable[[str], str], scheme: str, service: str) -> None:
    """By STARTTLS, and with TLS from the first byte on."""
    site.run(
        need("curl"), "--silent", "--show-error", "--ssl-reqd", "--cacert", site.certificate,
        "--url", f"{scheme}://localhost:{site.ports[service]}", "--user", f"{BOB}:{BOBS_PASSWORD}",
        "--mail-from", BOB, "--mail-rcpt", BOB, "--upload-file", "-", stdin=f"Subject: curl {scheme}\n\nbody\n",
    )  # fmt: skip
    assert "with ESMTPSA" in site.wait_for_subject(f"curl {scheme}")


@pytest.mark.peer("curl")
@pytest.mark.parametrize(("scheme", "service"), [("pop3", "POP3"), ("pop3s", "POP3S")])
def test_curl_fetches(site: Site, need: Callable[[str], str], scheme: str, service: str) -> None:
    """The list, and a message with a line that begins with a dot."""
    command = [need("curl"), "--silent", "--show-error", "--ssl-reqd", "--cacert", site.certificate]
    url = f"{scheme}://localhost:{site.ports[service]}"
    listed = site.run(*command, "--user", f"{ALICE}:{site.password}", f"{url}/")
    assert [line.split()[0] for line in listed.splitlines()] == ["1", "2", "3"]
    message = site.run(*command, "--user", f"{ALICE}:{site.password}", f"{url}/1")
    assert "Subject: waiting 0" in message and message.splitlines()[-1] == ".dot"


@pytest.mark.peer("fetchmail")
def test_fetchmail_fetches(site: Site, need: Callable[[str], str], tmp_path: Path) -> None:
    """Over STLS, all of it, and leaves it there."""
    rc = tmp_path / "fetchmailrc"
    rc.write_text(
        f'poll localhost protocol POP3 port {site.ports["POP3"]} uidl user "{ALICE}" password "{site.password}"'
        f' sslproto TLS1.2+ sslcertck sslcertfile "{site.certificate}" keep mda "cat >>{tmp_path}/box"\n'
    )
    rc.chmod(0o600)
    site.run(need("fetchmail"), "--fetchmailrc", str(rc), "--nosyslog", FETCHMAILHOME=str(tmp_path), HOME=str(tmp_path))
    assert (tmp_path / "box").read_text().count("Subject: waiting") == SENT


@pytest.mark.peer("getmail")
def test_getmail_fetches_each_message_once(site: Site, need: Callable[[str], str], own: Path) -> None:
    """Over TLS from the first byte on; the second time its UIDLs say that nothing is new. It refuses to be root."""
    for name in ("new", "cur", "tmp"):
        (own / "box" / name).mkdir(parents=True)
    rc = own / "getmailrc"
    rc.write_text(
        f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = localhost\nport = {site.ports['POP3S']}\n"
        f"username = {ALICE}\npassword = {site.password}\nca_certs = {site.certificate}\n"
        f"[destination]\ntype = Maildir\npath = {own}/box/\n[options]\ndelete = false\nread_all = false\n"
    )
    rc.chmod(0o600)
    who = NOBODY if os.getuid() == 0 else None
    for path in (own, *own.rglob("*")):
        if who is not None:
            os.chown(path, who, who)
    for expected in (f"{SENT} messages", "0 messages"):
        command = [need("getmail"), "--getmaildir", str(own), "--rcfile", str(rc)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, user=who, group=who, cwd=own,
            env={**os.environ, "HOME": str(own)},
        )  # fmt: skip
        assert done.returncode == 0 and expected in done.stdout, done.stdout + done.stderr
    assert len(os.listdir(own / "box" / "new")) == SENT


@pytest.mark.peer("mutt")
def test_mutt_sends(site: Site, need: Callable[[str], str], tmp_path: Path) -> None:
    """By STARTTLS, with a login."""
    rc = tmp_path / "muttrc"
    rc.write_text(
        f'set from="{BOB}" use_envelope_from=yes\n'
        f'set smtp_url="smtp://{BOB.replace("@", "%40")}@localhost:{site.ports["submission"]}/"\n'
        f'set smtp_pass="{BOBS_PASSWORD}" ssl_force_tls=yes certificate_file="{site.certificate}" copy=no\n'
    )
    site.run(need("mutt"), "-n", "-F", str(rc), "-s", "mutt sends", "--", BOB, stdin="body\n", HOME=str(tmp_path))
    assert "with ESMTPSA" in site.wait_for_subject("mutt sends")


@pytest.mark.peer("mutt")
def test_mutt_fetches(site: Site, need: Callable[[str], str], tmp_path: Path) -> None:
    """It opens the mailbox over TLS on a terminal, and copies a message to a file."""
    rc, box = tmp_path / "muttrc", tmp_path / "box"
    rc.write_text(
        f'set pop_user="{ALICE}" pop_pass="{site.password}" ssl_force_tls=yes certificate_file="{site.certificate}"\n'
        "set confirmcreate=no confirmappend=no quit=yes move=no wait_key=no delete=no mbox_type=mbox pop_delete=no\n"
        f'push "<tag-pattern>~A<enter><tag-prefix><copy-message>{box}<enter><exit>"\n'
    )
    command = [need("mutt"), "-n", "-F", str(rc), "-f", f"pops://localhost:{site.ports['POP3S']}/"]
    parent, child = pty.openpty()
    process = subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, start_new_session=True,
        env={**os.environ, "HOME": str(tmp_path), "TERM": "vt100"},
    )  # fmt: skip
    os.close(child)
    shown = b""
    alarm = threading.Timer(30, process.kill)
    alarm.start()
    try:
        while data := os.read(parent, 4096):
            shown += data
    except OSError:
        pass  # the other end of the terminal is closed
    os.close(parent)
    alarm.cancel()
    assert process.wait(30) == 0, shown
    assert box.read_text().count("Subject: waiting") == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_smtplib_logs_in(site: Site, mechanism: str) -> None:
    """Python's own client, also with TLS from the first byte on."""
    trust = ssl.create_default_context(cafile=site.certificate)
    with smtplib.SMTP("localhost", site.ports["submission"], timeout=30) as smtp:
        smtp.starttls(context=trust)
        smtp.ehlo()
        smtp.user, smtp.password = BOB, BOBS_PASSWORD
        assert smtp.auth(mechanism, getattr(smtp, f"auth_{mechanism.lower().replace('-', '_')}"))[0] == 235
    with smtplib.SMTP_SSL("localhost", site.ports["smtps"], timeout=30, context=trust) as smtp:
        smtp.login(BOB, BOBS_PASSWORD)


def test_poplib_reads(site: Site) -> None:
    """CAPA, STLS, UIDL, TOP and RETR, both ways to TLS; the UIDLs are the same."""
    trust = ssl.create_default_context(cafile=site.certificate)
    plain = poplib.POP3("localhost", site.ports["POP3"], timeout=30)
    assert {"STLS", "UIDL", "TOP", "SASL"} <= plain.capa().keys()
    plain.stls(trust)
    secure = poplib.POP3_SSL("localhost", site.ports["POP3S"], timeout=30, context=trust)
    seen = []
    for client in (plain, secure):
        client.user(ALICE)
        client.pass_(site.password)
        assert client.stat()[0] == SENT
        assert client.top(2, 1)[1][-1] == b"first line"
        assert client.retr(3)[1][-1] == b".dot"
        seen.append(client.uidl()[1])
        client.quit()
    assert seen[0] == seen[1] and len(set(seen[0])) == SENT


def test_app_password_is_for_its_protocol(site: Site) -> None:
    """One for POP3 fetches and does not send; its use is noted; once it is deleted it is wrong."""
    result = site.pyfix("user", "app-password", "add", ALICE, "phone", "--for", "pop3")
    password = result.stdout.strip()
    trust = ssl.create_default_context(cafile=site.certificate)

    def fetch() -> None:
        client = poplib.POP3_SSL("localhost", site.ports["POP3S"], timeout=30, context=trust)
        try:
            client.user(ALICE)
            client.pass_(password)
        finally:
            client.close()

    fetch()
    assert "never" not in site.pyfix("user", "app-password", "list", ALICE).stdout
    smtp = smtplib.SMTP_SSL("localhost", site.ports["smtps"], timeout=30, context=trust)
    with smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(ALICE, password)
    assert site.pyfix("user", "app-password", "del", ALICE, "phone").returncode == 0
    with pytest.raises(poplib.error_proto, match="AUTH"):
        fetch()


def test_service_that_is_switched_off_is_so_at_once(site: Site) -> None:
    """For a mailbox, and for what expired yesterday; the other services go on."""
    trust = ssl.create_default_context(cafile=site.certificate)

    def fetches() -> bool:
        client = poplib.POP3_SSL("localhost", site.ports["POP3S"], timeout=30, context=trust)
        client.user(ALICE)
        try:
            client.pass_(site.password)
        except poplib.error_proto:
            return False
        finally:
            client.close()
        return True

    def sends() -> bool:
        with smtplib.SMTP_SSL("localhost", site.ports["smtps"], timeout=30, context=trust) as smtp:
            smtp.ehlo()
            answer = base64.b64encode(f"\0{ALICE}\0{site.password}".encode()).decode()
            return smtp.docmd("AUTH", f"PLAIN {answer}")[0] == 235

    for options, expected in (
        (("--disable", "pop3"), (False, True)),
        (("--enable", "pop3", "--disable", "smtpd"), (True, False)),
        (("--enable", "smtpd", "--expires", "2020-01-01"), (False, False)),
        (("--expires", "never"), (True, True)),
    ):
        assert site.pyfix("user", "set", ALICE, *options).returncode == 0
        assert (fetches(), sends()) == expected, options


@pytest.mark.peer("fail2ban-regex")
def test_fail2ban_finds_every_failed_login_once(site: Site, need: Callable[[str], str], tmp_path: Path) -> None:
    """In the log of the whole instance, by the stock filters of the jails postfix-sasl and dovecot."""
    trust = ssl.create_default_context(cafile=site.certificate)
    start = len(site.log)
    for name in (ALICE, f"nobody@{DOMAIN}"):
        with smtplib.SMTP_SSL("localhost", site.ports["smtps"], timeout=30, context=trust) as smtp:
            smtp.ehlo()
            answer = base64.b64encode(f"\0{name}\0wrong".encode()).decode()
            assert smtp.docmd("AUTH", f"PLAIN {answer}")[0] == 535
    for name in (ALICE, f"nobody@{DOMAIN}", "x> rip=192.0.2.99"):
        pop3 = poplib.POP3_SSL("localhost", site.ports["POP3S"], timeout=30, context=trust)
        pop3.user(name)
        with pytest.raises(poplib.error_proto):
            pop3.pass_("wrong")
        pop3.quit()
    wait_until(lambda: site.log[start:].count("(auth failed") == 3, "all lines")
    path = tmp_path / "log"
    path.write_text(site.log[start:])
    for name, expected in (("postfix[mode=auth]", 2), ("dovecot", 3)):
        report = subprocess.run([need("fail2ban-regex"), str(path), name], capture_output=True, text=True, check=False)
        assert f"Failregex: {expected} total" in report.stdout, report.stdout + site.log[start:]
