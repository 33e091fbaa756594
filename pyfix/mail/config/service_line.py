"""A line of master.cf as people show and edit it: the words as they stand, checked only as far as Postfix's postconf
checks them.

    service, type, private, unprivileged, chroot, wakeup, process_limit, command and then the arguments

Lines that pyfix cannot run are read here too, so that they can be shown and put right; mastercf.py has the strict
reading of those who run them. Arguments have lost their outer braces, and an option -o stands alone with its
"name=value" behind it, whether it was written -oname=value, -vo name=value or -o { name = value }.
Pure. See: postconf(1), options -M, -F and -P; master(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pyfix.mail.config import lines
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.expand import closing
from pyfix.mail.config.lines import BLANKS
from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.mastercf import ServiceType
from pyfix.mail.config.values import ValueRefused

FIELDS: Final = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
_COMMAND: Final = len(FIELDS) - 1
_FLAG: Final = re.compile(r"[yn-]")
_VALID: Final = {
    "type": re.compile("|".join(ServiceType)),
    "private": _FLAG,
    "unprivileged": _FLAG,
    "chroot": _FLAG,
    "wakeup": re.compile(r"(-|[0-9]*)\??"),
    "process_limit": re.compile(r"-|[0-9]+"),
}

Warn = Callable[[str], None]
"""Told of what is wrong in a line that can be shown nevertheless."""


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """The eight fields of a service, and the arguments of its command without their braces."""

    fields: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the service."""
        return self.fields[0]

    @property
    def type(self) -> str:
        """The type of the service."""
        return self.fields[1]

    @property
    def program(self) -> str:
        """The program that serves it."""
        return self.fields[_COMMAND]

    @property
    def overrides(self) -> dict[str, str]:
        """The -o settings; of several of a name the last counts."""
        found: dict[str, str] = {}
        for _, name, value in _assignments(self.arguments):
            found[name] = value
        return found


def parse_service(text: str, warn: Warn, quoted: str = "") -> ServiceLine:
    """Return the service of a logical line; raises ValueRefused. `quoted` is what the text stands in."""
    words = split_words(text)
    if len(words) < len(FIELDS):
        raise ValueRefused(f'bad field count: "{one_line(quoted or text)}"')
    for field, word in zip(FIELDS, words, strict=False):
        check_field(field, word, text)
    return ServiceLine(tuple(words[: len(FIELDS)]), read_arguments(words[len(FIELDS) :], warn))


def check_field(field: str, word: str, text: str) -> None:
    """Refuse a value that a field cannot have; text is what is quoted."""
    valid = _VALID.get(field)
    if valid is not None and word and not valid.fullmatch(word):
        raise ValueRefused(f'invalid {field} field "{one_line(word)}" in "{one_line(text)}"')


def read_services(path: str, warn: Warn) -> list[ServiceLine]:
    """Return all services of a file, those too that a later line replaces; raises ConfigError."""
    found: list[ServiceLine] = []
    for logical in lines.logical_lines(lines.decode(lines.read_file(path), path), path):
        if logical.text[0] in BLANKS:
            warn(f'{path}: logical line must not start with whitespace: "{one_line(logical.text)}"')
            continue
        place = f"{path}: line {logical.line}"
        try:
            found.append(parse_service(logical.text, partial(_warn_at, warn, place)))
        except ValueRefused as refused:
            raise ConfigError(f"{place}: {refused}") from None
    return found


def _warn_at(warn: Warn, place: str, text: str) -> None:
    """Tell where a line is wrong."""
    warn(f"{place}: {text}")


def split_words(text: str) -> list[str]:
    """Return the words of a line; white space inside braces belongs to the word."""
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in BLANKS:
            position += 1
            continue
        end = _word_end(text, position)
        words.append(text[position:end])
        position = end
    return words


def _word_end(text: str, start: int) -> int:
    """Return where the word at start ends."""
    depth = 0
    for position in range(start, len(text)):
        match text[position]:
            case "{":
                depth += 1
            case "}":
                depth = max(depth - 1, 0)
            case character if depth == 0 and character in BLANKS:
                return position
    return len(text)


def read_arguments(words: Sequence[str], warn: Warn) -> tuple[str, ...]:
    """Return arguments without their braces, each -o apart from what is before and behind it."""
    waiting = [_without_braces(word, warn) for word in words]
    found: list[str] = []
    while waiting and waiting[0].text.startswith("-") and waiting[0].text != "--":
        word = waiting.pop(0).text
        if word != "-":
            before, option, behind = word[1:].partition("o")
            found += [f"-{before}"] if before else []
            if not option:
                continue
            if behind:
                waiting.insert(0, _without_braces(behind, warn))
            word = "-o"
        found.append(word)
        if waiting:
            value = waiting.pop(0)
            found.append(_plain_assignment(value.text, warn) if word == "-o" and value.had_braces else value.text)
    return (*found, *(word.text for word in waiting))


@dataclass(frozen=True, slots=True)
class _Word:
    """An argument without its braces."""

    text: str
    had_braces: bool


def _without_braces(word: str, warn: Warn) -> _Word:
    """Return what stands in the braces of a word that has them; only what is wrong with it is told."""
    if not word.startswith("{"):
        return _Word(word, False)
    end = closing(word, 0)
    if end < 0:
        warn(f"missing '}}' in \"{one_line(word)}\"")
        end = len(word)
    elif end + 1 < len(word):
        warn(f"syntax error after '}}' in \"{one_line(word)}\"")
    return _Word(word[1:end].strip(BLANKS), True)


def _plain_assignment(text: str, warn: Warn) -> str:
    """Return "name=value" without white space around the "="."""
    try:
        return "=".join(split_assignment(text))
    except ValueRefused as refused:
        warn(str(refused).partition("; specify")[0])
        return text


def takes_value(word: str) -> bool:
    """Return whether an option has its value in the next argument; a lone "-" counts as one, as in Postfix."""
    return word in ("-o", "-")


def _assignments(arguments: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yield the index of the value, name and value of each -o option."""
    position = 0
    while position < len(arguments) and arguments[position].startswith("-") and arguments[position] != "--":
        word = arguments[position]
        position += 2 if takes_value(word) else 1
        if word == "-o" and position <= len(arguments):
            try:
                yield position - 1, *split_assignment(arguments[position - 1])
            except ValueRefused:
                continue


def options_end(arguments: Sequence[str]) -> int:
    """Return where the options end and a new one goes; past the end where the last one lacks its value."""
    position = 0
    while position < len(arguments) and arguments[position].startswith("-") and arguments[position] != "--":
        position += 2 if takes_value(arguments[position]) else 1
    return position


def with_field(service: ServiceLine, field: str, value: str, warn: Warn) -> ServiceLine:
    """Return the service with another value in a field; that of command holds the arguments too."""
    if field != "command":
        check_field(field, value, value)
        index = FIELDS.index(field)
        return replace(service, fields=(*service.fields[:index], value, *service.fields[index + 1 :]))
    program, *arguments = split_words(value) or [""]
    return ServiceLine((*service.fields[:_COMMAND], program), read_arguments(arguments, warn))


def with_override(service: ServiceLine, name: str, value: str) -> ServiceLine:
    """Return the service with a -o setting: in the place of those of that name, else behind all options."""
    arguments = list(service.arguments)
    places = [index for index, found, _ in _assignments(arguments) if found == name]
    for index in places:
        arguments[index] = f"{name}={value}"
    if not places:
        end = options_end(arguments)
        if end > len(arguments):
            raise ValueRefused("option -o requires an argument; specify -o name=value")
        arguments[end:end] = ["-o", f"{name}={value}"]
    return replace(service, arguments=tuple(arguments))


def without_override(service: ServiceLine, name: str) -> ServiceLine:
    """Return the service without a -o setting."""
    arguments = list(service.arguments)
    for index in reversed([index for index, found, _ in _assignments(arguments) if found == name]):
        del arguments[index - 1 : index + 1]
    return replace(service, arguments=tuple(arguments))


def with_values(service: ServiceLine, change: Callable[[str], str]) -> ServiceLine:
    """Return the service with the values of its -o settings changed."""
    arguments = list(service.arguments)
    for index, name, value in list(_assignments(arguments)):
        arguments[index] = f"{name}={change(value)}"
    return replace(service, arguments=tuple(arguments))
