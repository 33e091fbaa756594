"""A real Postfix whose clients log in at pyfix's auth service: smtpd_sasl_type = dovecot."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from instance import Instance, free_port, new_instance, wait_until
from postfix_pair import STOCK_MASTER_CF, MailSystem

PASSWORD = "geheim: pass wörd"
SETTINGS = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_security_options": "noanonymous",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
    "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
}
pytestmark = [pytest.mark.root, pytest.mark.peer("postfix"), pytest.mark.peer("swaks")]


@pytest.fixture(scope="module")
def service(need: Callable[[str], str]) -> Iterator[Instance]:
    """A pyfix that runs, with one account."""
    with new_instance() as instance:
        instance.set(
            auth_mechanisms="plain login cram-md5 scram-sha-256", auth_failure_delay="0", password_scheme="PLAIN"
        )
        done = instance.pyfix("user", "passwd", instance.address, "--password-stdin", input=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
        instance.start()
        yield instance


@pytest.fixture(scope="module")
def postfix(service: Instance, need: Callable[[str], str]) -> Iterator[MailSystem]:
    """A Postfix that asks it."""
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    system = MailSystem("postfix", service.directory / "postfix", free_port(), [need("postfix")])
    system.lay_out(0, {**SETTINGS, "smtpd_sasl_path": f"{service.spool}/private/auth"})
    system.start()
    yield system
    system.stop()


def swaks(need: Callable[[str], str], postfix: MailSystem, user: str, mechanism: str, password: str) -> tuple[int, str]:
    """Log in and send a message; return the exit status and the dialogue."""
    command = [need("swaks"), "--server", "127.0.0.1", "--port", str(postfix.port), "--to", "box@pair.test"]
    command += ["--from", "me@client.test", "--helo", "client.test"]
    command += ["--auth", mechanism, "--auth-user", user, "--auth-password", password]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_clients_of_postfix_log_in(
    need: Callable[[str], str], postfix: MailSystem, service: Instance, mechanism: str
) -> None:
    """With the right password alone; Postfix logs who it is, and what fail2ban looks for."""
    status, dialogue = swaks(need, postfix, service.address, mechanism, PASSWORD)
    assert status == 0 and "235 2.7.0 Authentication successful" in dialogue, dialogue
    status, dialogue = swaks(need, postfix, service.address, mechanism, "wrong")
    assert "535 5.7.8 Error: authentication failed" in dialogue, dialogue
    status, other = swaks(need, postfix, "nobody@example.test", mechanism, "wrong")
    assert re.findall(r"535 .*", other) == re.findall(r"535 .*", dialogue)
    log = (postfix.directory / "log").read_text()
    assert f"sasl_method={mechanism}, sasl_username={service.address}" in log
    assert re.search(rf"warning: \S+\[127\.0\.0\.1\]: SASL {mechanism} authentication failed:", log)
    service.wait_for_log(
        rf"auth: login failed: user=<{service.address}>, method={mechanism}.*rip=127.0.0.1: accounts: Pass"
    )


def test_auth_that_is_killed_is_back_for_the_next_login(
    need: Callable[[str], str], postfix: MailSystem, service: Instance
) -> None:
    """kill -9: who comes next is served by another process."""
    assert swaks(need, postfix, service.address, "PLAIN", PASSWORD)[0] == 0

    def pids() -> list[int]:
        return [pid for pid in service.processes() if is_auth(pid)]

    (pid,) = pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in pids(), "end of auth")
    wait_until(lambda: swaks(need, postfix, service.address, "PLAIN", PASSWORD)[0] == 0, "another login")
    assert pid not in pids()


@pytest.mark.peer("mutt")
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_mutt_logs_in_by_scram(
    need: Callable[[str], str], postfix: MailSystem, service: Instance, tmp_path: Path, password: str
) -> None:
    """Cyrus' client library proves the password, and has the server prove it, too."""
    (tmp_path / "muttrc").write_text(
        f'set smtp_url="smtp://{service.address.replace("@", "%40")}@127.0.0.1:{postfix.port}/"\n'
        f'set smtp_pass="{password}"\nset smtp_authenticators="scram-sha-256"\n'
        "set ssl_starttls=no\nset ssl_force_tls=no\n"
        'set from="me@client.test"\nset copy=no\nset hostname="client.test"\n'
    )
    done = subprocess.run(
        [need("mutt"), "-F", str(tmp_path / "muttrc"), "-s", "hello", "box@pair.test"],
        input="body\n", capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    if password == PASSWORD:
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"sasl_method=SCRAM-SHA-256, sasl_username={service.address}" in (postfix.directory / "log").read_text()
    else:
        assert done.returncode != 0, done.stdout

        service.wait_for_log(
            rf"auth: login failed: user=<{service.address}>, method=SCRAM-SHA-256.*: accounts: Password"
        )


def is_auth(pid: int) -> bool:
    """True for the auth process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"auth ")
    except OSError:
        return False
