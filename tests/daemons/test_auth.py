"""A real auth process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from auth_client import AuthClient, plain, request
from harness import RunningWorker, run_worker
from issuer import running_issuer

from pyfix.daemons.auth.daemon import SERVICE
from pyfix.mail.accounts import Domain, Mailbox, Service, Standing, now_text, open_store
from pyfix.mail.accounts.records import AppPassword
from pyfix.mail.config import Config
from pyfix.mail.passwords import hash_password
from pyfix.proto.dovecot_auth import (
    Cancel,
    Challenge,
    Continue,
    Failed,
    FindUser,
    Found,
    NotFound,
    RedeemTicket,
    Succeeded,
)

PASSWORDS = {"alice": "{PLAIN}geheim", "bob": hash_password(b"secret", "SSHA256"), "carol": "$1$garbage"}
MAIN_CF = """
accounts_database = sqlite:{directory}/accounts.db
data_directory = {directory}
mail_owner = root
password_scheme = SSHA256
auth_mechanisms = plain login cram-md5 scram-sha-256
auth_failure_delay = 0
virtual_mailbox_domains = accounts:domains
virtual_mailbox_maps = accounts:mailboxes
virtual_mailbox_base = {directory}/mail
virtual_uid_maps = static:5000
virtual_gid_maps = static:6000
mydestination =
"""
EXPIRED = Standing(expires=date(2020, 1, 31))
NO_POP3 = Standing(disabled=frozenset({Service.POP3}))
OUTSIDE = "192.0.2.1"


def make_accounts(directory: Path, main_cf: str) -> None:
    """Make a domain with some mailboxes."""
    (directory / "etc").mkdir(exist_ok=True)
    (directory / "etc" / "main.cf").write_text(main_cf)
    store = open_store(Config.load(str(directory / "etc")), create=True)
    store.domains.add(Domain("x.test"))
    accounts = {
        **{name: (password, Standing()) for name, password in PASSWORDS.items()},
        "old": ("{PLAIN}geheim", EXPIRED),
        "smtponly": ("{PLAIN}geheim", NO_POP3),
        "nobody": ("", Standing()),
    }
    for name, (password, standing) in accounts.items():
        address = f"{name}@x.test"
        store.mailboxes.add(Mailbox(address, "x.test", password, maildir=f"x.test/{name}/Maildir/", standing=standing))
    store.close()


@contextmanager
def running(directory: Path, more: str = "", public: bool = False) -> Iterator[RunningWorker]:
    """An auth process with these accounts."""
    main_cf = MAIN_CF.format(directory=directory) + more
    if not (directory / "accounts.db").exists():
        make_accounts(directory, main_cf)
    with run_worker(SERVICE, main_cf, directory, name="auth", public=public) as worker:
        yield worker


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """One that most tests share."""
    with running(tmp_path_factory.mktemp("auth")) as started:
        yield started


@pytest.fixture
def client(worker: RunningWorker) -> Iterator[AuthClient]:
    """A connection to it."""
    with AuthClient(worker.path) as connected:
        yield connected


def failed(answer: object) -> Failed:
    """The answer, which must say no for good."""
    assert isinstance(answer, Failed) and not answer.is_temporary, answer
    return answer


def test_greeting_offers_what_is_configured(client: AuthClient) -> None:
    """In the order of auth_mechanisms; anonymous is not there."""
    assert client.session.greeting is not None
    assert [offer.name for offer in client.session.greeting.mechanisms] == [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-256",
    ]


@pytest.mark.parametrize(("login", "password"), [("alice@x.test", "geheim"), ("Bob@X.Test", "secret")])
def test_plain_and_login(client: AuthClient, login: str, password: str) -> None:
    """The name that comes back is the canonical one."""
    good = Succeeded(7, {"user": login.lower()})
    assert client.ask(plain(login, password)) == good
    assert client.ask(request("LOGIN")) == Challenge(7, b"Username:")
    assert client.ask(Continue(7, login.encode())) == Challenge(7, b"Password:")
    assert client.ask(Continue(7, password.encode())) == good
    assert client.ask(request("PLAIN", f"{login}\0{login}\0{password}".encode())) == good


def test_cram_md5(worker: RunningWorker, client: AuthClient) -> None:
    """With the stored password; not with a hash of it."""
    for login, password in (("alice@x.test", b"geheim"), ("bob@x.test", b"secret"), ("none@x.test", b"secret")):
        challenge = client.ask(request("CRAM-MD5"))
        assert isinstance(challenge, Challenge) and challenge.data.endswith(b"@mail.example.test>")
        digest = hmac.new(password, challenge.data, hashlib.md5).hexdigest()
        answer = client.ask(Continue(7, f"{login} {digest}".encode()))
        assert answer == (Succeeded(7, {"user": login}) if "alice" in login else Failed(7, {"user": login}))
    worker.wait_for_line("user=<bob@x.test>, method=CRAM-MD5, service=smtp: accounts: no stored password that CRAM-MD5")
    worker.wait_for_line("user=<none@x.test>, method=CRAM-MD5, service=smtp: unknown user")


@pytest.mark.parametrize("is_final_ok", [True, False])
def test_scram(client: AuthClient, is_final_ok: bool) -> None:
    """The server's proof comes with OK where the client can take it there, else as one more challenge."""
    first = b"n=alice@x.test,r=abc"
    fields = {"final-resp-ok": ""} if is_final_ok else {}
    challenge = client.ask(request("SCRAM-SHA-256", b"n,," + first, **fields))
    assert isinstance(challenge, Challenge)
    told = dict(item.split(b"=", 1) for item in challenge.data.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", b"geheim", base64.b64decode(told[b"s"]), int(told[b"i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    message = first + b"," + challenge.data + b",c=biws,r=" + told[b"r"]
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature, strict=True)))
    answer = client.ask(Continue(7, b"c=biws,r=" + told[b"r"] + b",p=" + proof))
    server = b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
    if is_final_ok:
        assert answer == Succeeded(7, {"user": "alice@x.test", "resp": base64.b64encode(server).decode()})
    else:
        assert answer == Challenge(7, server)
        assert client.ask(Continue(7, b"")) == Succeeded(7, {"user": "alice@x.test"})


@pytest.mark.parametrize(
    ("login", "password", "reason"),
    [
        ("alice@x.test", "wrong", "accounts: Password mismatch"),
        ("none@x.test", "geheim", "unknown user"),
        ("nobody@x.test", "geheim", "accounts: Password mismatch"),
        ("carol@x.test", "garbage", "accounts: Password mismatch"),
        ("old@x.test", "geheim", "accounts: the mailbox is: expired on 2020-01-31"),
        ("old@x.test", "wrong", "accounts: Password mismatch"),
        ("alice@x.test", "", "accounts: empty password"),
        ("alice@x.test", "x" * 1025, "accounts: a password of 1025 bytes; the longest that is taken has 1024"),
    ],
)
def test_reason_is_in_the_log_alone(
    worker: RunningWorker, client: AuthClient, login: str, password: str, reason: str
) -> None:
    """Whatever it is, the answer is the same."""
    assert failed(client.ask(plain(login, password, rip=OUTSIDE, **{"no-penalty": ""}))).fields == {"user": login}
    worker.wait_for_line(f"auth: login failed: user=<{login}>, method=PLAIN, service=smtp, rip={OUTSIDE}: {reason}")
    assert not password or not any(f" {password}" in line for line in worker.log_lines() if len(password) > 100)


def test_broken_stored_password_is_told_of(worker: RunningWorker, client: AuthClient) -> None:
    """It is nobody's."""
    failed(client.ask(plain("carol@x.test", "x")))
    worker.wait_for_line("auth: warning: accounts: carol@x.test: broken MD5-CRYPT text in a stored password")


def test_disabled_service_is_disabled(worker: RunningWorker, client: AuthClient) -> None:
    """For that service alone."""
    assert client.ask(plain("smtponly@x.test", "geheim")) == Succeeded(7, {"user": "smtponly@x.test"})
    failed(client.ask(plain("smtponly@x.test", "geheim", service="pop3")))
    worker.wait_for_line("service=pop3: accounts: the mailbox is: pop3 is disabled")


def test_nobody_is_somebody_else(worker: RunningWorker, client: AuthClient) -> None:
    """An authorization identity that is not the login's own is refused."""
    failed(client.ask(request("PLAIN", b"bob@x.test\0alice@x.test\0geheim")))
    worker.wait_for_line("may not log in as somebody else")


def test_log_line_for_others_is_dovecots(worker: RunningWorker, client: AuthClient) -> None:
    """A service that logs nothing itself; and a login can't pretend to be the rest of the line."""
    failed(client.ask(plain("alice@x.test", "wrong", service="sieve", rip="127.0.0.1")))
    worker.wait_for_line("auth: accounts(alice@x.test,127.0.0.1): Password mismatch")
    failed(client.ask(plain("a,192.0.2.9): unknown user", "wrong", service="sieve", rip="127.0.0.1")))
    worker.wait_for_line("auth: auth(a?192.0.2.9???unknown?user,127.0.0.1): unknown user")


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\0\xff\xfe\0x", b"\0a\0b\0c", b"\0a'; DROP TABLE mailbox; --\0x", b"\0a\r\nb\0x", b"\0\\\0\\"],
)
def test_bad_input_is_refused(client: AuthClient, data: bytes) -> None:
    """And the next login on the connection is as good as ever."""
    failed(client.ask(request("PLAIN", data)))
    assert isinstance(client.ask(plain("alice@x.test", "geheim")), Succeeded)


def test_base64_garbage_fails_alone(client: AuthClient) -> None:
    """At the beginning and later."""
    assert failed(client.raw(b"AUTH\t3\tPLAIN\tservice=smtp\tresp=!!!\n")).fields["code"] == "invalid_base64"
    client.ask(request("LOGIN"))
    assert failed(client.raw(b"CONT\t7\t!!!\n")).fields["code"] == "invalid_base64"
    assert failed(client.ask(Continue(7, b"x"))).fields == {"reason": "Authentication request timed out"}
    assert isinstance(client.ask(plain("alice@x.test", "geheim")), Succeeded)


def test_cancelled_login_is_over(client: AuthClient) -> None:
    """Its id is free again; there is no answer."""
    client.ask(request("LOGIN"))
    client.send(Cancel(7))
    assert client.ask(plain("alice@x.test", "geheim")) == Succeeded(7, {"user": "alice@x.test"})


@pytest.mark.parametrize(
    "line", [b"NOISE\n", b"AUTH\t1\tNOSUCH\tservice=x\n", b"AUTH\t7\tLOGIN\tservice=x\n", b"A" * 20000]
)
def test_client_that_breaks_the_protocol_is_cut_off(worker: RunningWorker, line: bytes) -> None:
    """With a line in the log; others go on."""
    with AuthClient(worker.path) as client:
        client.ask(request("LOGIN"))
        with pytest.raises(EOFError):
            client.raw(line)
    worker.wait_for_line("auth: warning: auth: bad request from a local client: ")
    with AuthClient(worker.path) as client:
        assert isinstance(client.ask(plain("alice@x.test", "geheim")), Succeeded)


def test_logins_on_one_connection_do_not_wait_for_each_other(client: AuthClient) -> None:
    """A hundred at once, each with its own answer."""
    for number in range(1, 101):
        client.send(plain("alice@x.test", "geheim" if number % 2 else "wrong", number=number))
    answers = {answer.id: answer for answer in (client.receive() for _ in range(100))}
    assert all(isinstance(answers[number], Succeeded if number % 2 else Failed) for number in range(1, 101))


@pytest.mark.root
def test_ticket_tells_where_the_mail_is_once(client: AuthClient, worker: RunningWorker) -> None:
    """To root; for a service that wants one."""
    answer = client.ask(plain("alice@x.test", "geheim", service="pop3", ticket=""))
    assert isinstance(answer, Succeeded)
    ticket = answer.fields["ticket"]
    assert len(bytes.fromhex(ticket)) == 16
    place = {
        "uid": "5000", "gid": "6000", "home": f"{worker.directory}/mail/x.test/alice",
        "mail": f"maildir:{worker.directory}/mail/x.test/alice/Maildir", "quota": "0",
    }  # fmt: skip
    assert client.ask(RedeemTicket(8, ticket)) == Found(8, "alice@x.test", place)
    assert client.ask(RedeemTicket(9, ticket)) == NotFound(9)
    assert client.ask(FindUser(10, "Alice@x.test", {"service": "pop3"})) == Found(10, "alice@x.test", place)
    assert client.ask(FindUser(11, "none@x.test", {"service": "pop3"})) == NotFound(11)


@pytest.mark.root
@pytest.mark.parametrize("authorized", ["", "nobody, games"])
def test_who_may_ask(tmp_path: Path, authorized: str) -> None:
    """Others than root and mail_owner by name only, and where mail is they are not told at all."""
    import pwd

    user = pwd.getpwnam("games")
    with running(tmp_path, f"auth_authorized_users = {authorized}\n", public=True) as worker:
        os.chmod(worker.path, 0o666)
        (tmp_path / "public").chmod(0o755)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.chdir(tmp_path / "public")
            os.setuid(user.pw_uid)
            said = "cut off"
            try:
                with AuthClient("auth") as client:
                    said = type(client.ask(plain("alice@x.test", "geheim"))).__name__
                    said += " " + type(client.ask(FindUser(1, "alice@x.test", {}))).__name__
            except EOFError:
                said += ", end"
            os.write(writer, said.encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        assert os.read(reader, 100) == (b"Succeeded, end" if authorized else b"cut off, end")
        os.close(reader)
        worker.wait_for_line("bad request from a local client: " + ("only root may ask" if authorized else "user id "))


def test_failures_cost_time_and_then_a_ban(tmp_path: Path) -> None:
    """Each address for itself; the same wrong password again does not count; banned is refused in the same words."""
    with running(tmp_path, "auth_failure_limit = 3\n") as worker, AuthClient(worker.path) as client:
        for _ in range(5):
            failed(client.ask(plain("alice@x.test", "old one", rip=OUTSIDE)))
        for number in range(2):
            assert isinstance(client.ask(plain("alice@x.test", "geheim", rip=OUTSIDE)), Succeeded)
            failed(client.ask(plain("alice@x.test", f"guess {number}", rip=OUTSIDE)))
        for number in range(3):
            failed(client.ask(plain(f"user{number}@x.test", "guess", rip=OUTSIDE)))
        worker.wait_for_line(f"auth: warning: {OUTSIDE}: too many failed logins: refused for 600s")
        assert failed(client.ask(plain("alice@x.test", "geheim", rip=OUTSIDE))).fields == {}
        worker.wait_for_line("login refused: user=<>")
        assert isinstance(client.ask(plain("alice@x.test", "geheim", rip="192.0.2.2")), Succeeded)
        assert isinstance(client.ask(plain("alice@x.test", "geheim", rip="127.0.0.1")), Succeeded)


def test_guesses_at_once_are_counted_like_others(tmp_path: Path) -> None:
    """No more are tried than may fail, whichever way they come; nor is who waits for a place forgotten."""
    with running(tmp_path, "auth_failure_limit = 3\n") as worker, AuthClient(worker.path) as client:
        for number in range(1, 41):
            client.send(plain("bob@x.test", f"guess {number}", number=number, rip=OUTSIDE))
        for number in range(41, 61):
            client.send(plain("bob@x.test", "secret", number=number, rip="192.0.2.2"))
        answers = [client.receive() for _ in range(60)]
        assert sum(isinstance(answer, Succeeded) for answer in answers) == 20
        assert sum("Password mismatch" in line for line in worker.log_lines()) == 3
        assert sum("login refused" in line for line in worker.log_lines()) == 37


def test_failure_is_answered_so_long_after_the_request(tmp_path: Path) -> None:
    """A success at once, meanwhile; an unknown user no sooner than a wrong password."""
    with running(tmp_path, "auth_failure_delay = 1s\n") as worker, AuthClient(worker.path) as client:
        started = time.monotonic()
        client.send(plain("alice@x.test", "wrong", number=1, rip="127.0.0.1"))
        client.send(plain("none@x.test", "wrong", number=2, rip="127.0.0.1"))
        client.send(plain("alice@x.test", "geheim", number=3, rip="127.0.0.1"))
        assert isinstance(client.receive(), Succeeded)
        assert time.monotonic() - started < 0.9
        failed(client.receive())
        failed(client.receive())
        assert time.monotonic() - started >= 1.0


def test_old_hashes_are_renewed(tmp_path: Path) -> None:
    """With password_rehash, by who logs in; the new one is good."""
    with running(tmp_path, "password_rehash = yes\n") as worker, AuthClient(worker.path) as client:
        for _ in range(2):
            assert isinstance(client.ask(plain("alice@x.test", "geheim")), Succeeded)
    store = open_store(Config.load(str(tmp_path / "etc")))
    assert store.mailboxes.get("alice@x.test").password.startswith("{SSHA256}")
    store.close()


def test_without_accounts_everybody_is_unknown(tmp_path: Path) -> None:
    """The file comes with the first domain, and is known then."""
    main_cf = MAIN_CF.format(directory=tmp_path)
    with run_worker(SERVICE, main_cf, tmp_path, name="auth") as worker, AuthClient(worker.path) as client:
        failed(client.ask(plain("alice@x.test", "geheim")))
        make_accounts(tmp_path, main_cf)
        assert isinstance(client.ask(plain("alice@x.test", "geheim")), Succeeded)


def test_database_that_is_gone_is_a_temporary_failure(tmp_path: Path) -> None:
    """Nobody is told that the password is wrong."""
    with running(tmp_path, "") as worker, AuthClient(worker.path) as client:
        (tmp_path / "accounts.db").write_bytes(b"garbage" * 1000)
        answer = client.ask(plain("alice@x.test", "geheim"))
        assert isinstance(answer, Failed) and answer.is_temporary
        worker.wait_for_line("auth: warning: login deferred: user=<alice@x.test>")
        challenge = client.ask(request("CRAM-MD5"))
        assert isinstance(challenge, Challenge)
        answer = client.ask(Continue(7, b"alice@x.test " + b"0" * 32))
        assert isinstance(answer, Failed) and answer.is_temporary


@pytest.mark.parametrize(
    ("main_cf", "message"),
    [
        (
            "auth_mechanisms = plain anonymous",
            "auth_mechanisms: unknown mechanism anonymous; specify some of plain,",
        ),
        ("auth_mechanisms = xoauth2", "auth_mechanisms: xoauth2 needs auth_oauth2_introspection_url or"),
        ("auth_username_format = %x", "bad value auth_username_format = %x; specify text with %u"),
        ("auth_authorized_users = nosuchuser", "auth_authorized_users: unknown user: nosuchuser"),
        (
            "auth_oauth2_client_id = us\nauth_oauth2_jwks_url = ftp://x/",
            "auth_oauth2_jwks_url = ftp://x/; specify http:",
        ),
    ],
)
def test_bad_configuration_is_one_fatal_line(tmp_path: Path, main_cf: str, message: str) -> None:
    """With file, line, value and remedy."""
    with run_worker(SERVICE, MAIN_CF.format(directory=tmp_path) + main_cf, tmp_path, name="auth") as worker:
        assert message in worker.wait_for_line("auth: fatal: ")


def test_retiring_process_finishes_what_is_under_way(tmp_path: Path) -> None:
    """Then closes, and the client finds the next one."""
    with running(tmp_path) as worker, AuthClient(worker.path) as busy, AuthClient(worker.path) as idle:
        busy.ask(request("LOGIN"))
        worker.status.send(b"S")
        with pytest.raises(EOFError):
            idle.receive()
        busy.ask(Continue(7, b"alice@x.test"))
        assert isinstance(busy.ask(Continue(7, b"geheim")), Succeeded)
        with pytest.raises(EOFError):
            busy.receive()
        assert worker.stop() == 0


def test_tokens(tmp_path: Path) -> None:
    """Good for a user that there is; the client hears why another one is not."""
    more = "auth_mechanisms = xoauth2 oauthbearer\nauth_oauth2_introspection_url = {url}/\nauth_oauth2_scope = mail\n"
    with running_issuer() as issuer, running(tmp_path, more.format(url=issuer.url)) as worker:
        issuer.says(200, {"active": True, "email": "Alice@x.test", "scope": "mail"})
        with AuthClient(worker.path) as client:
            bearer = request("XOAUTH2", b"user=alice@x.test\x01auth=Bearer abc\x01\x01")
            assert client.ask(bearer) == Succeeded(7, {"user": "alice@x.test"})
            unnamed = request("OAUTHBEARER", b"n,,\x01auth=Bearer abc\x01\x01")
            assert client.ask(unnamed) == Succeeded(7, {"user": "alice@x.test"})
            told = client.ask(request("XOAUTH2", b"user=bob@x.test\x01auth=Bearer abc\x01\x01"))
            assert told == Challenge(7, b'{"status":"401","schemes":"bearer","scope":"mail"}')
            worker.wait_for_line("method=XOAUTH2, service=smtp: the token is somebody else's")
            assert failed(client.ask(Continue(7, b""))).fields == {"user": "bob@x.test"}
            issuer.says(200, {"active": True, "email": "eve@x.test", "scope": "mail"})
            failed(client.ask(request("OAUTHBEARER", b"n,,\x01auth=Bearer abc\x01\x01")))
            issuer.says(500, {})
            answer = client.ask(bearer)
            assert isinstance(answer, Failed) and answer.is_temporary
            worker.wait_for_line(f"login deferred: user=<alice@x.test>, method=XOAUTH2, service=smtp: {issuer.url}/: ")


def test_realm_and_crowd(tmp_path: Path) -> None:
    """auth_default_realm completes a login; with one thread, everybody has a turn; auth_ban_time is what is told."""
    more = "auth_default_realm = x.test\nauth_worker_max_count = 1\nauth_ban_time = 5s\nauth_failure_limit = 1\n"
    with running(tmp_path, more) as worker, AuthClient(worker.path) as client:
        for number in range(1, 11):
            client.send(plain("alice", "geheim", number=number))
        for _ in range(10):
            answer = client.receive()
            assert isinstance(answer, Succeeded) and answer.user == "alice@x.test"
        failed(client.ask(plain("alice", "wrong", rip=OUTSIDE)))
        worker.wait_for_line(f"{OUTSIDE}: too many failed logins: refused for 5s")


def test_app_password_is_good_for_its_services(tmp_path: Path) -> None:
    """And when it was used is noted."""
    with running(tmp_path) as worker, AuthClient(worker.path) as client:
        store = open_store(Config.load(str(tmp_path / "etc")))
        address, services = "bob@x.test", frozenset({Service.POP3})
        stored = hash_password(b"app", "SSHA256")
        store.app_passwords.add(AppPassword(address, "phone", stored, services, now_text()))
        assert isinstance(client.ask(plain(address, "app", service="pop3")), Succeeded)
        for other in ("smtp", "submission", "xmpp"):
            failed(client.ask(plain(address, "app", service=other)))
        assert isinstance(client.ask(plain(address, "secret", service="smtp")), Succeeded)
        (app,) = store.app_passwords.all(address)
        assert app.used
        store.close()


def test_edited_file_counts_without_a_reload(tmp_path: Path) -> None:
    """A fresh process reads it; one that is wrong leaves the old in force."""
    conf = tmp_path / "sql.conf"
    good = f"driver = sqlite\nconnect = {tmp_path}/none.db\npassword_query = SELECT 1\n"
    conf.write_text(good)
    with running(tmp_path, f"auth_backends = dovecot-sql:{conf}\n") as worker, AuthClient(worker.path) as client:
        conf.write_text("drover = sqlite\n")
        assert worker.wait_for_line("what was read before stays in force").count(f"{conf}, line 1: drover is not built")
        answer = client.ask(plain("alice@x.test", "geheim"))
        assert isinstance(answer, Failed) and answer.is_temporary
        conf.write_text(good + "# mended\n")
        assert worker.wait_for_line(f"file {conf} has changed -- restarting")
        with pytest.raises(EOFError):
            client.receive()
