"""Whatever the lines, the scanner of messages loses none and raises nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.message.mime import MimeScanner, Place

LINES = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")),
        st.sampled_from(
            [
                b"", b"A: b", b" more", b"Content-Type: multipart/mixed; boundary=b", b"--b", b"--b--", b"text",
                b"Content-Type: message/rfc822", b"Content-Type: multipart/digest; boundary=\"", b"Content-Type: (((",
            ]
        ),
    ),
    max_size=30,
)  # fmt: skip


@given(LINES, st.booleans())
def test_no_line_is_lost(lines: list[bytes], mime: bool) -> None:
    """All come out again in their order, but for white space before colons and one blank line that was forgotten."""
    scanner = MimeScanner(mime=mime)
    pieces = [piece for line in lines for piece in scanner.feed(line)]
    pieces += scanner.finish()
    given_text = b"".join(b"".join(line.split()) for line in lines)
    assert b"".join(b"".join(piece.text.split()) for piece in pieces) == given_text
    assert all(piece.text for piece in pieces if piece.place is not Place.BODY)
