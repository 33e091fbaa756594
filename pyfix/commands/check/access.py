"""Access tables whose results smtpd can't carry out: actions that it lacks, words that are no restriction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from pyfix.commands.check.entries import list_entries
from pyfix.commands.findings import Finding, Severity
from pyfix.commands.review.restrictions import find_lacking
from pyfix.mail.restrictions.access import Action, Verb, parse_action
from pyfix.mail.restrictions.parse import Kind, Restriction, parse_restrictions

_SHOWN: Final = 3
"""Findings a table; then their number."""
_ANSWER: Final = "mail that has the key is answered with 451 4.3.5"


def judge_tables(
    parameter: str, steps: Iterable[Restriction], place: str, services: Collection[str], classes: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield what is wrong with the results in the tables of a list.

    services: the transports of master.cf; classes: smtpd_restriction_classes.
    """
    for step in steps:
        if step.steps:
            yield from judge_tables(parameter, step.steps, place, services, classes)
        if step.maps is None:
            continue
        found = [
            (key, problem)
            for key, value in list_entries(step.maps.tables)
            for problem in [judge_result(value, services, classes)]
            if problem
        ]
        for key, problem in found[:_SHOWN]:
            text = f"{parameter}: {step.maps.name}: {key}: {problem}"
            yield Finding(Severity.ERROR, place, text, "write another result")
        if len(found) > _SHOWN:
            text = f"{parameter}: {step.maps.name}: {len(found) - _SHOWN} more keys with such results"
            yield Finding(Severity.ERROR, place, text, "write other results")


def judge_result(value: str, services: Collection[str], classes: Collection[str] = ()) -> str:
    """Return why a result can't be carried out, and what becomes of the mail; "" when it can. Pure."""
    action = parse_action(value)
    if action.verb is Verb.FILTER:
        transport = action.text.partition(":")[0]
        known = transport in services or not transport
        return "" if known else f"FILTER {transport}: master.cf has no service {transport}: mail is deferred"
    problem = _find_problem(action, classes)
    return f"{problem}: {_ANSWER}" if problem else ""


def _find_problem(action: Action, classes: Collection[str]) -> str:
    if action.verb is Verb.NOT_BUILT:
        return f"{action.text} is not in this release"
    if action.verb is not Verb.RESTRICTIONS:
        return ""
    for lacking in find_lacking(action.text, "result"):
        return f"{lacking.name}: {lacking.reason}"
    for step in parse_restrictions(action.text.replace(",", " ").split(), None):
        if step.kind is Kind.UNKNOWN and step.name not in classes:
            return f'unknown smtpd restriction "{step.name}"'
    return ""
