"""The shared tutorial from "postfix + SASL" to "配置dovecot", on pyfix: its lines, its files, its database.

Setup: MariaDB with ExtMan's schema and sample rows; main.cf with the blocks "CYRUS-SASL", "Virtual Mailbox Settings"
and "QUOTA Settings"; mysql_virtual_*_maps.cf, smtpd.conf, authmysqlrc and dovecot-mysql.conf as they stand.
auth_backends names the last two, which is all that pyfix wants to be told.
Path: the tutorial's telnet sessions. Check: the answers that it promises.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterator

import pytest
from databases import mariadb, mariadb_run
from instance import free_port, mail, new_instance, wait_until
from tutorial import ALIAS, OWNER, PASSWORD, QUOTA_TEXT, UID, Telnet, TutorialInstance, load_database

pytestmark = [pytest.mark.system, pytest.mark.peer("mariadbd", "mariadb-install-db")]


@pytest.fixture(scope="module")
def site(need: Callable[[str], str]) -> Iterator[TutorialInstance]:
    """The site, running, with Courier's file as the one that knows the passwords."""
    with mariadb(need) as database, new_instance(TutorialInstance) as made:
        assert isinstance(made, TutorialInstance)
        load_database(database.path)
        made.connect_database(database)
        made.set(auth_backends=f"authmysqlrc:{made.etc}/authmysqlrc")
        (made.etc / "accounts.cf").write_text(
            f"hosts = unix:{database.path}\nuser = extmail\npassword = extmail\ndbname = extmail\n"
        )
        made.set(accounts_database=f"mysql:{made.etc}/accounts.cf")
        maps = f"mysql:{made.etc}/mysql_virtual_sender_maps.cf,mysql:{made.etc}/mysql_virtual_alias_maps.cf"
        for owners in (maps, "accounts:senders"):
            made.add_service(
                f"127.0.0.1:{free_port()} inet n - n - - smtpd\n    -o smtpd_sender_login_maps={owners}\n"
                "    -o smtpd_sender_restrictions=reject_sender_login_mismatch"
            )
        made.start()
        yield made


def encoded(text: str) -> str:
    """Return what `echo -n TEXT | openssl base64` prints."""
    return base64.b64encode(text.encode()).decode()


def test_auth_login_by_hand_gives_the_right_to_relay(site: TutorialInstance) -> None:
    """As in the tutorial: both forms of the AUTH line, two answers in base64, and mail to anywhere."""
    with Telnet(site.port) as telnet:
        assert telnet.read() == "220 Welcome to our mail.f273c.com ESMTP,Warning: Version not Available!"
        offered = telnet.ehlo("mail.f273c.com")
        assert {"250-AUTH PLAIN LOGIN", "250-AUTH=PLAIN LOGIN"} <= set(offered)
        telnet.type(f"mail from:{OWNER}")
        assert "Relay access denied" in telnet.type("rcpt to:hello@aol.com")
        telnet.type("rset")
        assert telnet.type("auth login") == f"334 {encoded('Username:')}"
        assert telnet.type(encoded(OWNER)) == f"334 {encoded('Password:')}"
        assert telnet.type(encoded(PASSWORD)) == "235 2.7.0 Authentication successful"
        assert telnet.type(f"mail from:{OWNER}") == "250 2.1.0 Ok"
        assert telnet.type("rcpt to:hello@aol.com") == "250 2.1.5 Ok"
        telnet.type("quit")


@pytest.mark.parametrize("number", [0, 1])
def test_sender_addresses_have_owners(site: TutorialInstance, number: int) -> None:
    """By two mysql: maps as on servers with ExtMail, and by accounts:senders: its own address, and its alias."""
    services = re.findall(r"(?m)^127\.0\.0\.1:(\d+) inet n - n - - smtpd$", (site.etc / "master.cf").read_text())
    for table in ("mailbox", "domain"):  # those of the sample rows have expired long ago, and own nothing
        mariadb_run(site.database, f"UPDATE {table} SET expiredate = '1000-01-01'", database="extmail")
    for login in (False, True):
        with Telnet(int(services[number])) as telnet:
            telnet.read()
            telnet.ehlo("mail.f273c.com")
            if login:
                secret = encoded(f"\0{OWNER}\0{PASSWORD}")
                assert telnet.type(f"auth plain {secret}") == "235 2.7.0 Authentication successful"
            said = []
            for sender in (OWNER, ALIAS, "other@extmail.org"):
                telnet.type(f"mail from:<{sender}>")
                said.append(telnet.type(f"rcpt to:<{OWNER}>").partition("rejected: ")[2])
                telnet.type("rset")
        mine = "" if login else "not logged in"
        assert said == [mine, mine, f"not owned by user {OWNER}" if login else ""]


def test_wrong_password_lets_nobody_in(site: TutorialInstance) -> None:
    """In the same words for an unknown user."""
    replies = []
    for name in (OWNER, "nobody@extmail.org"):
        with Telnet(site.port) as telnet:
            telnet.read()
            telnet.ehlo("mail.f273c.com")
            telnet.type("auth login")
            telnet.type(encoded(name))
            replies.append(telnet.type(encoded("wrong")))
            assert "Relay access denied" in telnet.type("mail from:<>") + telnet.type("rcpt to:hello@aol.com")
    assert replies == ["535 5.7.8 Error: authentication failed: authentication failure"] * 2


def test_mail_from_outside_is_fetched_by_pop3(site: TutorialInstance) -> None:
    """To the mailbox and to an alias; then the tutorial's telnet session on port 110, by each of its two files."""
    site.send([OWNER], mail("this is test title", "this is test content\n"))
    site.send([ALIAS], mail("by the alias"))
    box = site.mailbox / "extmail.org" / "postmaster" / "Maildir" / "new"
    wait_until(lambda: box.exists() and len(os.listdir(box)) == 2, "two messages")
    # The ids that dovecot-mysql.conf takes are 1000 in the rows, and deliveries have 2525: Dovecot could not read it.
    mariadb_run(site.database, f"UPDATE mailbox SET uidnumber = {UID}, gidnumber = {UID}", database="extmail")
    for kind, name in (("authmysqlrc", "authmysqlrc"), ("dovecot-sql", "dovecot-mysql.conf")):
        site.set(auth_backends=f"{kind}:{site.etc}/{name}")
        assert site.pyfix("reload").returncode == 0
        with Telnet(site.pop3) as telnet:
            assert telnet.read().startswith("+OK")
            assert telnet.type(f"USER {OWNER}").startswith("+OK")
            assert telnet.type(f"PASS {PASSWORD}").startswith("+OK")
            assert telnet.type("LIST").startswith("+OK 2 messages")
            assert [line.split()[0] for line in telnet.read_all()] == ["1", "2"]
            mails = []
            for number in (1, 2):
                assert telnet.type(f"RETR {number}").startswith("+OK")
                mails.append(telnet.read_all())
            # Names of the same second have no order that matters.
            first = next(lines for lines in mails if "Subject: this is test title" in lines)
            assert first[-1] == "this is test content"
            assert any("Subject: by the alias" in lines for lines in mails)
            assert telnet.type("quit").startswith("+OK")


def test_mailbox_over_quota_refuses_with_the_tutorials_text(site: TutorialInstance) -> None:
    """What does not fit any more comes back to its sender; once nothing fits, the next client is told."""
    statement = "UPDATE mailbox SET quota = '6000S'"
    mariadb_run(site.database, statement, database="extmail")
    site.send([OWNER], mail("small", "fits\n"))
    site.wait_for_log(rf"to=<{OWNER}>.*status=sent")
    site.send([OWNER], mail("large", "x" * 70 + "\n") + b"x" * 9000 + b"\r\n")
    site.wait_for_log(rf"to=<{OWNER}>.*status=bounced \(maildir delivery failed: {QUOTA_TEXT}\)")
    with Telnet(site.port) as telnet:
        telnet.read()
        telnet.ehlo("client.test")
        telnet.type("mail from:<>")
        assert telnet.type(f"rcpt to:{OWNER}") == "250 2.1.5 Ok"
    mariadb_run(site.database, "UPDATE mailbox SET quota = '1S'", database="extmail")
    with Telnet(site.port) as telnet:
        telnet.read()
        telnet.ehlo("client.test")
        telnet.type("mail from:<>")
        full = f"552 5.2.2 <{OWNER}>: Recipient address rejected: {QUOTA_TEXT}"
        # What the database server has said counts for a second.
        wait_until(lambda: telnet.type(f"rcpt to:{OWNER}") == full, full)
