"""Changes of content on its way."""

import pytest

from pyfix.mail.delivery.copy import CopyStyle


@pytest.mark.parametrize(
    ("style", "data", "changed"),
    [
        (CopyStyle(), b"a\nb", b"a\nb\n"),
        (CopyStyle(), b"", b""),
        (CopyStyle(quote_from=True), b"From a\nFrom b\n>From c\nfrom d\n", b">From a\n>From b\n>From c\nfrom d\n"),
        (CopyStyle(quote_dot=True), b".\n..\na.\n.b", b"..\n...\na.\n..b\n"),
        (CopyStyle(eol=b"\r\n"), b"a\n\nb\n", b"a\r\n\r\nb\r\n"),
        (CopyStyle(True, True, b"\r\n"), b"From \n.\n", b">From \r\n..\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 6, 100])
def test_content_is_changed_however_it_is_cut(style: CopyStyle, data: bytes, changed: bytes, size: int) -> None:
    """A pattern that the end of a chunk cuts in two is found."""
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(style.apply(chunks)) == changed
