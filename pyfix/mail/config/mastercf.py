"""master(5): master.cf, the services of the mail system.

    service type private unprivileged chroot wakeup_time max_proc command
        arguments...

Every process of the mail system is a service, and has a line here; master(8) starts them as they are needed. A line
that begins with white space continues the one before; empty lines and lines that begin with # do not count. A "-" asks
for the default of its column. Of several lines with one name and type the last counts.

    service        where it is reached: for inet a port, host:port or [address]:port, with ports as numbers or names;
                   otherwise the name of a socket in private/ or public/ of the queue directory; for auth,
                   authdaemond and saslauthd, which other mail systems ask, too, also the path of one elsewhere, in a
                   directory that mail_owner may write to
    type           inet (the network), unix, unix-dgram, or fifo, which is served as unix; pass is not started
    private        y: only for the mail system itself; n: for all, needed for inet; - is y
    unprivileged   y: runs as mail_owner; n: as root, for processes that change to the users whose mail they deliver;
                   - is y
    chroot         y: sees the queue directory as the root of all files; - is n, or y with a compatibility_level
                   below 1
    wakeup_time    seconds after which the service is woken to look for work, 0 for never; with ? behind it only once
                   the service has been used; - is 0
    max_proc       the most processes, 0 for no limit; - is default_process_limit. Where one process serves many
                   clients (smtpd, smtp, qmgr), the most clients; - is process_client_limit a process
    command        the program: the name of one of the pages of section 8

Arguments, of which those with white space stand in braces:

    -o name=value        a setting of main.cf for this service alone
    -o { name = value }  the same with white space
    -v                   log more, twice: even more
    others               belong to the program: pipe(8); a program that takes none refuses them

The name of a service that delivers mail is what transport(5) tables and parameters such as default_transport refer to,
and what the parameters for one transport begin with: relay_destination_concurrency_limit is that of the service relay.

Failures: a line that makes no sense is refused, with file, line and remedy; the mail system does not start, or goes on
with what it had. A program that pyfix does not have leaves its service out, with a warning. A service whose processes
die as soon as they start is left alone for service_throttle_time.

Different from Postfix: a wakeup time or a process limit with letters behind it is refused rather than cut off. The
option -D is refused.

Example: a second port for the users' mail programs, and delivery through a command

    submission inet n - n - - smtpd
        -o syslog_name=postfix/submission
        -o { smtpd_relay_restrictions = permit_mynetworks, reject }
    maildrop unix - n n - - pipe
        flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}

See: master(8), postconf(5), postconf(1), pyfix(1)

Inside: everything that is wrong is a ConfigError. service_line.py reads for those who show and edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pyfix.mail.config import lines, services
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.expand import closing
from pyfix.mail.config.lines import LogicalLine
from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.values import ValueRefused

_COLUMNS: Final = ("service", "type", "private", "unprivileged", "chroot", "wakeup_time", "max_proc", "command")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


class ServiceType(StrEnum):
    """How clients reach a service."""

    INET = "inet"
    UNIX = "unix"
    UNIX_DGRAM = "unix-dgram"
    FIFO = "fifo"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service as its line in master.cf has it.

    chroot is None for "-", which depends on the compatibility level; maxproc is None for "-" (default_process_limit)
    and 0 for no limit; wakeup is 0 for none.
    """

    name: str
    type: ServiceType
    private: bool
    unprivileged: bool
    chroot: bool | None
    wakeup: int
    wakeup_always: bool
    maxproc: int | None
    program: str
    argv: list[str] = field(default_factory=list)
    overrides: list[tuple[str, str]] = field(default_factory=list)
    verbose: int = 0
    file: str = "master.cf"
    line: int = 0

    @property
    def place(self) -> str:
        """Where the entry stands, in the words of messages."""
        return f"{self.file}: line {self.line}"


def read(path: str) -> list[ServiceEntry]:
    """Return the services of a file, the last of each name and type; raises ConfigError."""
    return parse(lines.decode(lines.read_file(path), path).split("\n"), path)


def parse(text_lines: Iterable[str], path: str) -> list[ServiceEntry]:
    """Return the services of the physical lines of a file."""
    return last_entries(parse_entries(text_lines, path))


def last_entries(entries: Iterable[ServiceEntry]) -> list[ServiceEntry]:
    """Return the last entry of each name and type, in their order."""
    found: dict[tuple[str, ServiceType], ServiceEntry] = {}
    for entry in entries:
        found.pop((entry.name, entry.type), None)
        found[entry.name, entry.type] = entry
    return list(found.values())


def parse_entries(text_lines: Iterable[str], path: str) -> Iterator[ServiceEntry]:
    """Yield every entry, also one that a later entry replaces."""
    text = "\n".join(line.rstrip("\r\n") for line in text_lines)
    for logical in lines.logical_lines(text, path):
        try:
            yield _entry(logical, path)
        except ValueRefused as refused:
            raise ConfigError(f"{path}: line {logical.line}: {one_line(str(refused))}") from None


def _entry(logical: LogicalLine, path: str) -> ServiceEntry:
    """Return the service of a logical line."""
    if logical.text[0] in lines.BLANKS:
        quoted = one_line(logical.text, 60)
        raise ValueRefused(f'logical line must not start with whitespace: "{quoted}"; remove the white space')
    fields = split_fields(logical.text)
    if len(fields) < len(_COLUMNS):
        missing = _COLUMNS[len(fields)]
        raise ValueRefused(f'missing "{missing}" field; specify {" ".join(_COLUMNS)}, "-" for a default')
    name, kind, private, unprivileged, chroot, wakeup, maxproc, program = (plain(word) for word in fields[:8])
    service_type = _service_type(kind)
    options = _options([plain(word) for word in fields[8:]])
    entry = ServiceEntry(
        name,
        service_type,
        _flag("private", private, True),
        _flag("unprivileged", unprivileged, True),
        None if chroot == "-" else _flag("chroot", chroot, False),
        _number("wakeup_time", wakeup, "?") or 0,
        not wakeup.endswith("?"),
        _number("max_proc", maxproc),
        program,
        options.argv,
        options.overrides,
        options.verbose,
        path,
        logical.line,
    )
    _check_names(entry)
    return entry


def split_fields(text: str) -> list[str]:
    """Return the words of a line; "{ a b }" is one word with its braces."""
    found: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in lines.BLANKS:
            position += 1
            continue
        end = _field_end(text, position)
        found.append(text[position:end])
        position = end
    return found


def _field_end(text: str, start: int) -> int:
    """Return where the word at start ends."""
    if text[start] == "{":
        end = closing(text, start) + 1
        if end == 0:
            raise ValueRefused(f"missing '}}' in \"{one_line(text[start:], 60)}\"; close the brace")
        if end < len(text) and text[end] not in lines.BLANKS:
            raise ValueRefused(f"syntax error after '}}' in \"{one_line(text[start:], 60)}\"; put white space there")
        return end
    end = start
    while end < len(text) and text[end] not in lines.BLANKS:
        end += 1
    return end


def plain(word: str) -> str:
    """Return a word without its outer braces."""
    return word[1:-1].strip() if word.startswith("{") else word


def _service_type(word: str) -> ServiceType:
    """Return the type that the second column names."""
    try:
        return ServiceType(word)
    except ValueError:
        known = ", ".join(ServiceType)
        raise ValueRefused(f"bad transport type: {word}; specify one of: {known}") from None


def _flag(column: str, word: str, default: bool) -> bool:
    """Return the truth of a y/n column."""
    match word:
        case "-":
            return default
        case "y":
            return True
        case "n":
            return False
    raise ValueRefused(f'field "{column}": bad value: "{word}"; specify y, n or -')


def _number(column: str, word: str, suffix: str = "") -> int | None:
    """Return the number of a column, None for its default; a suffix may follow it."""
    digits = word.removesuffix(suffix)
    if digits == "-":
        return None
    if not _NUMBER.fullmatch(digits):
        raise ValueRefused(f'field "{column}": bad value: "{word}"; specify a whole number or -')
    return int(digits)


def _check_names(entry: ServiceEntry) -> None:
    """Refuse a service or program name that cannot work."""
    if entry.type is not ServiceType.INET:
        services.check_path(entry.name, entry.program)
    elif entry.private:
        raise ValueRefused("inet service cannot be private; specify n in the third column")
    else:
        services.inet_endpoint(entry.name)
    if not entry.program or "/" in entry.program or entry.program.startswith("-"):
        raise ValueRefused(f'field "command": bad value: "{entry.program}"; specify the name of a pyfix program')


@dataclass(frozen=True, slots=True)
class _Options:
    """What the arguments of a service say."""

    argv: list[str]
    overrides: list[tuple[str, str]]
    verbose: int


def _options(words: Sequence[str]) -> _Options:
    """Take the options that every program has from the front of its arguments."""
    overrides: list[tuple[str, str]] = []
    verbose = position = 0
    while position < len(words) and words[position].startswith("-") and words[position] != "-":
        word = words[position]
        position += 1
        if word == "--":
            break
        if set(word[1:]) == {"v"}:
            verbose += len(word) - 1
        elif word.startswith("-o"):
            setting = word[2:]
            if not setting:
                setting = _operand(words, position)
                position += 1
            overrides.append(split_assignment(setting))
        else:
            raise ValueRefused(f"option {word} is not supported; the options of a service are -o name=value and -v")
    return _Options(list(words[position:]), overrides, verbose)


def _operand(words: Sequence[str], position: int) -> str:
    """Return the word that belongs to an option."""
    if position >= len(words):
        raise ValueRefused("option -o requires an argument; specify -o name=value")
    return words[position]
