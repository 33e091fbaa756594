"""What each SMTP server of master.cf does with strangers, and words in its lists that mean nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pyfix.commands.check.access import judge_tables
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
from pyfix.mail.config.values import words
from pyfix.mail.maps import Maps, MatchList, TableError
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.restrictions.parse import Kind, parse_restrictions
from pyfix.mail.restrictions.tables import Opened, RestrictionTables


def check_servers(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield open relays, restrictions that nobody knows, and tables with results that smtpd can't carry out."""
    found = (finding for server in _servers(config, entries) for finding in _check_server(config, server))
    yield from dict.fromkeys(found)


def check_access_tables(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield results in access tables that smtpd can't carry out."""
    yield from dict.fromkeys(finding for server in _servers(config, entries) for finding in _judge_access(server))


@dataclass(frozen=True, slots=True)
class _Server:
    """An smtpd that listens on the network."""

    entry: ServiceEntry
    config: Config
    params: RestrictionParameters
    tables: RestrictionTables
    transports: Collection[str]
    """The services that mail can be given to."""

    def words(self, name: str) -> list[str]:
        """Return the words of a parameter; none where it makes no sense, which check_parameters tells of."""
        try:
            return words(self.config.expand(self.config.get(name) or ""), name)
        except ConfigError:
            return []

    def place(self, *names: str) -> str:
        """Return where the first of some parameters is set."""
        places = [self.config.place(name) for name in names if self.config.is_set(name)]
        if not places:
            return self.config.main_cf
        return self.entry.place if places[0].startswith("-o ") else places[0]


def _servers(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[_Server]:
    transports = {entry.name for entry in entries if entry.type is ServiceType.UNIX}
    for entry in entries:
        if entry.program == "smtpd" and entry.type is ServiceType.INET:
            service = config.overridden(entry.overrides, entry.name, entry.program)
            try:
                params = service.read(RestrictionParameters)
                yield _Server(entry, service, params, RestrictionTables(service, params, Opened()), transports)
            except ConfigError:
                continue  # check_parameters or check_tables tells of it


def _judge_access(server: _Server) -> Iterator[Finding]:
    rules = server.tables.rules
    lists = (rules.client, rules.helo, rules.sender, rules.relay, rules.recipient, rules.data, rules.end_of_data)
    classes = server.words("smtpd_restriction_classes")
    for name, steps in zip(LISTS, lists, strict=True):
        yield from judge_tables(name, steps, server.place(name), server.transports, classes)


def _check_server(config: Config, server: _Server) -> Iterator[Finding]:
    entry, rules = server.entry, server.tables.rules
    yield from _unknown_words(server)
    yield from _judge_access(server)
    problem = server.tables.find_open_relay()
    if problem:
        yield Finding(Severity.ERROR, entry.place, f"service {entry.name} does not start: {problem}")
        return
    place = server.place("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
    found = [*_judge_settings(server), *judge_lists(Lists(place, rules.relay, rules.recipient))]
    yield from found
    if not any(finding.severity is Severity.ERROR for finding in found):
        yield from _ask(config, entry)


def _judge_settings(server: _Server) -> Iterator[Finding]:
    params = server.params
    yield from judge_networks(server.words("mynetworks"), server.place("mynetworks"))
    if not server.config.is_set("mynetworks"):
        yield from judge_style(params.mynetworks_style, params.mynetworks, server.place("mynetworks_style"))
    try:
        holds_all = MatchList(params.relay_domains, "relay_domains", server.config).matches(FAR_DOMAIN)
    except (ConfigError, TableError):
        return  # check_tables tells of it
    yield from judge_relay_domains(server.words("relay_domains"), server.place("relay_domains"), holds_all=holds_all)


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


def _unknown_words(server: _Server) -> Iterator[Finding]:
    """Yield words that are no restriction, neither of pyfix's nor of Postfix's; of each list the first."""
    classes = server.words("smtpd_restriction_classes")
    for name in (*LISTS, *classes):
        listed = server.words(name)
        lacking = {item.words[0] for item in find_lacking(", ".join(listed), name)}
        for word in islice(_misspelt(listed, {*lacking, *classes}), 1):
            effect = f'unknown smtpd restriction "{word}": {name} is answered with 451 4.3.5 from there on'
            remedy = "give the comment a line of its own" if word.startswith("#") else "correct the word"
            yield Finding(Severity.ERROR, server.place(name), f"{name}: {effect}", remedy)


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
