"""An explanation as people read it: what the client is told first, then the way of the message, then every table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pyfix.commands.explain.facts import Explanation, LocalName, Route, Setting, Step, Verdict, VirtualMailbox
from pyfix.mail.config.errors import one_line
from pyfix.mail.maps.traced import Lookup
from pyfix.mail.restrictions.parse import Kind

_COLUMN: Final = 15
_VALUE_LIMIT: Final = 100
_LINE_LIMIT: Final = 1000
_STAGES: Final = {"CONNECT": "greeting", "HELO": "EHLO", "MAIL": "MAIL FROM", "RCPT": "RCPT TO"}


def show(found: Explanation) -> Iterator[str]:
    """Yield the lines."""
    if found.verdict is not None:
        yield from _verdict(found.verdict)
        yield ""
    yield _row("address", found.address)
    if found.problem:
        yield _row("problem", found.problem)
    for change in found.changes:
        yield from _rows(change.by, change.results)
    told = found.verdict.because if found.verdict is not None else []
    for route in found.recipients:
        yield ""
        yield from _route(route, told)
    if found.lookups:
        yield ""
        yield "tables asked"
        yield from _lookups(found.lookups)
    if found.warnings:
        yield ""
        yield from (f"warning: {text}" for text in found.warnings)


def _row(label: str, text: str, indent: str = "") -> str:
    width = max(_COLUMN - len(indent), len(label) + 1)
    return one_line(f"{indent}{label:<{width}}{text}".rstrip(), _LINE_LIMIT)


def _rows(label: str, texts: Iterable[str], indent: str = "") -> Iterator[str]:
    """Yield texts below each other; a long label has a line of its own."""
    if len(indent) + len(label) >= _COLUMN:
        yield indent + label
        label = ""
    for text in texts:
        yield _row(label, text, indent)
        label = ""


def _setting(setting: Setting) -> str:
    value = one_line(" ".join(setting.value.split()), _VALUE_LIMIT)
    return f"{setting.name} = {value} ({setting.place or 'default'})".replace("=  (", "= (")


# --- the client


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield _row("client", f"{verdict.client}, EHLO {verdict.helo}, MAIL FROM:<{verdict.sender}>")
    if verdict.login:
        yield _row("logged in", f"as {verdict.login}{verdict.login_problem and '; but '}{verdict.login_problem}")
    yield _row("server", f"smtpd, service {verdict.service} ({verdict.place})")
    if verdict.problem:
        yield _row("problem", f"smtpd does not start: {verdict.problem}")
        return
    yield _row(_STAGES[verdict.stage], verdict.reply)
    if verdict.decided_by is None and not verdict.reply.startswith("250"):
        yield _row("decided by", "the syntax of the address")
    elif verdict.decided_by is None:
        yield _row("decided by", "no restriction refuses")
    else:
        yield from _rows("decided by", _once([verdict.restriction, _setting(verdict.decided_by)]))
    yield from _rows("because of", map(_setting, verdict.because))
    for text in verdict.notes:
        yield _row("logged", text)
    for listed in verdict.lists:
        at = "" if listed.stage == "RCPT" else f", read at {listed.stage}"
        yield f"{listed.setting.name} ({listed.setting.place or 'default'}){at}"
        yield from _steps(listed.steps)


def _steps(steps: list[Step]) -> Iterator[str]:
    """Yield a line for each restriction; what the question about the client depended on stands beside it."""
    width = max(len(step.restriction) + 2 * step.depth for step in steps)
    for step in steps:
        name = "  " * step.depth + step.restriction
        reasons = ", ".join(map(_setting, step.because)) if step.restriction == Kind.PERMIT_MYNETWORKS.value else ""
        yield one_line(f"  {name:<{width}}  {step.verdict}{reasons and ': '}{reasons}", _LINE_LIMIT)


def _once(texts: list[str]) -> list[str]:
    """Return the name of a restriction and its list; of a parameter that is a restriction of its own, only that."""
    return texts[1:] if texts[1].startswith(f"{texts[0]} = ") else texts


# --- the way


def _route(route: Route, told: list[Setting]) -> Iterator[str]:
    """Yield the lines of one recipient; settings that have been told are not repeated."""
    yield _row("recipient", route.address)
    if route.address_class:
        yield _row("class", _class(route, set(route.class_by) <= set(told)), "  ")
        yield from _rows("", [_setting(setting) for setting in route.class_by if setting not in told], "  ")
    if route.transport:
        yield from _rows("transport", [route.transport, *_by(route.transport_by)], "  ")
        yield from _rows("nexthop", [route.nexthop, *_by(route.nexthop_by)], "  ")
    if route.program:
        yield _row("delivered", f"by {route.program} ({route.place})", "  ")
    if route.problem:
        yield _row("problem", route.problem, "  ")
    if route.virtual is not None:
        yield from _virtual(route.virtual)
    if route.local is not None:
        yield from _local(route.local, "  ")


def _class(route: Route, is_told: bool) -> str:
    above = " the list above" if is_told else ""
    match route.address_class:
        case "default":
            return f"default: the domain is in none of{above and ' the lists above'}"
        case "error":
            return "error: no address"
        case name:
            return f"{name}: the domain is in{above}"


def _by(setting: Setting | None) -> list[str]:
    return [] if setting is None else [f"by {_setting(setting)}"]


def _virtual(mailbox: VirtualMailbox) -> Iterator[str]:
    if mailbox.problem:
        yield _row("problem", mailbox.problem, "  ")
        return
    owner = "" if mailbox.uid < 0 else f" uid {mailbox.uid} gid {mailbox.gid}"
    yield _row("mailbox", mailbox.path + owner, "  ")
    if not mailbox.when_full:
        yield from _quota(mailbox.path, mailbox.quota, mailbox.quota_by, "  ")
        return
    parts = [f"{mailbox.quota} bytes"] if mailbox.quota else []
    parts += [f"{mailbox.quota_messages} messages"] if mailbox.quota_messages else []
    limit = f"{', '.join(parts)} for all mail in it" if parts else "none"
    yield from _rows("quota", [limit, *_by(mailbox.quota_by)], "  ")
    if parts:
        yield _row("when full", mailbox.when_full, "  ")
    if mailbox.quota_note:
        yield _row("note", mailbox.quota_note, "  ")


def _local(name: LocalName, indent: str) -> Iterator[str]:
    yield _row("local name", name.name, indent)
    indent += "  "
    if name.alias:
        yield from _rows("alias", name.destinations, indent)
        for member in name.members:
            yield from _local(member, indent)
    for label, text in (
        ("home", name.home),
        (".forward", name.forward and f"{name.forward} is followed first"),
        ("transport", name.transport),
        ("command", name.command),
        ("mailbox", name.path),
    ):
        if text:
            yield _row(label, text, indent)
    yield from _quota(name.path, name.quota, name.quota_by, indent)
    if name.by == "luser_relay":
        yield from _rows("passed to", name.destinations, indent)
    if name.by:
        yield _row("decided by", name.by, indent)
    if name.problem:
        yield _row("problem", name.problem, indent)


def _quota(path: str, limit: int, by: Setting | None, indent: str) -> Iterator[str]:
    if by is not None:
        what = "each message" if path.endswith("/") else "the mailbox file"
        yield from _rows("quota", [f"{limit} bytes for {what}" if limit else "none", *_by(by)], indent)


# --- the tables


def _lookups(lookups: list[Lookup]) -> Iterator[str]:
    rows = list(dict.fromkeys(lookups))
    widths = [max(len(getattr(asked, column)) for asked in rows) for column in ("parameter", "table", "key")]
    widths = [min(width, limit) for width, limit in zip(widths, (40, 50, 50), strict=True)]
    for asked in rows:
        texts = (asked.parameter, asked.table, asked.key)
        columns = [f"{text:<{width}}" for text, width in zip(texts, widths, strict=True)]
        yield one_line(f"  {'  '.join(columns)}  {_answer(asked)}", _LINE_LIMIT)


def _answer(asked: Lookup) -> str:
    if asked.problem:
        return f"failed: {asked.problem}"
    return "not found" if asked.value is None else f"= {asked.value}"
