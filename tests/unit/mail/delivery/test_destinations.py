"""The right side of aliases, and lines of .forward files."""

import pytest

from pyfix.mail.delivery.destinations import (
    ToAddress,
    ToCommand,
    ToFile,
    ToInclude,
    parse_destinations,
    parse_lines,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("joe", [ToAddress("joe")]),
        ("joe, jane@x.test", [ToAddress("joe"), ToAddress("jane@x.test")]),
        ("Joe Doe <joe@x.test>, (comment) jane (more (nested))", [ToAddress("joe@x.test"), ToAddress("jane")]),
        ('"|/usr/bin/vacation -t 1d, joe"', [ToCommand("/usr/bin/vacation -t 1d, joe")]),
        ('"| exec /usr/bin/procmail -a \\"$EXTENSION\\""', [ToCommand('exec /usr/bin/procmail -a "$EXTENSION"')]),
        ("|/bin/cat joe", [ToCommand("/bin/cat"), ToAddress("joe")]),
        ("joe jane", [ToAddress("joe"), ToAddress("jane")]),
        ("joe @ x . test", [ToAddress("joe@x.test")]),
        ("|/bin/a, |/bin/b", [ToCommand("/bin/a"), ToCommand("/bin/b")]),
        ("/var/mail/archive", [ToFile("/var/mail/archive")]),
        ('"/var/mail/with space"', [ToFile("/var/mail/with space")]),
        ("~/mbox", [ToFile("~/mbox")]),
        (":include:/etc/list, :INCLUDE: /x", [ToInclude("/etc/list"), ToInclude("/x")]),
        ("\\joe", [ToAddress("\\joe")]),
        ('"joe doe"@x.test', [ToAddress('"joe doe"@x.test')]),
        (", ,joe,,", [ToAddress("joe")]),
        ("", []),
        ('""', []),
        ('"joe', [ToAddress('"joe')]),
        ("<joe", [ToAddress("joe")]),
        ("(joe", []),
        ("joe\\", [ToAddress("joe\\")]),
    ],
)
def test_destinations_of_a_line(text: str, found: list[object]) -> None:
    """Quotes and comments as in aliases(5)."""
    assert parse_destinations(text) == found


def test_lines_of_a_file() -> None:
    """Comments start at the beginning of a line; each line stands by itself."""
    assert parse_lines("# joe\njane,\nmax\n\n  |x\n", 100) == [
        ToAddress("jane"), ToAddress("max"), ToCommand("x"),
    ]  # fmt: skip


def test_long_line_is_cut() -> None:
    """It costs no more memory than a piece."""
    assert parse_lines("a" * 25, 10) == [ToAddress("a" * 10), ToAddress("a" * 10), ToAddress("a" * 5)]
