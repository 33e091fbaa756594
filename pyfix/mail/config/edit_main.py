"""Change main.cf and leave everything else in it as it is: comments, order, layout.

Pure. The last line of a file is completed before another is added; Postfix does not.
See: postconf(1), options -e, -# and -X.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from pyfix.mail.config import lines


class Removal(Enum):
    """What becomes of a setting that goes back to its default."""

    COMMENT = "-#"
    DELETE = "-X"


_NAME_END: Final = re.compile(rf"[={lines.BLANKS}]")

Change = str | Removal
"""The new value of a name, or how its setting goes."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, and the names that it had more than once."""

    text: str
    repeated: list[str]


def edit_text(text: str, changes: Mapping[str, Change]) -> Edited:
    """Return the text with the changes made; a new name goes to the end."""
    kept: list[str] = []
    seen: list[str] = []
    change: Change | None = None
    for line in io.StringIO(text, newline="\n"):
        if lines.is_comment(line):
            kept.append(line)
            continue
        name = ""
        if line[0] not in lines.BLANKS:
            name = _NAME_END.split(line, maxsplit=1)[0]
            change = changes.get(name)
            seen += [name] if change is not None else []
        kept += _edited_line(line, name, change)
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    kept += [_assignment(name, value) for name, value in changes.items() if isinstance(value, str) and name not in seen]
    return Edited("".join(kept), sorted({name for name in seen if seen.count(name) > 1}))


def _edited_line(line: str, name: str, change: Change | None) -> list[str]:
    """Return what stands in the place of a line; name is empty for a continuation."""
    match change:
        case None:
            return [line]
        case Removal.COMMENT:
            return [f"#{line}"]
        case Removal.DELETE:
            return []
        case str():
            return [_assignment(name, change)] if name else []
        case _:
            assert_never(change)


def _assignment(name: str, value: str) -> str:
    """Return a line of main.cf."""
    return f"{name} = {value}\n"
