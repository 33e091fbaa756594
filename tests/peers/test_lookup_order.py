"""Which keys are asked of which table, and in which order: pyfix asks what Postfix asks.

Every parameter of both is a memcache: table of its own, on one server that writes down each question. The same RCPT
commands and messages go to the one system and then to the other, one at a time; of each parameter the keys must be the
same, in the order of their first question. (How often a key is asked depends on who remembers what.)
"""

from __future__ import annotations

import contextlib
import re
import shutil
import smtplib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from conftest import free_port, show_log
from instance import wait_until
from postfix_pair import MailSystem, make_pair
from sink import Sink
from table_server import TableServer

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.root]

LISTS = {
    "transport_maps": {"relay.test": "smtp:SINK", ".relay.test": "smtp:SINK", "local.test": "discard:",
                       "pair.test": "discard:", "sub.pair.test": "discard:", "virtual.test": "discard:",
                       "mail.pair.test": "discard:", ".test": "discard:",
                       "single": "discard:", "b": "discard:", "other": "discard:"},
    "virtual_alias_maps": {"alias@pair.test": "target+box@local.test", "many": "user+one@local.test, two@pair.test"},
    "canonical_maps": {"old@pair.test": "new@pair.test", "old@was.test": "new@now.test"},
    "sender_canonical_maps": {},
    "recipient_canonical_maps": {},
    "relocated_maps": {"moved@local.test": "elsewhere@relay.test"},
    "recipient_bcc_maps": {"watched@local.test": "bcc+copy@local.test"},
    "sender_bcc_maps": {},
    "smtp_generic_maps": {"user@relay.test": "other@relay.test"},
    "local_recipient_maps": {"user": "x", "user+ext@local.test": "x", "many": "x", "watched": "x", "owner-list": "x",
                             "list": "x", '"a;b"': "x"},
    "virtual_mailbox_maps": {"@pair.test": "box/Maildir/", "@sub.pair.test": "box/Maildir/"},
    "relay_recipient_maps": {"@relay.test": "x", "@sub.dom.relay.test": "x"},
    "sender_dependent_relayhost_maps": {},
    "sender_dependent_default_transport_maps": {},
    "mydestination": {"local.test": "x", "mail.pair.test": "x"},
    "virtual_mailbox_domains": {"pair.test": "x", "sub.pair.test": "x"},
    "virtual_alias_domains": {"virtual.test": "x"},
    "relay_domains": {"relay.test": "x", ".relay.test": "x"},
    "check_client_access": {},
    "check_helo_access": {},
    "check_sender_access": {},
    "check_recipient_access": {},
}  # fmt: skip
"""Of each table what it has; nothing else is found."""
RESTRICTIONS = [name for name in LISTS if name.startswith("check_")]
RECIPIENTS = [
    "user@local.test", "user+ext@local.test", "User+Ext@Local.Test", "user+a+b@local.test", "+ext@local.test",
    "user+@local.test", "owner-list+x@local.test", "list-request@local.test", "a-b@local.test", "user", "user+ext",
    "user@mail.pair.test", "user@pair.test", "user+ext@pair.test", "user+ext@sub.pair.test", "alias@pair.test",
    "alias+ext@pair.test", "old@pair.test", "old+ext@pair.test", "moved@local.test", "moved+x@local.test",
    "watched@local.test", "many@local.test", "user@relay.test", "user+ext@relay.test", "user+ext@sub.dom.relay.test",
    '"a;b+c"@pair.test', '"a;b+c"@local.test', '"a@b"@local.test', "user%other@local.test", "user+x@virtual.test",
    "user@unknown.test", "user+x@deep.sub.unknown.test", "user@single", "MAILER-DAEMON@local.test", "postmaster",
]  # fmt: skip
SENDERS = ["sender+ext@pair.test", "", "old+x@was.test", "Sender@Deep.Sub.Unknown.Test", "local+x"]
OF_SENDERS = [
    "sender_canonical_maps", "sender_bcc_maps", "check_sender_access", "sender_dependent_relayhost_maps",
    "sender_dependent_default_transport_maps",
]  # fmt: skip
SENDER = "sender+more@sender.example"
OF_SENDER = re.compile(r"sender|^example$|^\.example$")
RECIPIENT = "rcpt+more@rcpt.example"
OF_RECIPIENT = re.compile(r"rcpt|^example$|^\.example$")
SETTINGS: dict[str, dict[str, str]] = {
    "plus": {"recipient_delimiter": "+"},
    "several delimiters, dotted parents": {"recipient_delimiter": "-+", "parent_domain_matches_subdomains": ""},
    "no delimiter": {
        "parent_domain_matches_subdomains": "smtpd_access_maps, relay_domains",
        "owner_request_special": "no",
    },
}


class Questions:
    """The server of all tables, and what it was asked."""

    def __init__(self, sink: int, directory: Path) -> None:
        self._asked: list[tuple[str, str]] = []
        self._sink = sink
        self._directory = directory
        self._server = TableServer(self._answer)
        for name in LISTS:
            text = f"memcache = inet:127.0.0.1:{self._server.port}\nkey_format = {name}/%s\n"
            (directory / f"{name}.cf").write_text(text)

    def _answer(self, request: bytes) -> bytes:
        name, _, key = request.decode().removeprefix("get ").strip().partition("/")
        self._asked.append((name, key))
        value = LISTS[name].get(key)
        if value is None:
            return b"END\r\n"
        data = value.replace("SINK", f"[127.0.0.1]:{self._sink}").encode()
        return b"VALUE %s/%s 0 %d\r\n%s\r\nEND\r\n" % (name.encode(), key.encode(), len(data), data)

    def __enter__(self) -> Questions:
        self._server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.__exit__(*exception)

    def spec(self, name: str) -> str:
        """Return the table of a parameter."""
        return f"memcache:{self._directory}/{name}.cf"

    def take(self) -> dict[str, list[str]]:
        """Return what was asked since the last call: parameter -> keys."""
        asked, self._asked[:] = list(self._asked), []
        found: dict[str, dict[str, None]] = {}
        for name, key in asked:
            found.setdefault(name, {})[key] = None
        return {name: list(keys) for name, keys in sorted(found.items())}


def all_settings(questions: Questions, more: Mapping[str, str]) -> dict[str, str]:
    """Return the main.cf of both."""
    tables = {name: questions.spec(name) for name in LISTS if not name.startswith("check_")}
    checks = ", ".join(f"{name} {questions.spec(name)}" for name in RESTRICTIONS)
    return {
        **tables,
        "smtpd_recipient_restrictions": f"{checks}, permit_mynetworks, reject",
        "smtpd_delay_reject": "yes",
        "notify_classes": "",
        "relayhost": "SINK",
        "propagate_unmatched_extensions": "canonical, virtual, generic, alias",
        "append_dot_mydomain": "no",
        "local_header_rewrite_clients": "",
        **more,
    }


@pytest.fixture(params=list(SETTINGS))
def systems(
    request: pytest.FixtureRequest, sink: Sink, need: Callable[[str], str]
) -> Iterator[tuple[list[MailSystem], Questions]]:
    """Both systems with these tables."""
    directory = Path(tempfile.mkdtemp(prefix="pyfix-keys-"))
    directory.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        questions = stack.enter_context(Questions(sink.port, directory))
        settings = all_settings(questions, SETTINGS[request.param])
        pair = make_pair(directory, free_port, sink.port, need("postfix"), settings)
        for system in pair:
            stack.callback(show_log, system)
            stack.callback(system.stop)
            system.start()
        yield pair, questions


def ask(system: MailSystem, questions: Questions, sender: str, recipient: str) -> tuple[int, dict[str, list[str]]]:
    """Send a message, or what is accepted of it; return the reply to RCPT and the questions until it is gone."""
    smtp = smtplib.SMTP("127.0.0.1", system.port, local_hostname="client.example.test", timeout=30)
    questions.take()
    smtp.ehlo()
    smtp.docmd("MAIL", f"FROM:<{sender}>")
    code, _ = smtp.docmd("RCPT", f"TO:<{recipient}>")
    if code == 250:
        smtp.data(b"Subject: x\r\n\r\nx\r\n")
    smtp.quit()
    wait_until(system.has_empty_queue, f"an empty queue of {system.name}")
    return code, questions.take()


def _is_premature(name: str, key: str) -> bool:
    """Tell whether a route is asked for before it is known what the sender is: not part of the comparison."""
    return name.startswith("sender_dependent_") and ("<>" in key or key.endswith("was.test") or key.startswith("old"))


def of_subject(asked: Mapping[str, list[str]], other: re.Pattern[str]) -> dict[str, list[str]]:
    """Return the questions without those about the other address of the envelope, which Postfix asks elsewhere."""
    kept = {
        name: [key for key in keys if key != "*" and not other.search(key) and not _is_premature(name, key)]
        for name, keys in asked.items()
    }
    of_senders = other is OF_RECIPIENT
    return {name: keys for name, keys in kept.items() if keys and (name in OF_SENDERS) is of_senders}


def test_keys_are_asked_in_the_order_of_postfix(systems: tuple[list[MailSystem], Questions]) -> None:
    """For each recipient with one sender, and each sender with one recipient."""
    pair, questions = systems
    asked = [(SENDER, recipient, OF_SENDER) for recipient in RECIPIENTS]
    asked += [(sender, RECIPIENT, OF_RECIPIENT) for sender in SENDERS]
    differing = []
    for sender, recipient, other in asked:
        (their_code, theirs), (our_code, ours) = (ask(system, questions, sender, recipient) for system in pair)
        where = f"<{sender}> to <{recipient}>"
        if their_code != our_code:
            differing.append(f"{where}: {their_code} {our_code}")
        theirs, ours = of_subject(theirs, other), of_subject(ours, other)
        for name in sorted(theirs.keys() | ours.keys()):
            if theirs.get(name) != ours.get(name):
                differing.append(f"{where} {name}:\n  theirs {theirs.get(name)}\n  ours   {ours.get(name)}")
    assert not differing, "\n".join(differing)
