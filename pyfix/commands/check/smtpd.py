"""What each SMTP server of master.cf does with strangers, and words in its lists that mean nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pyfix.commands.check.relay import (
    FAR_DOMAIN,
    STRANGERS,
    Lists,
    judge_lists,
    judge_networks,
    judge_relay_domains,
    judge_style,
)
from pyfix.commands.explain.facts import Verdict
from pyfix.commands.explain.gather import Question, explain
from pyfix.commands.explain.peer import Client
from pyfix.commands.findings import Finding, Severity
from pyfix.commands.review.restrictions import LISTS, find_lacking, takes_argument
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps import Maps, MatchList, TableError
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.restrictions.parse import Kind, parse_restrictions
from pyfix.mail.restrictions.tables import Opened, RestrictionTables


def check_servers(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield open relays, and restrictions that nobody knows."""
    seen: set[Finding] = set()
    for entry in entries:
        if entry.program == "smtpd" and entry.type is ServiceType.INET:
            service = config.overridden(entry.overrides, entry.name, entry.program)
            for finding in _check_server(config, service, entry):
                if finding not in seen:
                    seen.add(finding)
                    yield finding


def _check_server(config: Config, service: Config, entry: ServiceEntry) -> Iterator[Finding]:
    try:
        params = service.read(RestrictionParameters)
        tables = RestrictionTables(service, params, Opened())
        holds_all = MatchList(params.relay_domains, "relay_domains", service).matches(FAR_DOMAIN)
    except (ConfigError, TableError):
        return  # check_parameters or check_tables tells of it
    yield from _unknown_words(service, entry)
    problem = tables.find_open_relay()
    if problem:
        yield Finding(Severity.ERROR, entry.place, f"service {entry.name} does not start: {problem}")
        return
    found = [
        *judge_networks(_list(service, "mynetworks"), _place(service, entry, "mynetworks")),
        *judge_relay_domains(
            _list(service, "relay_domains"), _place(service, entry, "relay_domains"), holds_all=holds_all
        ),
        *judge_lists(
            Lists(
                entry.name,
                _place(service, entry, "smtpd_relay_restrictions", "smtpd_recipient_restrictions"),
                tables.rules.relay,
                tables.rules.recipient,
            )
        ),
    ]
    if not service.is_set("mynetworks"):
        found += judge_style(params.mynetworks_style, params.mynetworks, _place(service, entry, "mynetworks_style"))
    yield from found
    if not any(finding.severity is Severity.ERROR for finding in found):
        yield from _ask(config, entry)


def _ask(config: Config, entry: ServiceEntry) -> Iterator[Finding]:
    """Yield that strangers may relay, if two of them get that answer."""
    verdicts: list[Verdict] = []
    for address in STRANGERS:
        question = Question(
            f"stranger@{FAR_DOMAIN}", f"stranger@{FAR_DOMAIN}", Client(address, "unknown"), FAR_DOMAIN, entry.name
        )
        try:
            answer = explain(config, question).verdict
        except ConfigError:
            return  # others tell of it
        if answer is None or not answer.reply.startswith("2"):
            return
        verdicts.append(answer)
    last = verdicts[-1]
    by = f"{last.restriction or 'no restriction'} in {last.decided_by.name}" if last.decided_by else "no restriction"
    place = (last.decided_by.place if last.decided_by else "") or entry.place
    text = f"service {entry.name}: open relay: strangers may send mail to anywhere; it is permitted by {by}"
    yield Finding(Severity.ERROR, place, text, "end smtpd_relay_restrictions with reject_unauth_destination")


def _unknown_words(service: Config, entry: ServiceEntry) -> Iterator[Finding]:
    """Yield words that are no restriction, neither of pyfix's nor of Postfix's."""
    classes = _list(service, "smtpd_restriction_classes")
    for name in LISTS:
        text = service.expand(service.get(name) or "")
        lacking = {item.words[0] for item in find_lacking(text, name, classes)}
        for word in _misspelt(_list(service, name), lacking):
            effect = f'unknown smtpd restriction "{word}": {name} is answered with 451 4.3.5 from there on'
            remedy = "give the comment a line of its own" if word.startswith("#") else "correct the word"
            yield Finding(Severity.ERROR, _place(service, entry, name), f"{name}: {effect}", remedy)
            break  # what comes behind it is never reached


def _misspelt(listed: Sequence[str], lacking: set[str]) -> Iterator[str]:
    rest = iter(listed)
    for word in rest:
        name = word.lower()
        if takes_argument(name):
            next(rest, "")
        elif name != "warn_if_reject" and ":" not in word and word not in lacking:
            (step,) = parse_restrictions([word], lambda spec: Maps(spec, []))
            if step.kind is Kind.UNKNOWN:
                yield word


def _list(config: Config, name: str) -> list[str]:
    try:
        return words(config.expand(config.get(name) or ""), name)
    except ValueRefused:
        return []  # check_parameters tells of it


def _place(service: Config, entry: ServiceEntry, *names: str) -> str:
    """Return where the first of some parameters is set."""
    places = [service.place(name) for name in names if service.is_set(name)]
    if not places:
        return service.main_cf
    return entry.place if re.match("-o ", places[0]) else places[0]
