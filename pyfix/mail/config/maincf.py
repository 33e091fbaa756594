"""Read main.cf: logical lines of "name = value".

Of several assignments to one name the last counts; the others are warned about as "overriding earlier entry". A line
without a name or without "=" is a ConfigError.
See: postconf(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyfix.mail.config import lines
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.lines import BLANKS
from pyfix.mail.config.values import ValueRefused


@dataclass(frozen=True, slots=True)
class Setting:
    """The raw text of a parameter and the place it comes from."""

    value: str
    place: str


@dataclass(frozen=True, slots=True)
class MainCf:
    """What a main.cf says: settings in the order of the file, and what should be told about it."""

    settings: dict[str, Setting] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read(path: str) -> MainCf:
    """Return the content of a file; raises ConfigError."""
    data = lines.read_file(path)
    main = parse(lines.decode(data, path), path)
    if lines.has_crlf(data):
        main.warnings.append(f"{path}: lines end in CR LF; save the file with LF line ends")
    return main


def parse(text: str, path: str) -> MainCf:
    """Return the content of a decoded text; path is for the messages."""
    main = MainCf()
    for logical in lines.logical_lines(text, path):
        place = f"{path}, line {logical.line}"
        if logical.text[0] in BLANKS:
            main.warnings.append(
                f'{place}: logical line must not start with whitespace: "{one_line(logical.text, 60)}"'
            )
            continue
        try:
            name, value = split_assignment(logical.text)
        except ValueRefused as refused:
            raise ConfigError(f"{place}: {refused}") from None
        if name in main.settings:
            main.warnings.append(
                f"{place}: overriding earlier entry: {one_line(name)}={one_line(main.settings.pop(name).value)}"
            )
        main.settings[name] = Setting(value, place)
    return main


def split_assignment(text: str) -> tuple[str, str]:
    """Return name and value of "name = value", both without outer white space; raises ValueRefused."""
    name, equals, value = text.partition("=")
    name = name.strip(BLANKS)
    quoted = one_line(text.strip(BLANKS), 60)
    if equals and not name:
        raise ValueRefused(f'missing attribute name: "{quoted}"; specify "name = value"')
    if not equals or any(blank in name for blank in BLANKS):
        raise ValueRefused(f'missing \'=\' after attribute name: "{quoted}"; specify "name = value"')
    return name, value.strip(BLANKS)
