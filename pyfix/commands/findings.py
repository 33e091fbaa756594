"""What a command finds in a configuration: one line with the place, what is there, and what to do about it.

Words for how bad it is are Postfix's: a warning will surprise somebody, an error lets mail through or holds it up that
should not, a fatal keeps the mail system from starting. A note is for whoever wants to know everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pyfix.mail.config.errors import printable


class Severity(StrEnum):
    """How bad it is, from the least."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    severity: Severity
    place: str
    """File and line; "" where the text says it all."""
    text: str
    """What is there and what that means."""
    remedy: str = ""

    @property
    def line(self) -> str:
        """The whole, without the severity."""
        place = f"{self.place}: " if self.place else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return printable(f"{place}{self.text}{remedy}")

    def __str__(self) -> str:
        return f"{self.severity}: {self.line}"


def keeps_from_working(findings: Iterable[Finding]) -> bool:
    """Return whether something is an error or worse."""
    return any(finding.severity in (Severity.ERROR, Severity.FATAL) for finding in findings)
