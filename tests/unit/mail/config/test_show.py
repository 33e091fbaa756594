"""How parameters and services are printed."""

from __future__ import annotations

import pytest

from pyfix.mail.config import mastercf
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.show import Style, expanded, show_fields, show_overrides, show_service, show_value

PLAIN = Style()
FOLDED = Style(fold=True)


def entry(text: str) -> ServiceEntry:
    """Return the only service of a master.cf."""
    (found,) = mastercf.parse(text.split("\n"), "master.cf")
    return found


@pytest.mark.parametrize(
    ("style", "shown"),
    [(PLAIN, "name = a, b c"), (Style(names=False), "a, b c"), (Style(values=False), "name")],
)
def test_value_is_shown_on_one_line(style: Style, shown: str) -> None:
    """White space inside it is one blank."""
    assert show_value("name", "a,\tb   c", style) == shown


def test_empty_value_ends_with_the_equals_sign() -> None:
    """As Postfix prints it, with a blank behind it."""
    assert show_value("name", "", PLAIN) == "name = "


def test_long_value_is_folded_at_80_columns() -> None:
    """A word longer than that stays whole."""
    words = ["x" * 20] * 5 + ["y" * 100]
    assert show_value("name", " ".join(words), FOLDED).split("\n") == [
        "name = " + " ".join(words[:3]), "    " + " ".join(words[3:5]), "    " + words[5],
    ]  # fmt: skip


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
    """service/type/field, service/type/parameter."""
    service = entry("relay unix - - n - - smtp -o syslog_name=postfix/$service_name -o {a = b}")
    assert list(show_fields(service, "chroot", PLAIN)) == ["relay/unix/chroot = n"]
    assert len(list(show_fields(service, "*", PLAIN))) == 8
    assert list(show_overrides(service, "*", PLAIN)) == [
        "relay/unix/syslog_name = postfix/$service_name", "relay/unix/a = b",
    ]  # fmt: skip
    assert list(show_overrides(service, "a", Style(names=False))) == ["b"]


def test_options_can_be_expanded() -> None:
    """Arguments of the program cannot: their names are its own."""
    service = expanded(entry("p unix - - n - - pipe -o a=$x argv=y $recipient"), lambda text: text.replace("$x", "1 2"))
    assert list(show_overrides(service, "*", PLAIN)) == ["p/unix/a = 1 2"]
    assert show_service(service, PLAIN).endswith("pipe -o {a=1 2} argv=y $recipient")
