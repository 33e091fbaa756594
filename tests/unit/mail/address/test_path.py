"""SMTP paths."""

from __future__ import annotations

import pytest

from pyfix.mail.address.parse import PathSyntaxError, parse_path


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("<a@b>", "a@b", ""),
        ("<a@b> SIZE=1 BODY=7BIT", "a@b", "SIZE=1 BODY=7BIT"),
        ("<>", "", ""),
        (" <a@b>", "a@b", ""),
        ("a@b SIZE=1", "a@b", "SIZE=1"),
        ("<@x.y,@z:a@b>", "a@b", ""),
        ('<"a b"@c> X', '"a b"@c', "X"),
        ('<"a>b"@c>', '"a>b"@c', ""),
        ('<"abc"@d>', "abc@d", ""),
        ("<a\\ b@c>", '"a b"@c', ""),
        ("<postmaster>", "postmaster", ""),
        ("<a@b@c>", '"a@b"@c', ""),
        ("<jérôme@x.y>", "jérôme@x.y", ""),
    ],
)
def test_path(text: str, address: str, rest: str) -> None:
    """Address and parameters."""
    assert parse_path(text) == (address, rest)


@pytest.mark.parametrize(
    "text",
    ["", "<a@b", "<a@b>x", "<a b@c>", "<@x>", "<a@b,c@d>", '<"a@b>', "<a@b\x01>", "<a@b\\>", "<<a@b>>", "<@x:>x"],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """With an error of its own kind."""
    with pytest.raises(PathSyntaxError):
        parse_path(text)


@pytest.mark.parametrize("text", ["a@b", " <a@b>"])
def test_strict_refuses_what_is_only_tolerated(text: str) -> None:
    """strict_rfc821_envelopes = yes."""
    with pytest.raises(PathSyntaxError):
        parse_path(text, strict=True)
