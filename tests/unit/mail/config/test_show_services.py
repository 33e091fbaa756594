"""How services are printed."""

from __future__ import annotations

import pytest

from pyfix.mail.config.service_line import ServiceLine, parse_service, with_values
from pyfix.mail.config.show import Style
from pyfix.mail.config.show_services import show_fields, show_overrides, show_service

PLAIN = Style()
FOLDED = Style(fold=True)


def entry(text: str) -> ServiceLine:
    """Return the service of a line that nothing is wrong with."""
    warnings: list[str] = []
    found = parse_service(text.replace("\n", ""), warnings.append)
    assert warnings == []
    return found


def test_service_stands_in_columns() -> None:
    """A long name pushes the next columns only as far as it must."""
    assert show_service(entry("smtp inet n - y - - smtpd"), PLAIN) == (
        "smtp       inet  n       -       y       -       -       smtpd"
    )
    assert show_service(entry("127.0.0.1:12345678 inet n - y - - smtpd".replace("12345678", "12345")), PLAIN) == (
        "127.0.0.1:12345 inet n   -       y       -       -       smtpd"
    )


def test_folded_service_has_an_option_a_line() -> None:
    """Braces only where they are needed, no blanks around "="."""
    text = "smtp inet n - - - - smtpd -v -o a=b -o { x = a  b } -o { y=c } foo bar\n  -o z=3"
    assert show_service(entry(text), FOLDED) == (
        "smtp       inet  n       -       -       -       -       smtpd -v\n"
        "    -o a=b\n    -o {x=a  b}\n    -o y=c\n    foo bar -o z=3"
    )
    assert show_service(entry(text), PLAIN).endswith("smtpd -v -o a=b -o {x=a  b} -o y=c foo bar -o z=3")


def test_fields_and_overrides_have_paths() -> None:
    """service/type/field, service/type/parameter in the order of names."""
    service = entry("relay unix - - n - - smtp -o syslog_name=postfix/$service_name -o {a = b}")
    assert list(show_fields(service, "chroot", PLAIN)) == ["relay/unix/chroot = n"]
    assert len(list(show_fields(service, "*", PLAIN))) == 8
    assert list(show_overrides(service, "*", PLAIN)) == [
        "relay/unix/a = b", "relay/unix/syslog_name = postfix/$service_name",
    ]  # fmt: skip
    assert list(show_overrides(service, "a", Style(names=False))) == ["b"]


def test_values_of_options_can_be_expanded() -> None:
    """Arguments of the program cannot: their names are its own."""
    service = with_values(
        entry("p unix - - n - - pipe -o a=$x argv=y $recipient"), lambda text: text.replace("$x", "1 2")
    )
    assert list(show_overrides(service, "*", PLAIN)) == ["p/unix/a = 1 2"]
    assert show_service(service, PLAIN).endswith("pipe -o {a=1 2} argv=y $recipient")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("-v -o a=b -v foo bar", ["smtpd -v", "-o a=b", "-v foo bar"]),
        ("-voa=b -- -o c=d", ["smtpd -v", "-o a=b", "-- -o c=d"]),
        ("foo -o a=b", ["smtpd foo -o a=b"]),
        ("-o", ["smtpd -o"]),
        ("{} {x  y} {z} {{w}}", ["smtpd {} {x  y} z {{w}}"]),
        (f"{'a' * 14} b", [f"smtpd {'a' * 14} b"]),
        (f"{'a' * 15} b", [f"smtpd {'a' * 15}", "b"]),
        (f"{'a' * 11} {{b  c}}", [f"smtpd {'a' * 11} {{b  c}}"]),
    ],
)
def test_folded_arguments_go_on_in_lines_of_their_own(arguments: str, shown: list[str]) -> None:
    """Only the options before the first other argument have a line each; braces do not count for the width."""
    first, *rest = show_service(entry(f"smtp inet n - n - - smtpd {arguments}"), FOLDED).split("\n")
    assert [first[57:], *rest] == [shown[0], *(f"    {line}" for line in shown[1:])]


def test_empty_field_needs_no_value() -> None:
    """Names alone, values alone."""
    service = entry("smtp inet n - n - - smtpd -v")
    assert list(show_fields(service, "command", Style(values=False))) == ["smtp/inet/command"]
    assert list(show_fields(service, "command", Style(names=False))) == ["smtpd -v"]
