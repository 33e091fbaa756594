"""Change words of main.cf and master.cf and leave the rest as it is: comments, order, layout.

A line that changes stays as a comment below one that says why, and what is left of it follows; a line of which nothing
is left is only the comment. Comments may stand between a line and its continuation, so that a list in many lines stays
one. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final

from pyfix.mail.config.lines import BLANKS, is_comment, logical_lines

MARK: Final = "# pyfix: "
_LEFTOVERS: Final = " \t,"


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of one line and what takes its place."""

    line: int
    """From 1."""
    start: int
    end: int
    new: str
    reason: str

    def overlaps(self, other: Change) -> bool:
        """Return whether both want the same characters."""
        return self.line == other.line and self.start < other.end and other.start < self.end


def apply_changes(text: str, changes: Iterable[Change], appended: Sequence[str] = ()) -> str:
    """Return the text with the changes made, and lines behind its end. Of changes that overlap the first wins."""
    wanted: dict[int, list[Change]] = {}
    for change in changes:
        of_line = wanted.setdefault(change.line, [])
        if not any(change.overlaps(other) for other in of_line):
            of_line.append(change)
    lines = text.split("\n")
    last = lines.pop() if lines[-1] == "" else None
    kept: list[str] = []
    for number, line in enumerate(lines, 1):
        if number in wanted:
            kept += _changed(line, wanted[number])
        else:
            kept.append(line)
    return "\n".join([*_without_repetition(kept), *appended, *([""] if last is not None or appended else [])])


def _changed(line: str, changes: list[Change]) -> Iterator[str]:
    for reason in dict.fromkeys(change.reason for change in changes):
        yield f"{MARK}{reason}"
    yield f"#{line}"
    for change in sorted(changes, key=lambda item: item.start, reverse=True):
        line = line[: change.start] + change.new + line[change.end :]
    if line.strip(_LEFTOVERS):
        yield line.rstrip()


def _without_repetition(lines: list[str]) -> Iterator[str]:
    """Leave out a reason that is the one of the line above, too, when that one is wholly a comment."""
    reason = ""
    for is_reason, group in groupby(lines, key=lambda line: line.startswith(MARK)):
        found = list(group)
        if is_reason:
            said = "\n".join(found)
            if said != reason:
                yield from found
            reason = said
        else:
            yield from found
            if len(found) != 1:
                reason = ""


class LogicalText:
    """One logical line whose characters know where they stand in the file."""

    def __init__(self, numbered: Iterable[tuple[int, str]]) -> None:
        pieces = [(number, line) for number, line in numbered if not is_comment(line)]
        self.text = "".join(line for _, line in pieces)
        self._pieces = pieces

    @property
    def line(self) -> int:
        """Where it begins."""
        return self._pieces[0][0]

    def change(self, start: int, end: int, new: str, reason: str) -> Iterator[Change]:
        """Yield the changes that put `new` in the place of the characters from start to end.

        The blanks that make a line a continuation stay.
        """
        offset = 0
        for number, line in self._pieces:
            indent = len(line) - len(line.lstrip(BLANKS)) if number != self.line else 0
            first, last = max(start - offset, indent), min(end - offset, len(line))
            if first < last:
                yield Change(number, first, last, new, reason)
                new = ""
            offset += len(line)

    def remove(self, start: int, end: int, reason: str) -> Iterator[Change]:
        """Yield the changes that take characters out, with the comma and the blanks that follow in their line."""
        limit = self._end_of_line(end)
        while end < limit and self.text[end] in _LEFTOVERS:
            end += 1
        return self.change(start, end, "", reason)

    def _end_of_line(self, position: int) -> int:
        """Return where the line ends that a position is in, or at the end of."""
        return next(end for end in accumulate(len(line) for _, line in self._pieces) if position <= end)

    def remove_all(self, reason: str) -> Iterator[Change]:
        """Yield the changes that make a comment of the whole line."""
        return self.change(0, len(self.text), "", reason)


def logical_texts(text: str, path: str) -> Iterator[LogicalText]:
    """Yield the logical lines of a file; raises ConfigError for what no file may hold."""
    lines = text.split("\n")
    for logical in logical_lines(text, path):
        yield LogicalText(enumerate(lines[logical.line - 1 : logical.last], logical.line))
