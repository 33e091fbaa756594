"""The command line of sendmail, as programs have used it for forty years. Pure.

    -bm submit (default)   -bs SMTP on standard input   -bv report only   -bp list the queue   -bi, -I rebuild aliases
    -bd, -bl start the mail system   -q try the queue   -qIid try one message   -qRsite try a destination
    -t recipients from headers   -f, -r sender   -F full name   -i, -oi a dot does not end the message   -v report too
    -G mail that is passed on: header addresses and missing headers stay as they are
    -N never|success,failure,delay   -R full|hdrs   -V envelope id   -B 7BIT|8BITMIME   -C directory
    -oA the alias table that -bi rebuilds
    -A, -D, -L, -O, -U, -X, -c, -d, -e, -h, -m, -n, -o, -p, -x, -bh, -bH are accepted and change nothing

A value may stand in the same word or in the next one, but for -q and -d. See: sendmail(1) of Postfix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    NOTIFY_SUCCESS,
    RET_FULL,
    RET_HDRS,
    TRACE_RECORD,
    TRACE_VERIFY,
)

_WITH_VALUE: Final = frozenset("ABCDFLNORVXbefhopr")
_MAYBE_ATTACHED: Final = frozenset("dq")
_FLAGS: Final = frozenset("GIUcimntvx")
_MODES: Final = frozenset("mpsvidlhH")
_NOTIFY: Final = {"success": NOTIFY_SUCCESS, "failure": NOTIFY_FAILURE, "delay": NOTIFY_DELAY}
_RET: Final = {"full": RET_FULL, "hdrs": RET_HDRS}
_BODY_TYPES: Final = {"7bit": "7bit", "8bitmime": "8bit"}


class BadUsage(Exception):
    """The command line makes no sense; the text says why."""


class BadOption(BadUsage):
    """There is no such option, or its value is missing."""


@dataclass(slots=True)
class Options:
    """What the command line asks for."""

    mode: str = "m"
    """Letter of -b, or "q" for the queue."""
    recipients: list[str] = field(default_factory=list)
    directory: str | None = None
    sender: str | None = None
    full_name: str | None = None
    extract: bool = False
    ignore_dots: bool = False
    is_gateway: bool = False
    encoding: str = ""
    notify: int = 0
    ret: int = 0
    envid: str = ""
    verbose: int = 0
    queue_id: str = ""
    site: str = ""
    alias_table: str = ""
    is_verp: bool = False
    """A sender address of its own for each recipient is asked for."""
    warnings: list[str] = field(default_factory=list)

    @property
    def trace(self) -> int:
        """The TRACE_* flags."""
        return TRACE_VERIFY if self.mode == "v" else TRACE_RECORD if self.verbose == 1 else 0


def parse_options(arguments: Sequence[str], program: str = "sendmail") -> Options:
    """Return what the arguments ask for, of the program that goes by this name; raise BadUsage.

    newaliases rebuilds aliases unless told otherwise, and has -c as the other commands have it.
    """
    is_newaliases = program == "newaliases"
    options = Options(mode="i" if is_newaliases else "m")
    if is_newaliases:
        arguments = [f"-C{word[2:]}" if word.startswith("-c") else word for word in arguments]
    for letter, value in _split(arguments, options):
        _apply(options, letter, value)
    if options.mode == "v" and options.extract:
        raise BadUsage("-t option cannot be used with -bv")
    if options.mode not in ("m", "v") and options.extract:
        raise BadUsage("-t can be used only in delivery mode")
    if options.mode in ("m", "v", "s") and options.is_verp:
        raise BadUsage("unsupported: -XV (variable envelope return path)")
    if options.recipients and (job := _without_recipients(options)):
        raise BadUsage(f"{job} requires no recipient")
    return options


def _without_recipients(options: Options) -> str:
    """Return the name of a job that has nothing to do with recipients, "" for others."""
    match options.mode:
        case "d" | "l":
            return "daemon mode"
        case "s":
            return "stand-alone mode"
        case "i":
            return "alias initialization mode"
        case "p":
            return "display queue mode"
        case "q":
            return "flush site" if options.site else "flush queue mode"
        case _:
            return ""


def _split(arguments: Sequence[str], options: Options) -> Iterator[tuple[str, str]]:
    """Yield (letter, value) of each option; what follows them are recipients."""
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            index += 1
            break
        if len(word) < 2 or word[0] != "-":
            break
        index += 1
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter in _MAYBE_ATTACHED:
                yield letter, rest
                break
            if letter in _WITH_VALUE:
                if not rest and index == len(arguments):
                    raise BadOption(f"option requires an argument -- '{letter}'")
                if not rest:
                    rest, index = arguments[index], index + 1
                yield letter, rest
                break
            if letter not in _FLAGS:
                raise BadOption(f"invalid option -- '{letter}'")
            yield letter, ""
    options.recipients = list(arguments[index:])


def _apply(options: Options, letter: str, value: str) -> None:
    match letter:
        case "b":
            _set_mode(options, value)
        case "f" | "r":
            options.sender = value
        case "F":
            options.full_name = value
        case "t":
            options.extract = True
        case "i":
            options.ignore_dots = True
        case "G":
            options.is_gateway = True
        case "o":
            _apply_old(options, value)
        case "I":
            options.mode = "i"
        case "q":
            _set_queue(options, value)
        case "v":
            options.verbose += 1
        case "C":
            options.directory = value.removesuffix("main.cf") or "."
        case "B" | "N" | "R" | "V" | "X":
            _apply_smtp(options, letter, value)
        case _:
            pass


def _set_mode(options: Options, value: str) -> None:
    if value not in _MODES:
        raise BadUsage(f"unsupported: -b{value[:1]}")
    options.mode = value


def _apply_old(options: Options, value: str) -> None:
    """-o: the options of old that still mean something."""
    match value[:1]:
        case "i":
            options.ignore_dots = True
        case "7":
            options.encoding = "7bit"
        case "8":
            options.encoding = "8bit"
        case "A" if not value[1:]:
            raise BadUsage("-oA requires pathname")
        case "A":
            options.alias_table = value[1:]
        case _:
            pass


def _set_queue(options: Options, value: str) -> None:
    """-q: now; -q30m: an interval for a daemon, ignored."""
    match value[:1]:
        case "":
            options.mode = "q"
        case "I" | "R" if not value[1:]:
            raise BadUsage(f"specify: -q{value}{'queueid' if value == 'I' else 'sitename'}")
        case "I":
            options.mode, options.queue_id = "q", value[1:]
        case "R":
            options.mode, options.site = "q", value[1:]
        case digit if digit.isdigit():
            pass
        case _:
            raise BadUsage(f"-q{value[0]} is not implemented")


def _apply_smtp(options: Options, letter: str, value: str) -> None:
    """What SMTP extensions carry: body type, notification, envelope id."""
    match letter:
        case "B":
            if value.lower() not in _BODY_TYPES:
                raise BadUsage("-B option needs 8BITMIME or 7BIT")
            options.encoding = _BODY_TYPES[value.lower()]
        case "N":
            options.notify = _parse_notify(options, value)
        case "R":
            if value.lower() not in _RET:
                options.warnings.append("bad -R option value -- ignored")
            options.ret = _RET.get(value.lower(), 0)
        case "V":
            if not value or not (value.isascii() and value.isprintable()):
                options.warnings.append("bad syntax in -V option value -- ignored")
            else:
                options.envid = value
        case _:
            options.is_verp = options.is_verp or value.startswith("V")


def _parse_notify(options: Options, value: str) -> int:
    words = value.lower().split(",")
    if words == ["never"]:
        return NOTIFY_NEVER
    if not all(word in _NOTIFY for word in words):
        options.warnings.append("bad -N option value -- ignored")
        return 0
    return sum({_NOTIFY[word] for word in words})
