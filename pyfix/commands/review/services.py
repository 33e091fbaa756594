"""Lines of master.cf that pyfix does not honour: programs that it lacks, and what their options ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.commands.review.omission import Loss, Omission, Where
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType

HasProgram = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Program:
    """A program of Postfix's that pyfix lacks."""

    loss: Loss
    reason: str
    effect: str = ""
    remedy: str = ""


_PROGRAMS: Final = {
    "dnsblog": _Program(Loss.NOTHING, "postscreen is not in this release"),
    "flush": _Program(Loss.NOTHING, "ETRN is not in this release"),
    "postscreen": _Program(
        Loss.LOST, "postscreen is not in this release", "nobody listens there", "let smtpd serve the port"
    ),
    "qmqpd": _Program(Loss.DIFFERENT, "QMQP is not in this release", "nobody listens there"),
    "scache": _Program(Loss.NOTHING, "the SMTP client looks after its connections itself"),
    "spawn": _Program(Loss.DIFFERENT, "spawn is not in this release", "what it would start is not started"),
    "tlsmgr": _Program(Loss.NOTHING, "OpenSSL needs no help with random numbers and sessions"),
    "tlsproxy": _Program(Loss.NOTHING, "postscreen is not in this release"),
    "verify": _Program(Loss.NOTHING, "address verification is not in this release"),
}
_UNKNOWN: Final = _Program(Loss.DIFFERENT, "pyfix has no program of this name", "the service is not started")


def review_service(entry: ServiceEntry, has_program: HasProgram) -> Iterator[Omission]:
    """Yield what is not honoured of a line, apart from its options -o."""
    if not has_program(entry.program):
        program = _PROGRAMS.get(entry.program, _UNKNOWN)
        yield _omission(entry, program.loss, program.reason, program.effect, program.remedy)
    elif entry.type is ServiceType.PASS:
        yield _omission(entry, Loss.DIFFERENT, "a service of type pass, for postscreen", "it is not started")


def _omission(entry: ServiceEntry, loss: Loss, reason: str, effect: str = "", remedy: str = "") -> Omission:
    key = service_key(entry)
    where = Where(entry.line, key)
    return Omission(loss, key, "", entry.place, where, f"{entry.program}: {reason}", effect, remedy)


def service_key(entry: ServiceEntry) -> str:
    """Return the name by which a service is known in reports."""
    return f"{entry.name}/{entry.type}"
