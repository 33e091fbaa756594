"""Decide what becomes of each line of a Postfix configuration, and what is told about it.

Pure: two texts, what is not honoured, and what is known about the tables go in; two texts, the indexes to build and a
report come out. An omission that lets mail in, holds it up or loses it needs somebody's word (--accept).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.commands.import_postfix import locate
from pyfix.commands.import_postfix.changes import Change, LogicalText, apply_changes, logical_texts
from pyfix.commands.import_postfix.facts import QUOTAS, Source, TableFact
from pyfix.commands.import_postfix.paths import OWN_DIRECTORIES, is_below, move_below, own_path
from pyfix.commands.review import Loss, Omission
from pyfix.commands.review.omission import severity_of
from pyfix.commands.review.review import ORIGIN

_NEEDS_CONSENT: Final = (Loss.GUARD, Loss.LOST, Loss.HELD, Loss.IMPOSSIBLE)
_CHANGES_MAIL: Final = (Loss.DIFFERENT, *_NEEDS_CONSENT)
_QUOTA_SERVICE: Final = "quota-status/unix"
_AUTH_SERVICE: Final = "auth/unix"
_ALIAS_PARAMETERS: Final = ("alias_maps", "alias_database")


@dataclass(frozen=True, slots=True)
class Index:
    """An index to build from its source."""

    kind: str
    path: str
    """Of the source, where it will be."""
    is_alias: bool


@dataclass(slots=True)
class Plan:
    """What an import will do."""

    main_cf: str = ""
    master_cf: str = ""
    indexes: list[Index] = field(default_factory=list)
    report: list[Finding] = field(default_factory=list)
    changes_mail: bool = False
    """Whether some mail will be refused, taken or delivered differently."""
    unknown: list[str] = field(default_factory=list)
    """Names that were accepted and that nothing stands for."""

    @property
    def is_refused(self) -> bool:
        """Whether something needs a word that nobody has given."""
        return any(item.severity in (Severity.ERROR, Severity.FATAL) for item in self.report)


def make_plan(source: Source, target: str, omissions: Sequence[Omission], accepted: Collection[str]) -> Plan:
    """Return what is to be done with a configuration that is to move to `target`."""
    return _Planner(source, target, accepted).make(omissions)


class _Planner:
    """One plan in the making."""

    def __init__(self, source: Source, target: str, accepted: Collection[str]) -> None:
        self._source = source
        self._target = target
        self._accepted = accepted
        self._main = list(logical_texts(source.main_cf, source.main_path))
        self._master = list(logical_texts(source.master_cf, source.master_path))
        self._main_changes: list[Change] = []
        self._master_changes: list[Change] = []
        self._appended: list[str] = []
        self._plan = Plan()

    def make(self, omissions: Sequence[Omission]) -> Plan:
        plan = self._plan
        gone = {item.where.service for item in omissions if item.where.service and not item.where.parameter}
        for omission in omissions:
            self._omit(omission)
        self._move_own_directories()
        self._place_tables([fact for fact in self._source.tables if fact.service not in gone])
        self._main_changes += self._moved_paths(self._main)
        self._master_changes += self._moved_paths(self._master)
        plan.main_cf = apply_changes(self._source.main_cf, self._main_changes, self._appended)
        plan.master_cf = apply_changes(
            self._source.master_cf, self._master_changes, [*self._quota_service(), *self._auth_service()]
        )
        plan.unknown = [name for name in self._accepted if name not in {item.subject for item in omissions}]
        return plan

    def _omit(self, omission: Omission) -> None:
        if omission.subject == ORIGIN and self._source.origin:
            self._write_origin(omission)
            return
        loss = omission.loss_when_taken_out
        self._plan.changes_mail |= loss in _CHANGES_MAIL
        consent = loss in _NEEDS_CONSENT
        if consent and (omission.subject not in self._accepted or loss is Loss.IMPOSSIBLE):
            accept = f"if that is all right: --accept {omission.subject}"
            remedy = omission.remedy if loss is Loss.IMPOSSIBLE else accept
            self._tell(severity_of(loss), omission.place, omission.text_when_taken_out, remedy)
            return
        done = "taken out of the list" if omission.where.words else "commented out"
        severity = Severity.WARNING if consent else severity_of(loss)
        self._tell(severity, omission.place, omission.text_when_taken_out, f"accepted, {done}" if consent else done)
        if omission.where.service:
            self._master_changes += self._without_service(omission)
        else:
            self._main_changes += self._without_setting(omission)

    def _write_origin(self, omission: Omission) -> None:
        text = f"{ORIGIN}={omission.value}: {omission.reason}"
        self._tell(Severity.NOTE, omission.place, text, f"it is {self._source.origin} now")
        for logical in self._main:
            if locate.setting_name(logical.text) == ORIGIN:
                value = locate.setting_value(logical.text)
                self._main_changes += logical.change(value.start, value.end, self._source.origin, omission.reason)

    def _without_setting(self, omission: Omission) -> Iterator[Change]:
        """Take out every assignment of a name: with the last one gone, an earlier one would hold."""
        for logical in self._main:
            if locate.setting_name(logical.text) != omission.where.parameter:
                continue
            if not omission.where.words:
                yield from logical.remove_all(omission.reason)
            for span in _words(logical, locate.setting_value(logical.text), omission):
                yield from logical.remove(span.start, span.end, f"{omission.subject}: {omission.reason}")

    def _without_service(self, omission: Omission) -> Iterator[Change]:
        where, reason = omission.where, f"{omission.subject}: {omission.reason}"
        for logical in self._master:
            if locate.service_name(logical.text) != where.service:
                continue
            if not where.parameter:
                yield from logical.remove_all(omission.reason)
            for option in locate.find_options(logical.text, where.parameter):
                if not where.words:
                    yield from logical.remove(option.whole.start, option.whole.end, reason)
                for span in _words(logical, option.value, omission):
                    yield from logical.remove(span.start, span.end, reason)

    def _move_own_directories(self) -> None:
        for logical in self._main:
            name = locate.setting_name(logical.text)
            if name not in OWN_DIRECTORIES:
                continue
            value = locate.setting_value(logical.text)
            old = self._source.values[name]
            new, reason = own_path(old), OWN_DIRECTORIES[name]
            self._main_changes += logical.change(value.start, value.end, new, reason)
            self._tell(Severity.NOTE, self._place(logical), f"{name}={old}: {reason}", f"it is {new} now")

    def _quota_service(self) -> list[str]:
        """Return the lines of master.cf for full mailboxes to be refused, where there are quotas."""
        if not self._source.quotas:
            return []
        text = f"{QUOTAS}: quotas are in force here; a Postfix without the VDA patch has ignored them"
        if any(locate.service_name(logical.text) == _QUOTA_SERVICE for logical in self._master):
            self._tell(Severity.NOTE, self._source.quotas, text)
            return []
        self._tell(Severity.NOTE, self._source.quotas, text, "master.cf has the service quota-status now")
        return ["# pyfix: tells smtpd of full mailboxes", "quota-status unix - n n - - quota-status"]

    def _auth_service(self) -> list[str]:
        """Return the lines of master.cf for the service that checks passwords, where clients log in."""
        if not self._source.logins or any(locate.service_name(item.text) == _AUTH_SERVICE for item in self._master):
            return []
        text = "clients log in here: pyfix's auth checks passwords, by smtpd.conf as Cyrus' library did"
        self._tell(Severity.NOTE, self._source.logins, text, "master.cf has the service auth now")
        return ["# pyfix: checks passwords", "auth unix - n n - 1 auth"]

    def _place_tables(self, facts: Sequence[TableFact]) -> None:
        for fact in facts:
            if not fact.has_source:
                self._tell_of_missing(fact)
                continue
            inside = is_below(fact.path, self._source.directory)
            path = move_below(fact.path, self._source.directory, self._target) if inside else fact.path
            index = Index(fact.kind if inside else "lmdb", path, fact.parameter in _ALIAS_PARAMETERS)
            if not inside:
                if fact.is_readable:
                    continue
                self._use_lmdb(fact)
            if index not in self._plan.indexes:
                self._plan.indexes.append(index)

    def _use_lmdb(self, fact: TableFact) -> None:
        """Let a table outside have an index beside Postfix's: with one of that name Postfix could do nothing."""
        spec = f"{fact.kind}:{fact.path}"
        reason = f"the index of {spec} is for Postfix, which can't read one of pyfix's"
        self._tell(Severity.NOTE, fact.place, f"{fact.parameter}: {reason}", f"it is lmdb:{fact.path} now")
        if fact.is_default:
            value = re.sub(rf"\b{re.escape(spec)}(?=[\s,]|$)", f"lmdb:{fact.path}", fact.value)
            self._appended += [f"# pyfix: {reason}", f"{fact.parameter} = {value}"]
        for logicals, changes in ((self._main, self._main_changes), (self._master, self._master_changes)):
            for logical in logicals:
                for found in re.finditer(rf"(?<![\w.:-]){re.escape(spec)}(?=[\s,}}]|$)", logical.text):
                    changes += logical.change(found.start(), found.start() + len(fact.kind), "lmdb", reason)

    def _tell_of_missing(self, fact: TableFact) -> None:
        spec = f"{fact.kind}:{fact.path}"
        if fact.has_index:
            text = f"{spec} has an index for Postfix and no source: mail that needs it waits"
            remedy = f"write the source with Postfix's postmap -s {spec} > {fact.path}"
            self._plan.changes_mail = True
        else:
            text, remedy = f"{spec} has neither source nor index", f"make {fact.path}, and run postmap"
        self._tell(Severity.WARNING, fact.place, f"{fact.parameter}: {text}", remedy)

    def _moved_paths(self, logicals: Sequence[LogicalText]) -> Iterator[Change]:
        old = self._source.directory
        reason = f"{old} is {self._target} here"
        for logical in logicals:
            for found in re.finditer(rf"(?<![\w./-]){re.escape(old)}(?=[/\s,;:}}]|$)", logical.text):
                yield from logical.change(found.start(), found.end(), self._target, reason)

    def _place(self, logical: LogicalText) -> str:
        return f"{self._source.main_path}, line {logical.line}"

    def _tell(self, severity: Severity, place: str, text: str, remedy: str = "") -> None:
        self._plan.report.append(Finding(severity, place, text, remedy))


def _words(logical: LogicalText, within: locate.Span, omission: Omission) -> Iterator[locate.Span]:
    if omission.where.words:
        yield from locate.find_words(logical.text, within, omission.where.words)
