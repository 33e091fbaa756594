"""A line that pyfix does not honour, and what is lost by that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config.errors import one_line


class Loss(Enum):
    """What becomes of mail without the line."""

    NOTHING = "nothing"
    """Mail goes as with Postfix."""
    QUALITY = "quality"
    """Mail comes and goes as with Postfix, but unencrypted, or with less comfort."""
    DIFFERENT = "different"
    """Some mail is refused, or delivered in another way; none gets in that Postfix keeps out."""
    HELD = "held"
    """Mail that gets there is put off until somebody has changed the configuration."""
    LOST = "lost"
    """Mail is returned, or not received at all."""
    GUARD = "guard"
    """What Postfix refuses, filters or protects gets through."""
    IMPOSSIBLE = "impossible"
    """A process can't run with it."""


_SEVERITIES: Final = {
    Loss.NOTHING: Severity.NOTE,
    Loss.QUALITY: Severity.WARNING,
    Loss.DIFFERENT: Severity.WARNING,
    Loss.HELD: Severity.ERROR,
    Loss.LOST: Severity.ERROR,
    Loss.GUARD: Severity.ERROR,
    Loss.IMPOSSIBLE: Severity.FATAL,
}
_VALUE_LIMIT: Final = 80


def severity_of(loss: Loss) -> Severity:
    """Return how bad a loss is."""
    return _SEVERITIES[loss]


@dataclass(frozen=True, slots=True)
class Where:
    """What in the two files it is about."""

    line: int
    """The first line of the setting or the service."""
    service: str = ""
    """Of master.cf, as name/type; "" is main.cf."""
    parameter: str = ""
    """Of main.cf, or of an option -o of the service; "" is the whole service."""
    words: tuple[str, ...] = ()
    """Of the parameter's value: a restriction with its argument; () is the whole value."""


@dataclass(frozen=True, slots=True)
class Omission:
    """One line, or a part of it."""

    loss: Loss
    """When pyfix runs with the file as it is."""
    subject: str
    """The name by which it can be accepted: of a parameter, a restriction, a service."""
    value: str
    place: str
    where: Where
    reason: str
    """What pyfix does not have."""
    effect: str = ""
    """What becomes of mail; "" where nothing is lost."""
    remedy: str = ""
    taken_out: Loss | None = None
    """When it is taken out of a copy, where that is another loss."""
    effect_when_taken_out: str = ""
    """Where that is another one."""

    @property
    def loss_when_taken_out(self) -> Loss:
        """What is lost when the line is taken out of a copy."""
        return self.taken_out or self.loss

    @property
    def text(self) -> str:
        """What stands there, why it is not honoured, and what becomes of mail."""
        return self._text(self.effect)

    @property
    def text_when_taken_out(self) -> str:
        """The same for a copy without it."""
        return self._text(self.effect_when_taken_out or self.effect)

    @property
    def finding(self) -> Finding:
        """This for the report about a configuration that is used as it is."""
        return Finding(severity_of(self.loss), self.place, self.text, self.remedy)

    def _text(self, effect: str) -> str:
        value = f"={one_line(self.value, _VALUE_LIMIT)}" if self.value else ""
        return f"{self.subject}{value}: {self.reason}{f': {effect}' if effect else ''}"
