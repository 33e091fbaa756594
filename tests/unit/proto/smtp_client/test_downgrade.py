"""8-bit messages for 7-bit servers."""

import email
import email.policy
import itertools
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.smtp_client.downgrade import Downgrader, TooDeep

TEXT = "caf\xe9 = good \n".encode() + b"x" * 200 + b"\xff\n\n.dot\ntab\t\nend".replace(b"end", b"end\n")


def convert(data: bytes, cuts: list[int] | None = None) -> bytes:
    """The converted message, given in pieces."""
    downgrader = Downgrader()
    places = [0, *sorted(cuts or []), len(data)]
    out = b"".join(downgrader.convert(data[a:b]) for a, b in itertools.pairwise(places))
    return out + downgrader.finish()


def part(encoding: str, body: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    """One part or message."""
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body


def test_simple_message_becomes_quoted_printable() -> None:
    """The text is the same once decoded; no line is long, no byte is 8-bit."""
    out = convert(b"Subject: x\n" + part("8bit", TEXT))
    head, _, body = out.partition(b"\n\n")
    assert head == (b"Subject: x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable")
    assert quopri.decodestring(body) == TEXT
    assert out.isascii()
    assert max(map(len, body.split(b"\n"))) <= 76


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable", "x-odd"])
def test_other_encodings_stay(encoding: str) -> None:
    """Only what is declared as 8bit or binary is converted."""
    message = b"Subject: x\n" + part(encoding, TEXT)
    assert convert(message) == message


def test_message_without_declaration_stays() -> None:
    """Nobody knows what the bytes mean."""
    message = b"Subject: x\n\n" + TEXT
    assert convert(message) == message


def multipart(*parts: bytes, boundary: str = "b", encoding: str = "8bit") -> bytes:
    """A multipart of these."""
    body = b"preamble\n" + b"".join(b"--" + boundary.encode() + b"\n" + item for item in parts)
    return part(
        encoding, body + b"--" + boundary.encode() + b"--\nepilogue \xe9\n", f'multipart/mixed; boundary="{boundary}"'
    )


def test_parts_are_converted_one_by_one() -> None:
    """Each by its own declaration; the whole becomes 7bit."""
    message = b"Subject: x\n" + multipart(
        part("8bit", TEXT), part("7bit", b"plain\n"), multipart(part("binary", TEXT), boundary="bb")
    )
    parsed = email.message_from_bytes(convert(message), policy=email.policy.compat32)
    first, second, inner = parsed.get_payload()
    assert parsed["Content-Transfer-Encoding"] == "7bit"
    assert first.get_payload(decode=True) == TEXT[:-1]
    assert second.get_payload() == "plain"
    assert inner.get_payload()[0].get_payload(decode=True) == TEXT[:-1]
    assert inner["Content-Transfer-Encoding"] == "7bit"


def test_enclosed_message_is_converted_inside() -> None:
    """message/rfc822 itself may not be encoded (RFC 2046 section 5.2.1)."""
    inner = b"Subject: inner\n" + part("8bit", TEXT)
    out = convert(part("8bit", inner, "message/rfc822"))
    assert b"Content-Transfer-Encoding: 7bit\n\nSubject: inner\n" in out
    assert out.isascii()


def test_folded_content_type_is_understood() -> None:
    """And a boundary without quotes."""
    message = b"Content-Type: multipart/mixed;\n\tboundary=zz\n\n--zz\n" + part("8bit", TEXT) + b"--zz--\n"
    assert b"quoted-printable" in convert(message)


def test_nesting_has_a_limit() -> None:
    """A message of a thousand levels is not for us to convert."""
    message = b"".join(part("8bit", b"--%d\n" % n, f"multipart/mixed; boundary={n}") for n in range(1000))
    with pytest.raises(TooDeep):
        convert(message)


def test_very_long_line_costs_little_memory() -> None:
    """It goes out in pieces with soft line breaks."""
    downgrader = Downgrader()
    out = [downgrader.convert(b"Content-Transfer-Encoding: 8bit\n\n")]
    out += [downgrader.convert(b"\xe9" * 10000) for _ in range(100)]
    assert len(downgrader._tail) <= 32 * 1024
    out.append(downgrader.finish())
    assert quopri.decodestring(b"".join(out).partition(b"\n\n")[2]) == b"\xe9" * 1_000_000


def test_endless_header_is_left_alone() -> None:
    """Neither collected nor converted."""
    downgrader = Downgrader()
    out = [downgrader.convert(b"X: " + b"y" * 999_999), downgrader.convert(b"\n\n\xe9\n"), downgrader.finish()]
    assert b"".join(out) == b"X: " + b"y" * 999_999 + b"\n\n\xe9\n"


_PIECES = st.sampled_from(
    [
        part("8bit", b""),
        multipart(part("8bit", TEXT)),
        b"--b\n",
        b"--b--\n",
        b"\n",
        TEXT,
        b"\xe9",
        b"X: y\n",
        b" z\n",
        b"\r",
    ]
)


@given(st.lists(_PIECES, max_size=8).map(b"".join), st.lists(st.integers(0, 500), max_size=6))
def test_cuts_never_change_the_outcome(data: bytes, cuts: list[int]) -> None:
    """Any pieces, the same message; and what is not declared survives."""
    assert convert(data, [min(cut, len(data)) for cut in cuts]) == convert(data)
