"""A search in proxied tables that an event loop does by itself.

A search asks tables one key after the other and cannot wait in between. So it is done with the answers that are known,
and where one is missing it goes on as if nothing were there: thus it tells which keys it would ask, at the most. The
loop asks proxymap for all of them at once, and searches again. That costs less than a thread, and a recipient costs one
round trip.

    search = Answered(maps)
    while True:
        result = look_up(search.maps)
        if not search.missing:
            return result
        search.learn(question, await call(question)) for each of search.questions()

See: proxy.py; smtpd/answers.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyfix.mail.ipc.messages import ProxyAnswer, ProxyLookup, ProxyStatus
from pyfix.mail.maps.maps import Maps
from pyfix.mail.maps.proxy import ProxyTable
from pyfix.mail.maps.table import Table, encode_key
from pyfix.mail.maps.watched import WatchedTable

_NO_KEY = ProxyAnswer(ProxyStatus.NO_KEY)


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask proxymap."""

    table: ProxyTable
    request: ProxyLookup


class Answered:
    """What is known, and what is missing, in one search."""

    def __init__(self, maps: Maps) -> None:
        self.missing: dict[ProxyTable, list[str]] = {}
        """The keys that are asked for and not known, in their order."""
        self._known: dict[tuple[ProxyTable, str], ProxyAnswer] = {}
        self.maps = Maps(
            maps.parameter,
            [_AnsweredTable(table, self) if isinstance(table, ProxyTable) else table for table in maps.tables],
        )
        """The tables, those of proxymap with the answers that are known."""

    def find(self, table: ProxyTable, key: str) -> str | None:
        """Return what proxymap has said, None too when it has not been asked; raises TableError as the table does."""
        answer = self._known.get((table, key))
        if answer is not None:
            return table.value_of(answer, key)
        if encode_key(key) is not None:
            self.missing.setdefault(table, []).append(key)
        return None

    def questions(self) -> Iterator[Question]:
        """Yield what to ask; nothing is missing then."""
        missing, self.missing = self.missing, {}
        for table, keys in missing.items():
            yield Question(table, table.question(keys))

    def learn(self, question: Question, answer: ProxyAnswer) -> None:
        """Take an answer: the keys before the one that it is about are not there."""
        table = question.table
        answer = table.checked(question.request, answer)
        for key in question.request.keys:
            if key == answer.key or answer.status in (ProxyStatus.BAD, ProxyStatus.DENIED):
                self._known[table, key] = answer
                return
            self._known[table, key] = _NO_KEY


class _AnsweredTable(Table):
    """Stands for a proxied table of which some answers are known."""

    def __init__(self, table: ProxyTable, answers: Answered) -> None:
        super().__init__(table.name)
        self.is_pattern = table.is_pattern
        self._proxied = table
        self._answers = answers

    def lookup(self, key: str) -> str | None:
        return self._answers.find(self._proxied, key)


def needs_no_thread(maps: Maps) -> bool:
    """True when a search in these tables waits for nobody but proxymap, which itself waits for nobody."""
    if any(isinstance(table, WatchedTable) for table in maps.tables):
        return False  # who watches would see questions twice
    waiting = [table for table in maps.tables if table.blocking]
    return bool(waiting) and all(isinstance(table, ProxyTable) and not table.waits for table in waiting)
