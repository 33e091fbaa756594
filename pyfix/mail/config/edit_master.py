"""Change master.cf and leave everything else in it as it is: comments, order, layout.

A service that is replaced stands where the first of its name and type stood. Of one whose fields or -o settings change
all lines are written anew, behind the comments that stand in and below it. Requests may have "*" for the service and
its type; of several for one service the later ones count. A new service goes to the end.
Pure. See: postconf(1), options -M, -F and -P with -e, -# and -X.

Different from Postfix: what would make master.cf unreadable is refused: an empty field, a name that makes the line a
comment, a brace that is not closed, a line that would be read as another. The last line of the file is completed before
another is added.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final

from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.lines import BLANKS, is_comment
from pyfix.mail.config.service_line import (
    FIELDS,
    ServiceLine,
    parse_service,
    with_field,
    with_override,
    without_override,
)
from pyfix.mail.config.show import Style
from pyfix.mail.config.show_services import show_service
from pyfix.mail.config.values import ValueRefused

ANY: Final = "*"


class Action(Enum):
    """What becomes of the services that match a request."""

    REPLACE = "-Me"
    COMMENT = "-M#"
    DELETE = "-MX"
    SET_FIELD = "-Fe"
    SET_PARAMETER = "-Pe"
    REMOVE_PARAMETER = "-PX"


_ACTIONS: Final = "-Me, -Fe, -Pe, -X, or -#"
_WORD: Final = re.compile(rf"[^{BLANKS}]+")
_WHOLE: Final = (Action.REPLACE, Action.COMMENT, Action.DELETE)


@dataclass(frozen=True, slots=True)
class Request:
    """One argument of a command line: which services, which field or parameter of them, and its new value."""

    text: str
    service: str
    type: str
    item: str = ""
    value: str = ""

    def matches(self, service: str, kind: str) -> bool:
        """Return whether a service is asked for."""
        return self.service in (ANY, service) and self.type in (ANY, kind)


@dataclass(slots=True)
class Edited:
    """The new text, and the requests that no service matched."""

    text: str
    unmatched: list[Request]


@dataclass(slots=True)
class _Group:
    """A service while its lines are read: its first line's number, its requests, its text without line ends."""

    line: int
    requests: list[Request]
    texts: list[str] = field(default_factory=list)


def edit_services(text: str, action: Action, requests: Sequence[Request], path: str) -> Edited:
    """Return the text with the requests carried out; path is for the messages. Raises ConfigError."""
    editor = _Editor(action, requests, path)
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        editor.feed(number, line if line.endswith("\n") else line + "\n")
    return editor.finish()


@dataclass(slots=True)
class _Pending:
    """A request, the service that it gives as a whole, and whether the file has had what it asks for."""

    request: Request
    service: ServiceLine | None
    has_matched: bool = False

    def matches(self, name: str, kind: str) -> bool:
        """Return whether a service is asked for; one that is replaced goes with all others of its new name and type."""
        if self.service and (self.service.name, self.service.type) == (name, kind):
            return True
        return self.request.matches(name, kind)


class _Editor:
    """The lines kept so far, and the service that the next line may continue."""

    def __init__(self, action: Action, requests: Sequence[Request], path: str) -> None:
        self.kept: list[str] = []
        self._action = action
        self._path = path
        self._pending = [_Pending(request, self._new_service(request)) for request in requests]
        self._group: _Group | None = None

    def _new_service(self, request: Request) -> ServiceLine | None:
        """Return the service that a request gives as a whole."""
        if self._action is not Action.REPLACE:
            return None
        try:
            return _checked(parse_service(request.value, _refuse_line, quoted=request.text))
        except ValueRefused as refused:
            raise ConfigError(str(refused)) from None

    def feed(self, number: int, line: str) -> None:
        """Take the next line of the file."""
        if is_comment(line):
            self.kept.append(line)
            return
        if line[0] not in BLANKS:
            self._flush()
            self._group = self._start(number, line)
        if self._group is None or not self._group.requests:
            self.kept.append(line)
        elif self._action is Action.COMMENT:
            self.kept.append(f"#{line}")
        elif self._action not in _WHOLE:
            self._group.texts.append(line.removesuffix("\n"))

    def finish(self) -> Edited:
        """Write what is left, and the new services at the end."""
        self._flush()
        waiting = [pending for pending in self._pending if not pending.has_matched]
        self.kept += [_shown(pending.service) for pending in waiting if pending.service]
        unmatched = [] if self._action in _WHOLE else [pending.request for pending in waiting]
        return Edited("".join(self.kept), unmatched)

    def _start(self, number: int, line: str) -> _Group:
        """Return the group of a service that begins here."""
        words = [found.group() for found in islice(_WORD.finditer(line), 2)]
        if len(words) < 2:
            raise self._refuse(number, "specify service name and type on the same line")
        for what, word in zip(("name", "type"), words, strict=True):
            if "=" in word:
                quoted = f'"{one_line(word)}"'
                raise self._refuse(number, f"service {what} syntax {quoted} is unsupported with {_ACTIONS}")
        matching = [pending for pending in self._pending if pending.matches(words[0], words[1])]
        self._replace([pending for pending in matching if not pending.has_matched])
        for pending in matching:
            pending.has_matched = True
        return _Group(number, [pending.request for pending in matching])

    def _replace(self, first_matches: Sequence[_Pending]) -> None:
        """Write the service that stands in the place of another: the last of those that have no place yet."""
        if first_matches and (service := first_matches[-1].service):
            self.kept.append(_shown(service))

    def _flush(self) -> None:
        """Write a changed service."""
        group, self._group = self._group, None
        if group is None or not group.texts:
            return
        try:
            service = parse_service("".join(group.texts), _refuse_line)
            for request in group.requests:
                service = _changed(service, self._action, request)
            self.kept.append(_shown(_checked(service)))
        except ValueRefused as refused:
            raise self._refuse(group.line, str(refused)) from None

    def _refuse(self, number: int, text: str) -> ConfigError:
        """Return the error for a line of the file."""
        return ConfigError(f"file {self._path}: line {number}: {text}")


def _changed(service: ServiceLine, action: Action, request: Request) -> ServiceLine:
    """Return a service with one request carried out."""
    match action:
        case Action.SET_FIELD:
            return with_field(service, request.item, request.value, _refuse_line)
        case Action.SET_PARAMETER:
            return with_override(service, request.item, request.value)
        case _:
            return without_override(service, request.item)


def _checked(service: ServiceLine) -> ServiceLine:
    """Refuse a service whose line would be read as something else, or its fields as others."""
    if is_comment(service.name):
        raise ValueRefused(f'a line that begins with "{one_line(service.name)}" is a comment; specify another name')
    for name, value in zip(FIELDS, service.fields, strict=True):
        if not value:
            raise ValueRefused(f'missing "{name}" field; specify a value, "-" for a default')
    shown = show_service(service, Style())
    if parse_service(shown, _refuse_line) != service:
        raise ValueRefused(f'"{one_line(shown)}" would be read as something else; balance its braces')
    return service


def _shown(service: ServiceLine) -> str:
    """Return the lines of a service."""
    return show_service(service, Style(fold=True)) + "\n"


def _refuse_line(text: str) -> None:
    """Refuse what can be shown, but not written again as it was meant."""
    raise ValueRefused(text)
