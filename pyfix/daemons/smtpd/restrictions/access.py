"""What the right-hand side of an access table says.

    OK   REJECT text   DEFER text   4NN text   5NN text   DEFER_IF_PERMIT text   DEFER_IF_REJECT text
    DUNNO   HOLD text   DISCARD text   FILTER transport:destination   REDIRECT user@domain   WARN text   INFO text
    or a list of restrictions

Text may begin with an RFC 3463 code. A value of digits alone is OK. BCC, PREPEND and HANGUP are not built.
See: access(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyfix.proto.enhanced_status import split_status


class Verb(Enum):
    """What to do."""

    OK = "OK"
    DUNNO = "DUNNO"
    REJECT = "REJECT"
    DEFER = "DEFER"
    DEFER_IF_PERMIT = "DEFER_IF_PERMIT"
    DEFER_IF_REJECT = "DEFER_IF_REJECT"
    CODE = "code"
    """4NN or 5NN with text."""
    HOLD = "HOLD"
    DISCARD = "DISCARD"
    FILTER = "FILTER"
    REDIRECT = "REDIRECT"
    WARN = "WARN"
    INFO = "INFO"
    RESTRICTIONS = "restrictions"
    NOT_BUILT = "not built"


_NAMES: Final = {verb.value: verb for verb in Verb if verb.value.isupper()} | {
    "RELAY": Verb.OK,
    "BCC": Verb.NOT_BUILT,
    "PREPEND": Verb.NOT_BUILT,
    "HANGUP": Verb.NOT_BUILT,
}


@dataclass(frozen=True, slots=True)
class Action:
    """A parsed value."""

    verb: Verb
    text: str = ""
    """Without the status; for RESTRICTIONS the whole value; for NOT_BUILT its name."""
    status: str = ""
    code: int = 0


def parse_action(value: str) -> Action:
    """Return what an access table wants; total."""
    word, text = [*value.split(None, 1), "", ""][:2]
    text = text.strip()
    if value.strip().isascii() and value.strip().isdigit():
        return Action(Verb.OK)
    if len(word) == 3 and word[0] in "45" and word.isascii() and word.isdigit():
        status, text = split_status(text, f"{word[0]}.7.1")
        return Action(Verb.CODE, text, status, int(word))
    verb = _NAMES.get(word.upper(), Verb.RESTRICTIONS)
    match verb:
        case Verb.REJECT:
            status, text = split_status(text, "5.7.1")
        case Verb.DEFER | Verb.DEFER_IF_PERMIT | Verb.DEFER_IF_REJECT:
            status, text = split_status(text, "4.7.1")
        case Verb.RESTRICTIONS:
            return Action(verb, value)
        case Verb.NOT_BUILT:
            return Action(verb, word.upper())
        case _:
            status = ""
    return Action(verb, text, status)
