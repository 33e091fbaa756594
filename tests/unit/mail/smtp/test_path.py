"""The address in MAIL and RCPT: what Postfix accepts, what it makes of it, what it refuses."""

import pytest

from pyfix.mail.smtp.path import BadPath, take_path


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("<a@b.c>", "a@b.c", ""),
        ("<>", "", ""),
        ("<a@b.c> SIZE=1", "a@b.c", " SIZE=1"),
        ("a@b.c", "a@b.c", ""),
        ("  <a@b.c>", "a@b.c", ""),
        ("< a@b.c >", "a@b.c", ""),
        ("<a @b.c>", "a@b.c", ""),
        ("<a@b.c>>", "a@b.c", ""),
        ('<"a b"@c.d> X=Y', '"a b"@c.d', " X=Y"),
        ('<"a\\"b"@c.d>', '"a\\"b"@c.d', ""),
        ('<"a>b"@c.d>', '"a>b"@c.d', ""),
        ('<"plain"@c.d>', "plain@c.d", ""),
        ('<""@c.d>', '""@c.d', ""),
        ("<a\\b@c.d>", "ab@c.d", ""),
        ("<@x.y,@y.z:a@b.c>", "a@b.c", ""),
        ("<a(comment)@(x)b.c>", "a@b.c", ""),
        ("<a@[1.2.3.4]>", "a@[1.2.3.4]", ""),
        ("<a@[1.2.3.4>", "a@[1.2.3.4]", ""),
        ("<a@b@c>", '"a@b"@c', ""),
        ("<a:b@c.d>", '"a:b"@c.d', ""),
        ("x:a@b.c;", "a@b.c", ""),
        ("x<a@b.c>", "a@b.c", ""),
        ("<\u00e9@b.c>", "\u00e9@b.c", ""),
        ("foo <a@b.c>", "foo", " <a@b.c>"),
        ("<@>", '""@', ""),
    ],
)
def test_path_gives_one_address_in_external_form(text: str, address: str, rest: str) -> None:
    """Comments, routes, blanks and missing brackets are tolerated; quoting is normal."""
    assert take_path(text) == (address, rest)


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("<a b@c>", True),
        ("<a@b.c>SIZE=1", True),
        ("<a,b@c>", True),
        ("<a;b@c>", True),
        ("<a@b.c>,<d@e.f>", True),
        ('<"a b"c@d.e>', True),
        ("x:<a@b.c>", True),
        ("<a@b.c", False),
        ('"a', False),
    ],
)
def test_path_that_is_none_is_refused(text: str, logged: bool) -> None:
    """Two addresses, or something unclosed; the first kind is worth a line in the log."""
    with pytest.raises(BadPath) as refused:
        take_path(text)
    assert refused.value.text == (text if logged else "")
