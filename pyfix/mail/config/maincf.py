"""postconf(5): main.cf, the parameters of the mail system.

    name = value

Every parameter has a default, so that main.cf need only hold what is to be different; it can be empty. postconf(1)
shows and changes it, `pyfix check` finds mistakes, `pyfix reload` makes a running mail system read it anew.

A line that begins with white space continues the one before. Empty lines and lines whose first character is # do not
count. Of several assignments to one name the last counts, and the others are warned about. A name that nothing reads is
warned about, with the nearest known name. One may use names of one's own, to be referred to.

A value may refer to others:

    $name, ${name}, $(name)     the value of name
    ${name?{a}:{b}}             a if the value of name is not empty, otherwise b
    ${name?text}                text if the value of name is not empty
    ${name:text}                text if the value of name is empty
    ${{x} == {y} ? {a} : {b}}   a if the comparison is true, otherwise b; == != < <= > >=, with numbers as numbers
    ${{x} <level {y} ? {a}}     the same for compatibility levels, where 3.10 is more than 3.9
    $$                          a dollar

In a list, words are separated by commas and white space, and { } holds together what belongs together. Tables are named
as type:name: lookup_tables(5).

A parameter for one transport, shown here as transport_name, has the name of a service of master.cf in place of the
word transport, for instance relay_destination_concurrency_limit.

Failures: a line without a name or without =, a value of the wrong type or out of range and a reference that goes round
in a circle are refused with file, line and remedy. A process that can't use its parameters does not start, and the log
says why.

Different from Postfix: the directories are pyfix's own, so that the two can stand side by side. A parameter of
Postfix's that pyfix does not have is reported as unused.

See: postconf(1), master(5), lookup_tables(5), pyfix(1)

Inside: of several assignments the texts of the others are kept as warnings ("overriding earlier entry"); a line without
a name or without "=" is a ConfigError.
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
    main.warnings.extend(lines.warn_of_crlf(data, path))
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
                f"{place}: overriding earlier entry: {one_line(name)}={one_line(main.settings.pop(name).value, 2000)}"
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
