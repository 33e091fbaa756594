"""`pyfix explain` says what smtpd answers.

Setup: a private instance, one configuration after the other, made by chance but the same in each run. Path: clients of
several addresses name recipients of each class, listed and not, to the running smtpd. Check: the first refusal, or the
answer to RCPT TO, is to the letter what explain has said.
"""

from __future__ import annotations

import random
import re
import smtplib
from collections.abc import Iterator

import pytest
from instance import DEADLINE_S, Instance

from pyfix.commands.explain.gather import Question, explain
from pyfix.commands.explain.peer import Client
from pyfix.mail.config import Config

pytestmark = pytest.mark.system
CLIENTS = ("127.0.0.1", "127.0.0.2", "127.0.1.9")
SENDERS = ("", "good@sender.test", "bad@evil.test", "odd+x@sender.test")
ADDRESSES = (
    "alice@example.test", "nobody@example.test", "abuse@example.test", "Alice+x@Example.TEST", "root@local.test",
    "no.user@local.test", "info@alias.test", "none@alias.test", "bob@relay.test", "rob@relay.test",
    "bob@sub.relay.test", "bob@elsewhere.test", "bob%elsewhere.test@local.test", "elsewhere.test!bob@local.test",
    '"bob@elsewhere.test"@local.test', "bob@[127.0.0.1]", "bob@[192.0.2.7]", "postmaster", "alice", "alice@host",
    "moved@local.test", "bob@broken.test", "@elsewhere.test:bob@relay.test", "a b@local.test", "bob@-bad-.test",
)  # fmt: skip
RESTRICTIONS = (
    "permit_mynetworks", "reject_unauth_destination", "defer_unauth_destination", "permit_auth_destination",
    "reject_unlisted_recipient", "permit_sasl_authenticated", "warn_if_reject reject", "nonsense",
    "check_client_access inline:{127.0.0.2=OK 127.0.1=DEFER_IF_PERMIT}",
    "check_client_access inline:{{127.0.1 = reject_unauth_destination}}",
    "check_sender_access inline:{{evil.test=REJECT go away} {odd@=450 4.7.9 later} {<>=DUNNO}}",
    "check_recipient_access inline:{{rob@relay.test=DEFER_IF_REJECT wait} {alias.test=550 no}}",
    "check_helo_access inline:{{helo.test=INFO hello}}",
    "check_sender_access fail:down", "defer_if_permit", "reject", "defer", "permit",
)  # fmt: skip
COMMON = {
    "mydestination": "local.test, localhost",
    "mynetworks": "127.0.0.1/32",
    "recipient_delimiter": "+",
    "virtual_alias_domains": "alias.test",
    "virtual_alias_maps": "inline:{info@alias.test=alice@example.test abuse@example.test=alice@example.test}",
    "relay_domains": "relay.test",
    "relay_recipient_maps": "inline:{bob@relay.test=x bob@sub.relay.test=x}",
    "local_recipient_maps": "inline:{root=x moved=x}",
    "relocated_maps": "inline:{moved@local.test=moved@new.test}",
    "transport_maps": "inline:{broken.test=error:}",
    "smtpd_error_sleep_time": "0",
    "append_dot_mydomain": "yes",
}
CHOICES = {
    "smtpd_delay_reject": ("yes", "yes", "no"),
    "soft_bounce": ("no", "no", "yes"),
    "smtpd_reject_unlisted_recipient": ("yes", "yes", "no"),
    "parent_domain_matches_subdomains": ("relay_domains, smtpd_access_maps", ""),
    "smtpd_relay_before_recipient_restrictions": ("yes", "no"),
    "show_user_unknown_table_name": ("yes", "no"),
    "mynetworks": ("127.0.0.1/32", "127.0.0.0/24", "fail:down"),
    "unknown_local_recipient_reject_code": ("550", "450"),
    "access_map_reject_code": ("554", "521"),
    "allow_percent_hack": ("yes", "no"),
}


def some_settings(chance: random.Random) -> dict[str, str]:
    """Return settings that are not an open relay."""
    settings = COMMON | {name: chance.choice(values) for name, values in CHOICES.items()}
    for stage in ("client", "helo", "sender", "recipient"):
        words = chance.sample(RESTRICTIONS, chance.choice((0, 0, 1, 2, 4)))
        settings[f"smtpd_{stage}_restrictions"] = ", ".join(words)
    before = chance.sample(RESTRICTIONS, chance.choice((0, 1, 2)))
    settings["smtpd_relay_restrictions"] = ", ".join([*before, "permit_mynetworks", "reject_unauth_destination"])
    return settings


def first_refusal(port: int, client: str, sender: str, address: str) -> tuple[str, str]:
    """Return where smtpd refuses, and its reply; at RCPT also when it does not."""
    smtp = smtplib.SMTP(timeout=DEADLINE_S, source_address=(client, 0))
    code, text = smtp.connect("127.0.0.1", port)
    commands = (("HELO", "EHLO helo.test"), ("MAIL", f"MAIL FROM:<{sender}>"), ("RCPT", f"RCPT TO:<{address}>"))
    stage = "CONNECT"
    with_status = iter(commands)
    while code < 400:
        try:
            stage, command = next(with_status)
        except StopIteration:
            break
        code, text = smtp.docmd(command)
    smtp.close()
    return stage, f"{code} {text.decode()}"


def explained(config: Config, client: str, sender: str, address: str) -> tuple[str, str]:
    """Return the same as explain says it."""
    found = explain(config, Question(address, sender, Client(client), "helo.test"))
    assert found.verdict is not None
    return found.verdict.stage, found.verdict.reply


def cases(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield client, sender and recipient."""
    for address in ADDRESSES:
        yield chance.choice(CLIENTS), chance.choice(SENDERS), address


@pytest.mark.parametrize("seed", range(6))
def test_explain_says_what_smtpd_answers(instance: Instance, seed: int) -> None:
    """Over restrictions, tables and classes of all kinds; the name of each client is looked up on both sides."""
    chance = random.Random(seed)
    settings = some_settings(chance)
    instance.set(**settings)
    instance.start()
    config = Config.load(str(instance.etc))
    differences = []
    for client, sender, address in cases(chance):
        said, told = first_refusal(instance.port, client, sender, address), explained(config, client, sender, address)
        if said != told:
            differences.append(f"{client} <{sender}> <{address}>: smtpd {said}, explain {told}")
    assert not differences, "\n".join([*differences, *(f"{name} = {value}" for name, value in settings.items())])


def test_the_cases_are_refused_and_accepted_in_many_ways() -> None:
    """Else they would show little: settings by chance reach most restrictions."""
    used = " ".join(str(some_settings(random.Random(seed))) for seed in range(6))
    reached = [word for word in RESTRICTIONS if re.search(re.escape(word), used)]
    assert len(reached) >= len(RESTRICTIONS) - 3
