"""A well-known tutorial, step by step: its main.cf lines, its tables, its telnet sessions.

Setup: a private instance with the tutorial's names; "another machine" is another address of the loopback network.
Path: what the tutorial types. Check: the replies that it shows and that Postfix gives.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance import Instance, mail, wait_until

pytestmark = pytest.mark.system
HERE = "127.0.0.1"
NEIGHBOUR = "127.0.0.9"
"""A machine of our own network."""
STRANGER = "127.0.7.150"


@pytest.fixture
def tutorial(instance: Instance) -> Instance:
    """main.cf as the tutorial has it; openstack's mail goes to a file, so that there need not be such a Unix user."""
    boxes = instance.directory / "boxes"
    boxes.mkdir()
    boxes.chmod(0o1777)
    aliases = instance.etc / "aliases"
    aliases.write_text(f"root: openstack\nopenstack: {boxes}/openstack\na:\t\topenstack\ntomcat:\topenstack\n")
    instance.set(
        myhostname="mail.f273c.com",
        mydomain="f273c.com",
        myorigin="$mydomain",
        mydestination="$myhostname, localhost.$mydomain, localhost, $mydomain",
        mynetworks="127.0.0.0/24",
        virtual_mailbox_domains="",
        virtual_alias_maps="",
        alias_maps=f"hash:{aliases}",
        alias_database=f"hash:{aliases}",
        local_recipient_maps="$alias_maps",
    )
    assert instance.command("newaliases").returncode == 0
    assert (instance.etc / "aliases.db").exists() or list(instance.etc.glob("aliases.*"))
    return instance


def start(instance: Instance) -> None:
    """`service postfix restart`."""
    if instance.is_running:
        instance.stop()
    instance.start()


def postmap(instance: Instance, name: str, text: str) -> str:
    """Write a table, index it as the tutorial does, and return what main.cf calls it."""
    path = instance.etc / name
    path.write_text(text)
    result = instance.command("postmap", str(path))
    assert (result.returncode, result.stderr) == (0, "")
    return f"hash:{path}"


class Telnet:
    """Lines typed by hand, from a machine of one's choice."""

    def __init__(self, instance: Instance, source: str) -> None:
        self._sock = socket.create_connection(("127.0.0.1", instance.port), 30, source_address=(source, 0))
        self._file = self._sock.makefile("rb")
        self.greeting = self._answer()

    def type(self, line: str) -> str:
        """Type a line; return the answer, its lines joined."""
        self._sock.sendall(f"{line}\r\n".encode())
        return self._answer()

    def say(self, line: str) -> None:
        """Type a line that is not answered."""
        self._sock.sendall(f"{line}\r\n".encode())

    def _answer(self) -> str:
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            lines.append(self._file.readline().decode().rstrip("\r\n"))
            assert lines[-1], "connection closed"
        return "\n".join(lines)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._sock.close()


@contextlib.contextmanager
def telnet(instance: Instance, source: str = HERE) -> Iterator[Telnet]:
    """`telnet mail.f273c.com 25`."""
    session = Telnet(instance, source)
    try:
        yield session
    finally:
        session.close()


def verdict(instance: Instance, recipient: str, sender: str = "abc@abc.com", source: str = HERE) -> str:
    """Return the answer to RCPT TO."""
    with telnet(instance, source) as session:
        session.type("helo mail.f273c.com")
        session.type(f"mail from:{sender}")
        return session.type(f"rcpt to:{recipient}")


def box(instance: Instance) -> Path:
    """Openstack's mail."""
    return instance.directory / "boxes" / "openstack"


def wait_for_mail(instance: Instance, subject: str) -> bytes:
    """Wait for a message in openstack's mail, and return all of it."""
    what, path = f"Subject:{subject}\n".encode(), box(instance)
    wait_until(lambda: path.exists() and what in path.read_bytes(), f"{what!r} in {path}")
    return path.read_bytes()


def test_first_message_by_telnet(tutorial: Instance) -> None:
    """HELO, addresses without brackets, a recipient without a domain: each answer as the tutorial's reader sees it."""
    start(tutorial)
    with telnet(tutorial) as session:
        assert session.greeting == "220 mail.f273c.com ESMTP Postfix"
        assert session.type("helo mail.f273c.com") == "250 mail.f273c.com"
        assert session.type("mail from:abc@abc.com") == "250 2.1.0 Ok"
        assert session.type("rcpt to:root") == "250 2.1.5 Ok"
        assert session.type("data") == "354 End data with <CR><LF>.<CR><LF>"
        session.say("Subject:this is test title")
        session.say("this is test content")
        assert session.type(".").startswith("250 2.0.0 Ok: queued as ")
        assert session.type("quit") == "221 2.0.0 Bye"
    content = wait_for_mail(tutorial, "this is test title")
    assert b"\nthis is test content\n" in content
    assert content.startswith(b"From abc@abc.com ")
    assert b"with SMTP id" in content
    tutorial.wait_for_log(r"to=<openstack@f273c.com>, orig_to=<root>, relay=local, .*status=sent")


@pytest.mark.parametrize("name", ["a", "tomcat"])
def test_aliases_lead_to_openstack(tutorial: Instance, name: str) -> None:
    """What is sent to a and tomcat goes to openstack."""
    start(tutorial)
    tutorial.send(f"{name}@f273c.com", mail(f"to {name}"))
    path = box(tutorial)
    wait_until(lambda: path.exists() and f"Subject: to {name}\n".encode() in path.read_bytes(), "the message")
    tutorial.wait_for_log(rf"relay=local, .*status=sent \(delivered to file: {path}\)")


def test_only_mynetworks_may_relay(tutorial: Instance) -> None:
    """mynetworks decides, and a changed one is in force after a restart; ours is delivered from anywhere."""
    start(tutorial)
    assert verdict(tutorial, "a@b.net", source=NEIGHBOUR) == "250 2.1.5 Ok"
    denied = "554 5.7.1 <root@b.net>: Relay access denied"
    assert verdict(tutorial, "root@b.net", source=STRANGER) == denied
    assert verdict(tutorial, "root", source=STRANGER) == "250 2.1.5 Ok"
    tutorial.set(mynetworks="127.0.0.1/32")
    start(tutorial)
    assert verdict(tutorial, "root@b.net", source=NEIGHBOUR) == denied
    assert verdict(tutorial, "a@b.net", sender="a@f273c.com") == "250 2.1.5 Ok"
    tutorial.wait_for_log(r"NOQUEUE: reject: RCPT from \S+\[127.0.0.9\]: 554 5.7.1 <root@b.net>: Relay access denied; ")


def test_access_table_refuses_client_and_sender(tutorial: Instance) -> None:
    """Example 1: one hash: file for check_client_access and check_sender_access."""
    access = postmap(tutorial, "access", f"{STRANGER}\t\tREJECT\nwhitehouse.com\t\tREJECT\n")
    tutorial.set(
        smtpd_client_restrictions=f"check_client_access {access}",
        smtpd_sender_restrictions=f"check_sender_access {access}",
    )
    start(tutorial)
    answer = verdict(tutorial, "root", source=STRANGER)
    assert answer.startswith("554 5.7.1 <")
    assert answer.endswith(f"[{STRANGER}]>: Client host rejected: Access denied")
    for sender in ("bill@whitehouse.com", "bill@sub.whitehouse.com"):
        assert verdict(tutorial, "root", sender) == f"554 5.7.1 <{sender}>: Sender address rejected: Access denied"
    assert verdict(tutorial, "root") == "250 2.1.5 Ok"


def test_access_table_refuses_recipients(tutorial: Instance) -> None:
    """Example 2 and the one after it: a domain, and a name at any domain, before permit_mynetworks."""
    domains = postmap(tutorial, "denydstdomains", "microsoft.com\t\tREJECT\n")
    names = postmap(tutorial, "recipient", "openstack@\t\tREJECT\n")
    rest = "permit_mynetworks, reject_unauth_destination"
    tutorial.set(
        smtpd_recipient_restrictions=f"check_recipient_access {domains}, check_recipient_access {names}, {rest}"
    )
    start(tutorial)
    for recipient in ("bill@microsoft.com", "openstack@f273c.com"):
        expected = f"554 5.7.1 <{recipient}>: Recipient address rejected: Access denied"
        assert verdict(tutorial, recipient) == expected
    assert verdict(tutorial, "tomcat@f273c.com") == "250 2.1.5 Ok"
    assert verdict(tutorial, "a@b.net", source=STRANGER) == "554 5.7.1 <a@b.net>: Relay access denied"


def test_actions_of_access_tables(tutorial: Instance) -> None:
    """What the tutorial lists: OK, a number, 4NN and 5NN with text, REJECT and DEFER with and without text."""
    table = postmap(
        tutorial,
        "actions",
        "ok.test OK\nnumber.test 1234\nlater.test 450 come back\nnever.test 550 go away\n"
        "reject.test REJECT not you\ndefer.test DEFER not now\n",
    )
    tutorial.set(smtpd_sender_restrictions=f"check_sender_access {table}, reject")
    start(tutorial)
    expected = {
        "ok": "250 2.1.5 Ok",
        "number": "250 2.1.5 Ok",
        "later": "450 4.7.1 <x@later.test>: Sender address rejected: come back",
        "never": "550 5.7.1 <x@never.test>: Sender address rejected: go away",
        "reject": "554 5.7.1 <x@reject.test>: Sender address rejected: not you",
        "defer": "450 4.7.1 <x@defer.test>: Sender address rejected: not now",
        "other": "554 5.7.1 <x@other.test>: Sender address rejected: Access denied",
    }
    assert {name: verdict(tutorial, "root", f"x@{name}.test") for name in expected} == expected
