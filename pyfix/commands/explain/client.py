"""What smtpd answers when a client names a recipient, and which restriction decides.

The evaluation is smtpd's own; it is watched restriction by restriction. Its questions are answered from the tables
and by the rules of trivial-rewrite, on the spot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pyfix.commands.explain import facts
from pyfix.commands.explain.facts import RestrictionList, Setting, Step
from pyfix.commands.explain.rewriting import Complete
from pyfix.commands.explain.routing import CLASS_LISTS, Router
from pyfix.commands.explain.services import Service
from pyfix.mail.ipc.messages import Resolved, Room
from pyfix.mail.maps import TableError
from pyfix.mail.maps.traced import Lookup
from pyfix.mail.restrictions.evaluate import active_stages, evaluate
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.restrictions.parse import Kind, Restriction
from pyfix.mail.restrictions.progress import Progress, Rules, Verdict
from pyfix.mail.restrictions.questions import (
    Answer,
    Context,
    Decision,
    HasRoom,
    InNetworks,
    LookupFailed,
    Question,
    Stage,
)
from pyfix.mail.restrictions.questions import Lookup as LookupQuestion
from pyfix.mail.restrictions.search import Searcher
from pyfix.mail.restrictions.tables import Opened, RestrictionTables
from pyfix.mail.smtp import replies

ACCESS_PARAMETER: Final = "smtpd_access_maps"
"""What Postfix calls the tables of all lists together."""
_UNLISTED: Final = "smtpd_reject_unlisted_recipient"
_USER_TABLES: Final = {
    "local": "local_recipient_maps",
    "virtual": "virtual_mailbox_maps",
    "relay": "relay_recipient_maps",
}
_DESTINATION: Final = (Kind.PERMIT_AUTH_DESTINATION, Kind.REJECT_UNAUTH_DESTINATION, Kind.DEFER_UNAUTH_DESTINATION)
_WORDS: Final = {Verdict.OK: "permits", Verdict.REJECT: "refuses", Verdict.DUNNO: "says nothing"}


class Server:
    """smtpd, as one service of master.cf has it."""

    def __init__(
        self, service: Service, router: Router, complete: Complete, lookups: list[Lookup], warn: Callable[[str], object]
    ) -> None:
        self.service = service
        self.params = service.config.read(RestrictionParameters)
        self._tables = RestrictionTables(service.config, self.params, Opened())
        self._searcher = Searcher.from_params(self.params, self._tables.local_domains)
        self._router = router
        self._complete = complete
        self._lookups = lookups
        self._warn = warn

    def judge(self, context: Context, found: facts.Verdict, flaws: Mapping[Stage, str]) -> None:
        """Say what the client is told; `context` has all that it says, `flaws` what is no address, with the reply."""
        found.problem = self._tables.find_open_relay()
        if found.problem:
            return
        rules = self._tables.rules
        watcher = _Watcher(self, rules, found)
        stages = active_stages(rules)
        for stage in (Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT):
            if stage in flaws:
                self._refuse(found, stage, flaws[stage])
                return
            if stage not in stages:
                continue
            decision = self._decide(stage, rules, _known_at(stage, context), watcher)
            found.notes += [note.text for note in decision.notes]
            if decision.rejection is not None:
                self._refuse(found, stage, decision.rejection.reply)
                watcher.name_refusal()
                return
            if decision.fate is not None and decision.fate.is_discarded:
                watcher.name_last()
                break
        else:
            watcher.name_permission()
        found.reply = replies.RCPT_OK

    def _refuse(self, found: facts.Verdict, stage: Stage, reply: str) -> None:
        found.stage, found.reply = stage.value, replies.soften(reply) if self.params.soft_bounce else reply

    def resolve(self, recipient: str) -> Resolved:
        """Return where mail for a recipient goes, as smtpd asks trivial-rewrite."""
        (address,) = self._complete([recipient])
        return self._router.resolve("", address)

    def _decide(self, stage: Stage, rules: Rules, context: Context, watcher: _Watcher) -> Decision:
        watcher.begin(stage, context, len(self._lookups))
        evaluation = evaluate(stage, rules, context, watcher.watch)
        try:
            question = next(evaluation)
            while True:
                try:
                    answer = self._answer(question)
                except TableError as problem:
                    self._warn(str(problem))
                    question = evaluation.throw(LookupFailed(str(problem)))
                else:
                    question = evaluation.send(answer)
        except StopIteration as stop:
            decision: Decision = stop.value
            return decision

    def _answer(self, question: Question) -> Answer:
        match question:
            case LookupQuestion():
                return self._searcher.look_up(question)
            case InNetworks(name, address):
                return self._tables.networks.matches(name, address)
            case HasRoom():
                return Room()  # how full a mailbox is, is told with the delivery
            case _:
                return self.resolve(question.recipient)

    # --- for the watcher

    def name_lookups(self, start: int, parameter: str) -> int:
        """Give the lookups of access tables from there on the name of the list that asked; return where they end."""
        for index in range(start, len(self._lookups)):
            asked = self._lookups[index]
            if asked.parameter == ACCESS_PARAMETER:
                self._lookups[index] = replace(asked, parameter=parameter)
        return len(self._lookups)

    def reasons(self, kind: Kind, resolved: Resolved | None) -> list[Setting]:
        """Return what the verdict of a restriction depends on."""
        if kind is Kind.PERMIT_MYNETWORKS:
            return self.service.settings("mynetworks")
        if resolved is None or resolved.address_class not in CLASS_LISTS:
            return []
        if kind in _DESTINATION:
            return self._router.class_settings(resolved)
        if kind is Kind.REJECT_UNLISTED_RECIPIENT:
            return self.user_tables(resolved)
        return []

    def user_tables(self, resolved: Resolved) -> list[Setting]:
        """Return the tables in which a recipient has to be, and why in those."""
        mapped = ("recipient_canonical_maps", "canonical_maps")
        names = [name for name in mapped if self.service.config.is_set(name)]
        names += ["virtual_alias_maps", *filter(None, [_USER_TABLES.get(resolved.address_class)])]
        return list(dict.fromkeys([*self.service.settings(*names), *self._router.class_settings(resolved)]))


class _Watcher:
    """Notes what each restriction says."""

    def __init__(self, server: Server, rules: Rules, found: facts.Verdict) -> None:
        self._server = server
        self._found = found
        self._names = {
            id(step): name
            for name, steps in (
                ("smtpd_client_restrictions", rules.client),
                ("smtpd_helo_restrictions", rules.helo),
                ("smtpd_sender_restrictions", rules.sender),
                ("smtpd_reject_unlisted_sender", rules.behind_sender),
                ("smtpd_relay_restrictions", rules.relay),
                ("smtpd_recipient_restrictions", rules.recipient),
            )
            for step in steps
        }
        self._nested: list[Step] = []
        self._deferral: tuple[RestrictionList, Step] | None = None
        self._stage = Stage.RCPT
        self._recipient: str | None = None
        self._asked = 0

    def begin(self, stage: Stage, context: Context, asked: int) -> None:
        """A stage begins; so many questions have been asked before."""
        self._stage, self._recipient, self._asked = stage, context.recipient, asked

    def watch(self, progress: Progress, step: Restriction, verdict: Verdict, depth: int) -> None:
        """Note the verdict of one restriction; those in access tables come before the one that has the table."""
        noted = Step(_shown(step), _word(progress, verdict, self._deferral), self._reasons(progress, step), depth)
        if depth:
            self._nested.append(noted)
            return
        name = self._names[id(step)]
        self._asked = self._server.name_lookups(self._asked, name)
        lists = self._found.lists
        if not lists or lists[-1].setting.name != name or lists[-1].stage != self._stage.value:
            lists.append(RestrictionList(self._server.service.setting(name), self._stage.value))
        lists[-1].steps += [noted, *self._nested]
        self._nested = []
        if progress.if_permit is not None and self._deferral is None:
            self._deferral = (lists[-1], noted)

    def _reasons(self, progress: Progress, step: Restriction) -> list[Setting]:
        return self._server.reasons(step.kind, progress.resolved)

    def name_refusal(self) -> None:
        """Say which restriction the refusal comes from."""
        last = self._last()
        if last is not None and last[1].verdict == _WORDS[Verdict.REJECT]:
            self.name_last()
        elif self._deferral is not None:
            self._decide(*self._deferral)
        else:  # behind all lists
            self._found.restriction = _UNLISTED
            self._found.decided_by = self._server.service.setting(_UNLISTED)
            if self._recipient is not None:
                self._found.because = self._server.user_tables(self._server.resolve(self._recipient))

    def name_last(self) -> None:
        """Say that the restriction which was read last decides."""
        last = self._last()
        if last is not None:
            self._decide(*last)

    def name_permission(self) -> None:
        """Say which restriction lets the client relay, where one does; else nothing refuses."""
        for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions"):
            for listed in self._found.lists:
                step = _outer(listed)
                if listed.setting.name == name and step.verdict == _WORDS[Verdict.OK]:
                    self._decide(listed, step)
                    return

    def _last(self) -> tuple[RestrictionList, Step] | None:
        lists = self._found.lists
        return (lists[-1], _outer(lists[-1])) if lists else None

    def _decide(self, listed: RestrictionList, step: Step) -> None:
        self._found.restriction, self._found.decided_by, self._found.because = (
            step.restriction, listed.setting, step.because,
        )  # fmt: skip


def _outer(listed: RestrictionList) -> Step:
    """Return the last step that stands in the list itself."""
    return next(step for step in reversed(listed.steps) if not step.depth)


def _known_at(stage: Stage, context: Context) -> Context:
    """Return what is known at a stage of the dialogue."""
    order = (Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT)
    reached = order.index(stage)
    return Context(
        context.name,
        context.address,
        context.helo if reached >= 1 else "",
        context.sender if reached >= 2 else None,
        context.recipient if reached >= 3 else None,
        context.sasl_username if reached >= 2 else None,
    )


def _shown(step: Restriction) -> str:
    words = ["warn_if_reject"] if step.only_warns else []
    words.append(step.name)
    if step.maps is not None and step.maps.name != step.name:
        words.append(step.maps.name)
    return " ".join(words)


def _word(progress: Progress, verdict: Verdict, deferral: object) -> str:
    """Return what a restriction says."""
    if verdict is Verdict.DUNNO and progress.if_permit is not None and deferral is None:
        return "defers, unless something refuses"
    return _WORDS[verdict]
