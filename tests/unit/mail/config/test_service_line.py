"""Reading lines of master.cf to show and edit them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import ConfigError
from pyfix.mail.config.service_line import (
    ServiceLine,
    parse_service,
    read_services,
    with_field,
    with_override,
    without_override,
)
from pyfix.mail.config.values import ValueRefused

HEAD = "smtp inet n - n - - smtpd "


def arguments(text: str) -> list[str]:
    """Return the arguments of a line, and what was wrong with them."""
    warnings: list[str] = []
    return [*parse_service(HEAD + text, warnings.append).arguments, *warnings]


def service(text: str) -> ServiceLine:
    """Return a service with these arguments."""
    return parse_service(HEAD + text, lambda _: None)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("-o a=b -v", ["-o", "a=b", "-v"]),
        ("-oa=b -vo c=d -Dvoe=f", ["-o", "a=b", "-v", "-o", "c=d", "-Dv", "-o", "e=f"]),
        ("-o { a = b  c } -o{d=e}", ["-o", "a=b  c", "-o", "d=e"]),
        ("-o a = b -oc=d", ["-o", "a", "=", "b", "-oc=d"]),
        ("foo -oa=b", ["foo", "-oa=b"]),
        ("-- -oa=b", ["--", "-oa=b"]),
        ("-o", ["-o"]),
        ("{ x  y } {} {{z}} a{b c}d", ["x  y", "", "{z}", "a{b c}d"]),
        ("{a}b", ["a", "syntax error after '}' in \"{a}b\""]),
        ("{a b", ["a b", "missing '}' in \"{a b\""]),
        ("-o {a b}", ["-o", "a b", "missing '=' after attribute name: \"a b\""]),
    ],
)
def test_arguments_are_read_without_braces_and_options_apart(text: str, read: list[str]) -> None:
    """What is wrong is told, and shown as it stands."""
    assert arguments(text) == read


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("smtp inet n - n - -", 'bad field count: "smtp inet n - n - -"'),
        ("smtp tcp n - n - - x", 'invalid type field "tcp" in "smtp tcp n - n - - x"'),
        ("smtp inet N - n - - x", 'invalid private field "N" in "smtp inet N - n - - x"'),
        ("smtp inet n - n 1?? - x", 'invalid wakeup field "1??" in "smtp inet n - n 1?? - x"'),
        ("smtp inet n - n - 1? x", 'invalid process_limit field "1?" in "smtp inet n - n - 1? x"'),
    ],
)
def test_field_that_nobody_can_mean_is_refused(line: str, message: str) -> None:
    """In Postfix's words."""
    with pytest.raises(ValueRefused) as refused:
        parse_service(line, lambda _: None)
    assert str(refused.value) == message


def test_broken_line_of_a_file_is_named(tmp_path: Path) -> None:
    """File and line; what can be shown all the same is only warned about."""
    path = tmp_path / "master.cf"
    warnings: list[str] = []
    path.write_text("  lead in\n# x\nsmtp inet n - n - - smtpd {a\n")
    assert [found.name for found in read_services(str(path), warnings.append)] == ["smtp"]
    assert warnings == [
        f'{path}: logical line must not start with whitespace: "  lead in"', f"{path}: line 3: missing '}}' in \"{{a\"",
    ]  # fmt: skip
    path.write_text("# x\nsmtp inet\n  n - x\n")
    with pytest.raises(ConfigError, match=rf'^{path}: line 2: bad field count: "smtp inet  n - x"$'):
        read_services(str(path), warnings.append)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "-o a=1"),
        ("-v -o b=2 foo", "-v -o b=2 -o a=1 foo"),
        ("-o a=0 -v -o a=2", "-o a=1 -v -o a=1"),
        ("-v -- -o a=0", "-v -o a=1 -- -o a=0"),
        ("-o a", "-o a -o a=1"),
    ],
)
def test_setting_is_changed_in_its_places_or_added_behind_the_options(before: str, after: str) -> None:
    """All of the name change."""
    assert with_override(service(before), "a", "1") == service(after)


def test_setting_is_not_added_behind_an_option_without_its_value() -> None:
    """It would become that value."""
    with pytest.raises(ValueRefused, match="option -o requires an argument"):
        with_override(service("-v -o"), "a", "1")


def test_setting_is_removed_wherever_it_stands() -> None:
    """With its -o; arguments of the program stay."""
    assert without_override(service("-o a=1 -v -o b=2 -o a=3 foo -o a=4"), "a") == service("-v -o b=2 foo -o a=4")


def test_command_field_holds_the_arguments_too() -> None:
    """The other fields are one word."""
    changed = with_field(service("-v"), "command", "pipe -o { a = b } argv=x", lambda _: None)
    assert (changed.program, changed.arguments) == ("pipe", ("-o", "a=b", "argv=x"))
    assert with_field(service("-v"), "chroot", "y", lambda _: None).fields[4] == "y"
    with pytest.raises(ValueRefused, match='invalid chroot field "q" in "q"'):
        with_field(service(""), "chroot", "q", lambda _: None)
