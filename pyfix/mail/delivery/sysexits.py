"""What the end of a command means for the message: sysexits.h, enhanced status codes in its output, signals.

An exit status of sysexits.h has its own code and text. Output that begins with a 4.x.x or 5.x.x code takes
precedence over the exit status. A command that could not be started, was killed by a signal or exits 75 is tried again;
one that exceeds its time or exits with a status that nobody knows bounces, as in Postfix.
See: local(8), pipe(8), <sysexits.h>.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.ipc.messages import Dsn

_TABLE: Final = {
    64: ("5.3.0", "command line usage error"),
    65: ("5.6.0", "data format error"),
    66: ("5.3.0", "cannot open input"),
    67: ("5.1.1", "user unknown"),
    68: ("5.1.2", "host name unknown"),
    69: ("5.3.0", "service unavailable"),
    70: ("5.3.0", "internal software error"),
    71: ("4.3.0", "system resource problem"),
    72: ("5.3.0", "critical OS file missing"),
    73: ("5.2.0", "can't create user output file"),
    74: ("5.3.0", "input/output error"),
    75: ("4.3.0", "temporary failure"),
    76: ("5.5.0", "remote error in protocol"),
    77: ("5.7.0", "permission denied"),
    78: ("5.3.5", "local configuration error"),
}
EX_TEMPFAIL: Final = 75
_CODE = re.compile(r"([45]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: `code` as subprocess has it (negative: a signal), or a time limit that ran out."""

    code: int
    output: str = ""
    """The beginning of what it wrote, as one line."""
    timed_out: bool = False


def printable(output: bytes) -> str:
    """Return output as one line: tabs and line ends are spaces, what can't be printed an underscore."""
    text = output.decode("utf-8", "replace").replace("\n", " ").replace("\t", " ")
    return "".join(char if char.isprintable() else "_" for char in text)


def judge(ended: Ended, command: str) -> Dsn | None:
    """Return why the delivery failed, or None for success."""
    if ended.timed_out:
        return _failure("5.3.0", f'Command time limit exceeded: "{command}"', ended.output)
    if ended.code == 0:
        return None
    if ended.code < 0:
        return _failure("4.3.0", f'Command died with signal {-ended.code}: "{command}"', ended.output)
    if found := _CODE.match(ended.output):
        reason = ended.output[found.end() :]
        return Dsn(found.group(1), reason, "x-unix", reason)
    if ended.code in _TABLE:
        return _failure(*_TABLE[ended.code], ended.output)
    died = f'Command died with status {ended.code}: "{command}"'
    return _failure("5.3.0", died, ended.output, f"unknown mail system error {ended.code}")


def _failure(status: str, text: str, output: str, diagnostic: str = "") -> Dsn:
    """Return the status; without output the diagnostic speaks for the command, else the text."""
    reason = f"{text}. Command output: {output}" if output else text
    return Dsn(status, reason, "x-unix", output or diagnostic or text)
