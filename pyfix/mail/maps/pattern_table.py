"""Rules with patterns, asked in order; the first that matches gives the result. Read by pattern_file.py.

No pattern can hang a server: `(a+)+$` takes years for a long row of a's, `(.*)-(.*)-(.*)-(.*)@` hours for one of
dashes. So a lookup has LIMIT_S of processor time; one that needs more is a TableError, as a table is that can't be
asked. The kernel counts (ITIMER_VIRTUAL), which costs 0.5 us a lookup; Python's matcher looks for signals every few
thousand steps, and the handler raises an exception there. It does so only where it interrupts `PatternTable._find`: a
signal that comes late harms nobody.

A step can walk along the whole key, and a search begins anew at each character without looking for signals in
between. So keys beyond ONE_CALL are searched start by start, and beyond SUBJECT_LIMIT patterns do not see them.

Handlers run in the main thread only: other threads need somebody who asks there for them (`lend`).
Rejected: a limit by the pattern's shape, which would leave out rules that people use, and let through what they
refuse; a matcher that takes linear time, which has no back references.
See: setitimer(2).
"""

from __future__ import annotations

import re
import signal
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Final

from pyfix.mail.maps.replacement import Result
from pyfix.mail.maps.table import FileStamp, Table, TableError

LIMIT_S: Final = 1.0
"""Processor time of one lookup."""
_AGAIN_S: Final = 0.05
"""When the signal comes again, should it have come at a bad moment."""
SUBJECT_LIMIT: Final = 4096
"""Characters of a key that patterns get to see."""
ONE_CALL: Final = 512
"""Characters of a key up to which all starts are tried in one call."""


class _TooLong(Exception):
    """A lookup has used up its time."""


@dataclass(slots=True)
class Rule:
    """One line of the table."""

    pattern: re.Pattern[str]
    negated: bool
    result: Result | None
    """None for an IF."""
    after: int = 0
    """Of an IF: index of the rule behind its ENDIF."""


class PatternTable(Table):
    """A list of rules."""

    is_pattern = True

    def __init__(
        self, name: str, rules: list[Rule], stamp: FileStamp | None = None, *, limit_s: float = LIMIT_S
    ) -> None:
        """To be made in the main thread."""
        super().__init__(name)
        self._rules = rules
        self._stamp = stamp
        self._limit_s = limit_s
        self.owner = stamp.owner if stamp else None
        signal.signal(signal.SIGVTALRM, _interrupt)

    def lookup(self, key: str) -> str | None:
        if threading.get_ident() != self._thread:
            assert self._ask is not None, "patterns are searched in the main thread"
            return self._ask(self.lookup, key)
        signal.setitimer(signal.ITIMER_VIRTUAL, self._limit_s, _AGAIN_S)
        try:
            return self._find(key)
        except _TooLong:
            raise TableError(f"{self.name}: search for {key[:100]} takes more than {self._limit_s:g} seconds") from None
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _find(self, key: str) -> str | None:
        rules = self._rules
        if len(key) > SUBJECT_LIMIT:
            key = key[:SUBJECT_LIMIT]
        index, end = 0, len(rules)
        while index < end:
            rule = rules[index]
            match = rule.pattern.search(key) if len(key) <= ONE_CALL else search_stepwise(rule.pattern, key)
            index += 1
            if (match is None) is rule.negated:
                result = rule.result
                if result is None:
                    continue
                return result if isinstance(result, str) else result(match)
            if rule.result is None:
                index = rule.after
        return None

    def has_changed(self) -> bool:
        return self._stamp is not None and self._stamp.has_changed()


def search_stepwise(pattern: re.Pattern[str], key: str) -> re.Match[str] | None:
    """Search, with an opportunity for signals at each start."""
    for start in range(len(key) + 1):
        if (match := pattern.match(key, start)) is not None:
            return match
    return None


_INTERRUPTED: Final = (PatternTable._find.__code__, search_stepwise.__code__)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if frame is not None and frame.f_code in _INTERRUPTED:
        raise _TooLong
