"""Restrictions, with a dictionary for a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.maps import Maps, TableError
from pyfix.mail.maps.table import FixedTable
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.evaluate import active_stages, evaluate
from pyfix.mail.restrictions.parse import (
    Kind,
    Restriction,
    class_finder,
    guards_against_relaying,
    parse_restrictions,
)
from pyfix.mail.restrictions.progress import Rules
from pyfix.mail.restrictions.questions import (
    Context,
    Decision,
    Fate,
    InNetworks,
    Lookup,
    LookupFailed,
    Resolve,
    Stage,
)
from pyfix.mail.restrictions.recipient import RecipientTables, is_source_routed
from pyfix.mail.tls.peer import PeerCertificate


def table(name: str, content: Mapping[str, str] | None = None) -> Maps:
    """Return tables with this content; None for no table at all."""
    return Maps(name, [] if content is None else [FixedTable(f"inline:{name}", dict(content))])


NO_TABLES = RecipientTables(table("l"), table("v"), table("a"), table("r"))
CONTEXT = Context("client.example", "192.0.2.1", "helo.example", "from@example.org", "to@virtual.test")
CLASSES = {"virtual.test": "virtual", "local.test": "local", "relay.test": "relay", "alias.test": "alias"}


@dataclass
class World:
    """Answers to all questions."""

    networks: bool = False
    broken: bool = False
    asked: list[Any] = field(default_factory=list)

    def answer(self, question: Any) -> Any:
        self.asked.append(question)
        if self.broken:
            raise LookupFailed("broken")
        match question:
            case InNetworks():
                return self.networks
            case Resolve(recipient):
                address_class = CLASSES.get(recipient.rpartition("@")[2], "default")
                if address_class == "alias":
                    return Resolved("error", "5.1.1 User unknown in virtual alias table", recipient, "alias")
                return Resolved("x", "y", recipient, address_class)
            case Lookup(maps=maps, key=key):
                try:
                    return maps.lookup(key)
                except TableError as error:
                    raise LookupFailed(str(error)) from error


def decide(stage: Stage, rules: Rules, context: Context = CONTEXT, world: World | None = None) -> Decision:
    """Run an evaluation."""
    world = world or World()
    evaluation = evaluate(stage, rules, context)
    try:
        question = next(evaluation)
        while True:
            try:
                answer = world.answer(question)
            except LookupFailed as failed:
                question = evaluation.throw(failed)
            else:
                question = evaluation.send(answer)
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


def steps(text: str, default: Kind = Kind.UNKNOWN, **tables: dict[str, str]) -> tuple[Any, ...]:
    """Parse a list; t:name refers to a table given by name."""
    return parse_restrictions(text.split(), lambda spec: table(spec, tables[spec[2:]]), default)


def reply(decision: Decision) -> str:
    """Return the reply that refuses, or "ok"."""
    return decision.rejection.reply if decision.rejection else "ok"


def rcpt(rules: Rules, recipient: str = "to@virtual.test", **world: Any) -> str:
    """Return the outcome of RCPT."""
    return reply(decide(Stage.RCPT, rules, replace(CONTEXT, recipient=recipient), World(**world)))


RULES = Rules(NO_TABLES)


@pytest.mark.parametrize(
    ("text", "networks", "recipient", "expected"),
    [
        (
            "permit_mynetworks reject_unauth_destination",
            False,
            "x@elsewhere",
            "554 5.7.1 <x@elsewhere>: Relay access denied",
        ),
        ("permit_mynetworks reject_unauth_destination", True, "x@elsewhere", "ok"),
        (
            "permit_mynetworks defer_unauth_destination",
            False,
            "x@elsewhere",
            "454 4.7.1 <x@elsewhere>: Relay access denied",
        ),
        ("reject_unauth_destination", False, "x@relay.test", "ok"),
        ("reject_unauth_destination", False, "x%y@relay.test", "554 5.7.1 <x%y@relay.test>: Relay access denied"),
        (
            "permit_sasl_authenticated reject",
            False,
            "x@y",
            "554 5.7.1 <x@y>: Recipient address rejected: Access denied",
        ),
        ("defer", False, "x@y", "450 4.3.2 <x@y>: Recipient address rejected: Try again later"),
        ("permit_auth_destination reject", False, "x@local.test", "ok"),
        ("permit reject", False, "x@y", "ok"),
        ("PERMIT", False, "x@y", "ok"),
        ("nonsense", False, "x@y", "451 4.3.5 Server configuration error"),
        ("warn_if_reject reject", False, "x@y", "ok"),
        ("warn_if_reject reject defer", False, "x@y", "450 4.3.2 <x@y>: Recipient address rejected: Try again later"),
    ],
)
def test_list_is_read_from_left_to_right(text: str, networks: bool, recipient: str, expected: str) -> None:
    """The first that decides wins."""
    assert rcpt(replace(RULES, relay=steps(text)), recipient, networks=networks) == expected


def test_who_has_logged_in_may_relay() -> None:
    """Whoever it is; in smtpd it is nobody yet."""
    rules = replace(RULES, relay=steps("permit_sasl_authenticated reject"))
    assert reply(decide(Stage.RCPT, rules)).startswith("554 5.7.1 ")
    assert reply(decide(Stage.RCPT, rules, replace(CONTEXT, sasl_username="alice"))) == "ok"


def test_relay_and_recipient_lists_must_both_agree() -> None:
    """A permit in one does not skip the other, whichever comes first."""
    for first in (True, False):
        rules = Rules(NO_TABLES, relay=steps("reject_unauth_destination"), recipient=steps("permit"), relay_first=first)
        assert rcpt(rules, "x@elsewhere") == "554 5.7.1 <x@elsewhere>: Relay access denied"


def test_order_of_relay_and_recipient_lists_decides_the_text() -> None:
    """smtpd_relay_before_recipient_restrictions."""
    rules = Rules(NO_TABLES, relay=steps("reject_unauth_destination"), recipient=steps("reject"))
    assert rcpt(rules, "x@elsewhere").endswith("Relay access denied")
    assert rcpt(replace(rules, relay_first=False), "x@elsewhere").endswith("Access denied")
    assert not rcpt(replace(rules, relay_first=False), "x@elsewhere").endswith("Relay access denied")


def test_failed_lookup_defers_everything_that_needs_it() -> None:
    """Nothing is refused for good, and nobody relays, while a table or trivial-rewrite is out of order."""
    rules = replace(RULES, relay=steps("reject_unauth_destination"))
    assert rcpt(rules, "x@y", broken=True) == "451 4.3.0 <x@y>: Temporary lookup failure"
    rules = replace(RULES, relay=steps("permit_mynetworks"))
    assert rcpt(rules, "x@y", broken=True).startswith("451 4.3.0")
    assert rcpt(RULES, "x@y", broken=True) == "451 4.3.0 <x@y>: Temporary lookup failure"


def test_access_table_without_an_answer_is_a_matter_of_configuration() -> None:
    """As if it had said so itself: the reply names what it was asked about, as Postfix's does, and the list ends."""
    rules = replace(RULES, helo=steps("check_helo_access t:h permit", h={}))
    assert (
        rcpt(rules, "x@y", broken=True) == "451 4.3.5 <helo.example>: Helo command rejected: Server configuration error"
    )
    rules = replace(
        RULES, relay=steps("warn_if_reject check_recipient_access t:r permit", r={}), rejects_unlisted=False
    )
    assert rcpt(rules, "x@y", broken=True) == "ok"


def test_bare_postmaster_is_always_welcome() -> None:
    """RFC 5321 section 4.5.1, even for clients that are refused otherwise."""
    assert rcpt(Rules(NO_TABLES, client=steps("reject"), relay=steps("reject")), "PostMaster") == "ok"


def test_unlisted_recipients_are_refused_after_the_lists() -> None:
    """Each class by its own table, code and name; a class without table takes everybody."""
    tables = RecipientTables(
        table("l", {"joe@local.test": "x"}), table("v", {"to@virtual.test": "x"}), table("a", {"al@alias.test": "x"}),
        table("r"), local_code=450,
    )  # fmt: skip
    rules = Rules(tables, relay=steps("reject_unauth_destination"))
    rejected = "Recipient address rejected: User unknown in"
    assert rcpt(rules, "joe@local.test") == "ok"
    assert rcpt(rules, "no@local.test") == f"450 4.1.1 <no@local.test>: {rejected} local recipient table"
    assert rcpt(rules, "no@virtual.test") == f"550 5.1.1 <no@virtual.test>: {rejected} virtual mailbox table"
    assert rcpt(rules, "no@alias.test") == f"550 5.1.1 <no@alias.test>: {rejected} virtual alias table"
    assert rcpt(rules, "al@alias.test") == "ok"
    assert rcpt(rules, "anybody@relay.test") == "ok"
    assert rcpt(replace(rules, rejects_unlisted=False), "no@virtual.test") == "ok"


def test_recipient_whose_address_is_mapped_needs_no_mailbox() -> None:
    """recipient_canonical_maps, canonical_maps; and MAILER-DAEMON is nobody's mailbox."""
    tables = RecipientTables(
        table("l", {}), table("v", {}), table("a"), table("r"),
        canonical=(table("rc", {"one@local.test": "x"}), table("c", {"two@virtual.test": "x"})),
    )  # fmt: skip
    rules = Rules(tables, relay=steps("reject_unauth_destination"))
    assert rcpt(rules, "one@local.test") == rcpt(rules, "two@virtual.test") == "ok"
    assert rcpt(rules, "Mailer-Daemon@local.test") == "ok"
    assert rcpt(rules, "mailer-daemon@virtual.test").startswith("550 5.1.1")


@pytest.mark.parametrize(("given", "asked"), [("joe", "joe@local.test"), ("joe%x@local.test", "joe@x")])
def test_access_tables_are_asked_for_complete_addresses(given: str, asked: str) -> None:
    """With the domain that was left out, and without a route."""
    completed = Resolved("x", "y", asked, "local")
    rules = Rules(NO_TABLES, recipient=[Restriction(Kind.CHECK_RECIPIENT_ACCESS, "", table("t", {asked: "REJECT"}))])
    evaluation = evaluate(Stage.RCPT, rules, replace(CONTEXT, recipient=given))
    assert next(evaluation) == Resolve(given)
    question = evaluation.send(completed)
    assert isinstance(question, Lookup)
    assert question.key == asked


def test_explicit_reject_unlisted_recipient_is_asked_once() -> None:
    """It replaces the check at the end."""
    world = World()
    rules = Rules(NO_TABLES, recipient=steps("reject_unlisted_recipient"))
    assert reply(decide(Stage.RCPT, rules, CONTEXT, world)) == "ok"
    assert len([question for question in world.asked if isinstance(question, Resolve)]) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("REJECT", "554 5.7.1 <from@example.org>: Sender address rejected: Access denied"),
        ("REJECT 5.1.8 who", "554 5.1.8 <from@example.org>: Sender address rejected: who"),
        ("REJECT\t5.1.8  who", "554 5.1.8 <from@example.org>: Sender address rejected: who"),
        ("reject", "554 5.7.1 <from@example.org>: Sender address rejected: Access denied"),
        ("DEFER", "450 4.7.1 <from@example.org>: Sender address rejected: Access denied"),
        ("DEFER 5.7.3 later", "450 4.7.3 <from@example.org>: Sender address rejected: later"),
        ("571 4.7.1 go", "571 5.7.1 <from@example.org>: Sender address rejected: go"),
        ("450", "ok"),
        ("OK", "ok"),
        ("DUNNO", "ok"),
        ("WARN look", "ok"),
        ("permit_mynetworks, reject", "554 5.7.1 <from@example.org>: Sender address rejected: Access denied"),
        ("check_client_access hash:x", "451 4.3.5 Server configuration error"),
        ("DISCARD", "ok"),
        ("FILTER smtp:[127.0.0.1]:1", "ok"),
        ("REDIRECT x@y.z", "ok"),
        ("BCC x@y.z", "451 4.3.5 Server configuration error"),
        ("PREPEND X-A: b", "451 4.3.5 Server configuration error"),
        ("hangup", "451 4.3.5 Server configuration error"),
    ],
)
def test_access_table_actions(value: str, expected: str) -> None:
    """What access(5) says, with this project's exceptions."""
    rules = replace(RULES, sender=steps("check_sender_access t:x", x={"from@example.org": value}))
    assert rcpt(rules) == expected


def test_restrictions_that_name_each_other_end() -> None:
    """A value with a long list is one level; only nesting is limited, and cannot happen without tables."""
    rules = replace(RULES, sender=steps("check_sender_access t:x", x={"from@example.org": "permit_mynetworks " * 50}))
    assert rcpt(rules) == "ok"


def test_bare_table_is_the_check_of_its_list() -> None:
    """type:table in smtpd_sender_restrictions means check_sender_access."""
    rules = replace(RULES, sender=steps("t:x", Kind.CHECK_SENDER_ACCESS, x={"from@example.org": "REJECT"}))
    assert rcpt(rules).startswith("554 5.7.1 <from@example.org>: Sender address rejected")


def test_noted_deferral_comes_true_only_when_nobody_refuses() -> None:
    """defer_if_permit waits for all lists; a refusal is stronger, an unknown user is not asked for."""
    rules = replace(RULES, helo=steps("check_helo_access t:h", h={"helo.example": "DEFER_IF_PERMIT wait"}))
    assert rcpt(rules) == "450 4.7.1 <helo.example>: Helo command rejected: wait"
    rules = replace(rules, relay=steps("reject_unauth_destination"))
    assert rcpt(rules, "x@elsewhere").endswith("Relay access denied")


def test_refusal_becomes_a_deferral_that_was_asked_for() -> None:
    """defer_if_reject."""
    rules = replace(RULES, helo=steps("check_helo_access t:h reject", h={"helo.example": "DEFER_IF_REJECT wait"}))
    assert rcpt(rules) == "450 4.7.1 <helo.example>: Helo command rejected: wait"


@pytest.mark.parametrize(
    ("text", "recipient", "world", "trouble"),
    [
        ("permit", "to@virtual.test", {}, Trouble.NONE),
        ("reject", "to@virtual.test", {}, Trouble.POLICY),
        ("reject_unauth_destination", "x@elsewhere", {}, Trouble.POLICY),
        ("defer_if_permit", "to@virtual.test", {}, Trouble.POLICY),
        ("warn_if_reject reject", "to@virtual.test", {}, Trouble.POLICY),
        ("nonsense", "to@virtual.test", {}, Trouble.SOFTWARE),
        ("reject_unauth_destination", "x@elsewhere", {"broken": True}, Trouble.DATA),
        ("permit", "no@virtual.test", {}, Trouble.BOUNCE),
        ("permit", "no@local.test", {}, Trouble.BOUNCE),
        ("permit", "no@alias.test", {}, Trouble.BOUNCE),
        ("permit", "no@relay.test", {}, Trouble.BOUNCE),
        ("defer_if_reject reject_unlisted_recipient", "no@relay.test", {}, Trouble.BOUNCE | Trouble.POLICY),
    ],
)
def test_refusals_have_classes(text: str, recipient: str, world: dict[str, Any], trouble: Trouble) -> None:
    """All that were met, the one that only warns and the one that became a deferral included, as in Postfix."""
    tables = RecipientTables(
        table("l", {"joe@local.test": "x"}), table("v", {"to@virtual.test": "x"}), table("a"),
        table("r", {"to@relay.test": "x"}),
    )  # fmt: skip
    context = replace(CONTEXT, recipient=recipient)
    decision = decide(Stage.RCPT, Rules(tables, recipient=steps(text)), context, World(**world))
    assert decision.trouble == trouble


def test_without_delay_each_stage_has_its_own_list() -> None:
    """smtpd_delay_reject = no: RCPT does not repeat the others."""
    rules = Rules(NO_TABLES, client=steps("reject"), helo=steps("defer"), sender=steps("reject"), delays_reject=False)
    assert reply(decide(Stage.CONNECT, rules)).startswith("554 5.7.1 <client.example[192.0.2.1]>: Client host rejected")
    assert reply(decide(Stage.HELO, rules)).startswith("450 4.3.2 <helo.example>: Helo command rejected")
    assert reply(decide(Stage.MAIL, rules)).startswith("554 5.7.1 <from@example.org>: Sender address rejected")
    assert rcpt(rules) == "ok"
    assert set(active_stages(rules)) == {Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT}
    assert active_stages(replace(rules, delays_reject=True)) == (Stage.RCPT,)


def test_data_and_end_of_data_lists() -> None:
    """Their own names in the reply."""
    rules = Rules(NO_TABLES, data=steps("reject"), end_of_data=steps("defer"))
    assert reply(decide(Stage.DATA, rules)) == "554 5.7.1 <DATA>: Data command rejected: Access denied"
    assert "End-of-data rejected" in reply(decide(Stage.END_OF_MESSAGE, rules))


def test_hold_is_part_of_the_decision() -> None:
    """The message is taken and held, with a line for the log."""
    rules = replace(RULES, sender=steps("check_sender_access t:x", x={"from@example.org": "HOLD odd"}))
    decision = decide(Stage.RCPT, rules)
    assert decision.fate == Fate(hold="odd")
    assert [(note.verb, note.text) for note in decision.notes] == [("hold", "<from@example.org>: Sender address odd")]


SENDER = "<from@example.org>: Sender address"
ENTRY = 'access table inline:t:x entry "from@example.org"'


@pytest.mark.parametrize(
    ("value", "fate", "verb", "text"),
    [
        ("HOLD", Fate(hold="access table"), "hold", f"{SENDER} triggers HOLD action"),
        ("DISCARD", Fate(is_discarded=True), "discard", f"{SENDER} triggers DISCARD action"),
        ("DISCARD gone", Fate(is_discarded=True), "discard", f"{SENDER} gone"),
        ("FILTER smtp:x", Fate(filter="smtp:x"), "filter", f"{SENDER} triggers FILTER smtp:x"),
        ("REDIRECT x@y.z", Fate(redirect="x@y.z"), "redirect", f"{SENDER} triggers REDIRECT x@y.z"),
        ("REDIRECT a b@y.z", Fate(redirect='"a b"@y.z'), "redirect", f"{SENDER} triggers REDIRECT a b@y.z"),
        ("FILTER", None, "warning", f"{ENTRY} has FILTER entry without value"),
        (
            "FILTER x",
            None,
            "warning",
            f"{ENTRY} requires transport:destination",
        ),
        ("REDIRECT x", None, "warning", f"{ENTRY} requires user@domain target"),
        (
            "bcc x@y.z",
            None,
            "warning",
            f"{ENTRY} has action BCC, which is not available: mail is deferred",
        ),
    ],
)
def test_actions_on_the_message_are_noted_in_postfix_words(value: str, fate: Fate | None, verb: str, text: str) -> None:
    """A value without sense is skipped, an action that is not built is named."""
    rules = replace(RULES, sender=steps("check_sender_access t:x", x={"from@example.org": value}))
    decision = decide(Stage.RCPT, rules)
    assert decision.fate == fate
    assert [(note.verb, note.text) for note in decision.notes] == [(verb, text)]


def test_discard_ends_all_lists() -> None:
    """Nothing is said any more against a message that will vanish; a refusal before it stands."""
    rules = replace(RULES, sender=steps("check_sender_access t:x", x={"from@example.org": "DISCARD"}))
    assert rcpt(replace(rules, recipient=steps("reject")), "no@virtual.test") == "ok"
    assert rcpt(replace(rules, client=steps("reject"))).startswith("554 ")


def test_message_action_before_there_is_a_message_is_skipped() -> None:
    """Without smtpd_delay_reject a client table cannot hold what does not exist yet."""
    rules = replace(RULES, client=steps("check_client_access t:x", x={"client.example": "HOLD"}), delays_reject=False)
    decision = decide(Stage.CONNECT, rules, replace(CONTEXT, sender=None, recipient=None, helo=""))
    assert decision.fate is None
    assert decision.notes[0].text.endswith("has action HOLD, which is always skipped before MAIL FROM")


@pytest.mark.parametrize(
    ("relay", "recipient", "is_safe"),
    [
        ("permit_mynetworks reject_unauth_destination", "", True),
        ("", "permit_mynetworks defer_unauth_destination", True),
        ("permit_mynetworks", "permit", False),
        ("", "", False),
        ("warn_if_reject reject_unauth_destination", "", False),
        ("", "reject", True),
    ],
)
def test_open_relay_is_recognized(relay: str, recipient: str, is_safe: bool) -> None:
    """smtpd does not start without a restriction that keeps strangers from relaying."""
    assert guards_against_relaying((steps(relay), steps(recipient))) is is_safe


OLD = replace(
    RULES,
    old=frozenset(
        {"mynetworks_style", "relay_domains", "smtpd_relay_restrictions", "smtpd_relay_before_recipient_restrictions"}
    ),
    own_addresses=frozenset({"127.0.0.1"}),
    networks_style="subnet",
    relay_first=False,
)


@pytest.mark.parametrize(
    ("recipient_list", "recipient", "networks", "told"),
    [
        ("permit_mynetworks", "x@local.test", True, ["mynetworks_style", "mynetworks_style"]),
        ("reject_unauth_destination", "x@relay.test", False, ["relay_domains domain", "relay_domains address"]),
        ("reject_unauth_destination", "x@local.test", False, []),
        ("reject_unauth_destination", "x@far.test", False, ["order"]),
        ("permit", "x@far.test", False, ["relay"]),
        ("permit", "x@far.test", True, ["mynetworks_style"]),
        ("permit", "x@local.test", False, []),
    ],
)
def test_default_of_old_is_told_of_where_it_makes_a_difference(
    recipient_list: str, recipient: str, networks: bool, told: list[str]
) -> None:
    """As a real Postfix of level 0 logs it; of a client that the host style trusts too, nothing."""
    client, start = "client.example[192.0.2.1]", "using backwards-compatible default setting "
    texts = {
        "mynetworks_style": f'mynetworks_style=subnet to permit request from client "{client}"',
        "relay_domains domain": 'relay_domains=$mydestination to accept mail for domain "relay.test"',
        "relay_domains address": 'relay_domains=$mydestination to accept mail for address "x@relay.test"',
        "order": "smtpd_relay_before_recipient_restrictions=no to reject recipient "
        f'"{recipient}" from client "{client}"',
        "relay": '"smtpd_relay_restrictions = (empty)" to avoid "Relay access denied" error for recipient '
        f'"{recipient}" from client "{client}"',
    }
    rules = replace(OLD, recipient=steps(recipient_list))
    decision = decide(Stage.RCPT, rules, replace(CONTEXT, recipient=recipient), World(networks))
    assert [note.text for note in decision.notes] == [start + texts[name] for name in told]
    at_home = replace(CONTEXT, recipient=recipient, address="127.0.0.1")
    notes = decide(Stage.RCPT, rules, at_home, World(networks)).notes
    assert not any("mynetworks_style" in note.text for note in notes)


@pytest.mark.parametrize("word", ["permit_tls_clientcerts", "check_ccert_access t:x"])
def test_fingerprints_of_old_are_told_of_where_a_table_is_asked(word: str) -> None:
    """Of a client with a certificate, that is."""
    old = frozenset({"smtpd_tls_fingerprint_digest"})
    rules = replace(RULES, client=steps(word, x={}), clientcerts=table("relay_clientcerts"), old=old)
    setting = "smtpd_tls_fingerprint_digest=md5 to compute certificate fingerprints"
    text = f"using backwards-compatible default setting {setting}"
    peer = PeerCertificate("client", "issuer", "AA", "BB", is_trusted=False)
    for tls, told in ((SimpleNamespace(peer=peer), [text]), (SimpleNamespace(peer=None), []), (None, [])):
        decision = decide(Stage.RCPT, rules, replace(CONTEXT, tls=tls))
        assert [note.text for note in decision.notes] == told


def test_routing_in_the_local_part_is_recognized() -> None:
    """What a relay must not pass on."""
    assert all(map(is_source_routed, ("a%b@c.d", "a!b@c.d", '"a@b"@c.d')))
    assert not any(map(is_source_routed, ("a@c.d", "a+b@c.d", "a")))


LISTED = RecipientTables(
    table("l", {"joe@local.test": "x"}), table("v", {"known@virtual.test": "x"}), table("a"), table("r")
)


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("joe@local.test", "ok"),
        ("known@virtual.test", "ok"),
        ("far@away.test", "ok"),
        ("", "ok"),
        (
            "jim@local.test",
            "550 5.1.0 <jim@local.test>: Sender address rejected: User unknown in local recipient table",
        ),
        (
            "x@virtual.test",
            "550 5.1.0 <x@virtual.test>: Sender address rejected: User unknown in virtual mailbox table",
        ),
        ("x@alias.test", "550 5.1.7 <x@alias.test>: Sender address rejected: User unknown in virtual alias table"),
    ],
)
@pytest.mark.parametrize("delays_reject", [True, False])
def test_senders_of_ours_that_do_not_exist_are_refused(sender: str, expected: str, delays_reject: bool) -> None:
    """smtpd_reject_unlisted_sender, even when the list of the sender permits, and reject_unlisted_sender in a list."""
    context = replace(CONTEXT, sender=sender, recipient="known@virtual.test")
    behind = Rules(
        LISTED, sender=steps("permit"), behind_sender=steps("reject_unlisted_sender"), delays_reject=delays_reject
    )
    stage = Stage.RCPT if delays_reject else Stage.MAIL
    assert stage in active_stages(behind)
    assert reply(decide(stage, behind, context)) == expected
    in_list = Rules(LISTED, sender=steps("reject_unlisted_sender"), delays_reject=delays_reject)
    assert reply(decide(stage, in_list, context)) == expected


def test_sender_is_looked_for_once() -> None:
    """And put off when trivial-rewrite or a table has no answer."""
    world = World()
    rules = Rules(LISTED, sender=steps("reject_unlisted_sender"), behind_sender=steps("reject_unlisted_sender"))
    context = replace(CONTEXT, sender="joe@local.test", recipient="known@virtual.test")
    decide(Stage.RCPT, rules, context, world)
    assert [asked for asked in world.asked if asked == Resolve("joe@local.test")] == [Resolve("joe@local.test")]
    assert reply(decide(Stage.RCPT, rules, context, World(broken=True))).startswith("451 4.3.0 <joe@local.test>")


OWNERS = table("o", {"own@x.test": "ALICE", "two@x.test": "bob, alice", "other@x.test": "bob"})
LOGIN_RULES = ("sender", "authenticated_sender", "known_sender", "unauthenticated_sender")


@pytest.mark.parametrize(
    ("login", "sender", "refused_by"),
    [
        (None, "own@x.test", ("sender", "known_sender", "unauthenticated_sender")),
        (None, "none@x.test", ()),
        (None, "", ()),
        ("alice", "own@x.test", ()),
        ("Alice", "two@x.test", ()),
        ("alice", "other@x.test", ("sender", "authenticated_sender", "known_sender")),
        ("alice", "none@x.test", ("sender", "authenticated_sender")),
        ("alice", "", ()),
    ],
)
def test_owner_of_a_sender(login: str | None, sender: str, refused_by: tuple[str, ...]) -> None:
    """Which of the four refuses whom, with Postfix's words."""
    context = replace(CONTEXT, sender=sender, sasl_username=login)
    for name in LOGIN_RULES:
        steps = parse_restrictions([f"reject_{name}_login_mismatch"], None)
        decision = decide(Stage.RCPT, Rules(NO_TABLES, sender=steps, has_logins=True, login_maps=OWNERS), context)
        problem = "not logged in" if login is None else f"not owned by user {login}"
        expected = f"553 5.7.1 <{sender}>: Sender address rejected: {problem}" if name in refused_by else None
        assert (decision.rejection and decision.rejection.reply) == expected


def test_owner_that_cannot_be_asked_for() -> None:
    """For now, and in the name of the sender; a table that there is not has no owners."""
    steps = parse_restrictions(["reject_sender_login_mismatch"], None)
    rules = Rules(NO_TABLES, recipient=steps, has_logins=True, login_maps=OWNERS)
    decision = decide(Stage.RCPT, rules, replace(CONTEXT, sender="own@x.test"), World(broken=True))
    assert decision.rejection is not None
    assert decision.rejection.reply == "451 4.3.0 <own@x.test>: Temporary lookup failure"
    without = decide(Stage.RCPT, replace(rules, login_maps=table("o")), replace(CONTEXT, sasl_username="alice"))
    assert without.rejection is None


def test_restrictions_on_logins_say_nothing_where_nobody_can_log_in() -> None:
    """Which the log has."""
    maps = table("t", {"alice": "REJECT"})
    steps = parse_restrictions(["reject_sender_login_mismatch", "check_sasl_access", "t:t"], lambda spec: maps)
    decision = decide(Stage.RCPT, Rules(NO_TABLES, sender=steps, login_maps=OWNERS), CONTEXT)
    assert decision.rejection is None
    assert [note.text for note in decision.notes] == [
        "restriction `reject_authenticated_sender_login_mismatch' ignored: no SASL support",
        "restriction `reject_unauthenticated_sender_login_mismatch' ignored: no SASL support",
        "restriction `check_sasl_access' ignored: no SASL support",
    ]


def test_access_by_login() -> None:
    """The login as it is, and nothing for who has none."""
    maps = table("t", {"alice": "REJECT no alice", "x.test": "REJECT"})
    steps = parse_restrictions(["check_sasl_access", "t:t"], lambda spec: maps)
    rules = Rules(NO_TABLES, sender=steps, has_logins=True)
    for login, expected in [
        ("alice", "554 5.7.1 <alice>: SASL login name rejected: no alice"), ("bob@x.test", None), (None, None),
    ]:  # fmt: skip
        decision = decide(Stage.RCPT, rules, replace(CONTEXT, sasl_username=login))
        assert (decision.rejection and decision.rejection.reply) == expected


def test_anonymous_login_is_no_login() -> None:
    """permit_sasl_authenticated is for those whose name is known."""
    steps = parse_restrictions(["permit_sasl_authenticated", "reject"], None)
    rules = Rules(NO_TABLES, sender=steps, has_logins=True)
    for method, is_refused in [("PLAIN", False), ("Anonymous", True)]:
        decision = decide(Stage.RCPT, rules, replace(CONTEXT, sasl_username="x", sasl_method=method))
        assert (decision.rejection is not None) is is_refused


CLASSES_OF = {"outer": ["inner", "reject"], "inner": ["check_sender_access", "t:t"], "itself": ["itself"]}


def test_class_stands_for_its_list() -> None:
    """In a list, in another class, in an access table; what it decides is decided."""
    maps = table("t", {"good@x.test": "OK", "bad@x.test": "REJECT inner"})
    find = class_finder(CLASSES_OF, lambda spec: maps)
    in_table = table("h", {"helo.example": "outer"})
    for steps in (
        parse_restrictions(["outer", "reject"], lambda spec: maps, find_class=find),
        parse_restrictions(["check_helo_access", "t:h"], lambda spec: in_table, find_class=find),
    ):
        for sender, expected in [
            ("good@x.test", None),
            ("bad@x.test", "554 5.7.1 <bad@x.test>: Sender address rejected: inner"),
        ]:
            context = replace(CONTEXT, sender=sender)
            decision = decide(Stage.RCPT, Rules(NO_TABLES, sender=steps, helo=steps, find_class=find), context)
            assert (decision.rejection and decision.rejection.reply) == expected
        assert decide(Stage.RCPT, Rules(NO_TABLES, sender=steps, find_class=find)).rejection is not None


def test_class_in_itself_and_its_guards() -> None:
    """The first is a mistake that the client is told of as one; the second count against an open relay."""
    find = class_finder(CLASSES_OF, lambda spec: table("t"))
    steps = parse_restrictions(["itself"], None, find_class=find)
    decision = decide(Stage.RCPT, Rules(NO_TABLES, sender=steps))
    assert decision.rejection is not None and decision.rejection.reply == "451 4.3.5 Server configuration error"
    assert guards_against_relaying([parse_restrictions(["outer"], None, find_class=find)])
    assert not guards_against_relaying([parse_restrictions(["inner"], None, find_class=find)])
