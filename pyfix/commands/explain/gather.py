"""Put an explanation together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.base.log import MemoryLog
from pyfix.commands.explain import facts
from pyfix.commands.explain.client import Server
from pyfix.commands.explain.delivery import Delivery, runs_as_root
from pyfix.commands.explain.facts import Explanation
from pyfix.commands.explain.peer import Client, name_client
from pyfix.commands.explain.rewriting import Complete, Rewriting, make_complete
from pyfix.commands.explain.routing import Router
from pyfix.commands.explain.services import Services
from pyfix.mail.config import Config, ConfigError, CoreParameters
from pyfix.mail.restrictions.questions import Context, Stage
from pyfix.mail.smtp.commands import CommandError, Features, clean_helo, parse_mail, parse_rcpt

_ALL: Final = Features()
_NO_AUTH: Final = "no client can: smtpd offers no AUTH (smtpd_sasl_auth_enable = no)"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    address: str
    sender: str = ""
    """"" is the null sender."""
    client: Client | None = None
    helo: str = ""
    """"" for the name of the client."""
    service: str = ""
    """Of the smtpd that the client talks to; "" for the first in master.cf."""
    as_root: bool | None = None
    """Whether the mail system has root's rights; None: look at the queue directory."""
    sasl_username: str | None = None
    """Who the client has logged in as."""


def explain(config: Config, question: Question) -> Explanation:
    """Return everything about an address; raises ConfigError for what keeps the processes from starting."""
    return _Gatherer(config, question).run()


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Sender and recipient as smtpd understands them."""

    sender: str
    recipient: str
    flaws: dict[Stage, str]
    """What is no address, with smtpd's reply: sender or recipient are as given then."""

    @classmethod
    def of(cls, question: Question) -> _Envelope:
        """Parse both."""
        sender, recipient = _bare(question.sender), _bare(question.address)
        flaws: dict[Stage, str] = {}
        try:
            sender = parse_mail(f"FROM:<{sender}>", _ALL).sender
        except CommandError as error:
            flaws[Stage.MAIL] = error.reply
        try:
            recipient = parse_rcpt(f"TO:<{recipient}>", _ALL).recipient
        except CommandError as error:
            flaws[Stage.RCPT] = error.reply
        return cls(sender, recipient, flaws)


class _Gatherer:
    """One explanation in the making."""

    def __init__(self, config: Config, question: Question) -> None:
        self._question = question
        self._found = Explanation(question.address)
        self._log = MemoryLog("explain")
        self._services = Services.load(config, self._found.lookups.append)
        self._core = config.read(CoreParameters)

    def run(self) -> Explanation:
        found, core = self._found, self._core
        router = Router(self._services, core.rewrite_service_name, found.lookups, self._log.warning)
        complete = make_complete(router.params)
        envelope = _Envelope.of(self._question)
        cleanup = core.cleanup_service_name
        if self._question.client is not None:
            cleanup = self._judge(self._question.client, router, complete, envelope)
        found.problem = next(iter(envelope.flaws.values()), "")
        if not found.problem:
            rewriting = Rewriting(self._services, complete, cleanup, self._log)
            self._follow(rewriting, router, complete, envelope)
        found.warnings = list(dict.fromkeys([*self._services.warnings(), *self._log_warnings()]))
        return found

    def _judge(self, client: Client, router: Router, complete: Complete, envelope: _Envelope) -> str:
        """Find out what smtpd says; return the cleanup service that it hands messages to."""
        service = self._services.find_public("smtpd", self._question.service)
        if service is None or service.entry is None:
            named = f" {self._question.service}" if self._question.service else ""
            raise ConfigError(f"{self._services.path}: no smtpd service{named} that clients reach over the network")
        server = Server(service, router, complete, self._found.lookups, self._log.warning)
        name = name_client(client, looks_up=server.params.smtpd_peername_lookup)
        helo = clean_helo(self._question.helo or (name if name != "unknown" else f"[{client.address}]"))
        login = self._question.sasl_username
        offers_auth = server.params.smtpd_sasl_auth_enable
        context = Context(name, client.address, helo, envelope.sender, envelope.recipient, login)
        verdict = facts.Verdict(context.client, helo, envelope.sender, service.entry.name, service.entry.place)
        if login is not None:
            verdict.login, verdict.login_problem = login, "" if offers_auth else _NO_AUTH
        self._found.verdict = verdict
        server.judge(context, verdict, envelope.flaws)
        return server.params.cleanup_service_name

    def _follow(self, rewriting: Rewriting, router: Router, complete: Complete, envelope: _Envelope) -> None:
        """Follow the recipient through cleanup and qmgr to its mailboxes."""
        final_sender = rewriting.sender(envelope.sender)
        as_root = self._question.as_root
        delivery = Delivery(
            self._services, router, complete, final_sender,
            as_root=runs_as_root(self._services.config) if as_root is None else as_root,
        )  # fmt: skip
        for address in rewriting.follow(envelope.recipient, self._found):
            route = router.route(final_sender, address)
            delivery.describe(route)
            self._found.recipients.append(route)

    def _log_warnings(self) -> list[str]:
        return [line.removeprefix("warning: ") for line in self._log.lines]


def _bare(address: str) -> str:
    """Return an address without the brackets of SMTP."""
    return address[1:-1] if address.startswith("<") and address.endswith(">") else address
