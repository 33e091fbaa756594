"""Actions of access tables that decide about the whole message, whoever its recipients are.

They change what the decision says of the message (`Fate`) and let the restrictions go on; only DISCARD permits, since
nothing that comes later can matter. A value without sense is skipped with a warning, as in Postfix. An action that is
not built answers 451 and is named in the log: to go on as if nothing had been said would be to do wrong.
"""

from __future__ import annotations

from pyfix.mail.address.quote import quote_address
from pyfix.mail.maps import Maps
from pyfix.mail.restrictions.access import Action, Verb
from pyfix.mail.restrictions.progress import CONFIGURATION_ERROR, Progress, Subject, Verdict, refuse
from pyfix.mail.restrictions.questions import Fate, Note


def decide_fate(progress: Progress, action: Action, subject: Subject, maps: Maps) -> Verdict:
    """Note HOLD, DISCARD, FILTER or REDIRECT for the message in hand."""
    problem = _find_problem(progress, action)
    if problem:
        progress.decision.notes.append(Note("warning", f'access table {maps.name} entry "{subject.value}" {problem}'))
        return Verdict.DUNNO
    fate = progress.decision.fate = progress.decision.fate or Fate()
    head = f"<{subject.value}>: {subject.title}"
    text = action.text
    match action.verb:
        case Verb.HOLD:
            fate.hold = text or "access table"
            text = text or "triggers HOLD action"
        case Verb.DISCARD:
            fate.is_discarded = True
            text = text or "triggers DISCARD action"
        case Verb.FILTER:
            fate.filter = text
            text = f"triggers FILTER {text}"
        case _:
            fate.redirect = quote_address(text)
            text = f"triggers REDIRECT {text}"
    progress.decision.notes.append(Note(action.verb.value.lower(), f"{head} {text}"))
    return Verdict.OK if action.verb is Verb.DISCARD else Verdict.DUNNO


def _find_problem(progress: Progress, action: Action) -> str:
    """Return why an action is skipped, "" when it is not."""
    verb, text = action.verb, action.text
    if progress.context.sender is None:
        return f"has action {verb.value}, which is always skipped before MAIL FROM"
    if verb is Verb.FILTER and not text:
        return "has FILTER entry without value"
    if verb is Verb.FILTER and ":" not in text:
        return "requires transport:destination"
    if verb is Verb.REDIRECT and "@" not in text:
        return "requires user@domain target"
    return ""


def refuse_action(progress: Progress, action: Action, subject: Subject, maps: Maps) -> Verdict:
    """Answer 451 because of an action that is not built."""
    problem = f"has action {action.text}, which is not available: mail is deferred"
    progress.decision.notes.append(Note("warning", f'access table {maps.name} entry "{subject.value}" {problem}'))
    return refuse(progress, CONFIGURATION_ERROR)
