"""Header parsing is total, and loses no byte."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pyfix.commands.sendmail_input import normalize, until_dot
from pyfix.daemons.cleanup.headers import HeaderPass
from pyfix.mail.message.address_header import AddressHeader
from pyfix.mail.message.header import parse_header_block

pieces = st.lists(
    st.sampled_from(
        [b"A", b":", b" ", b"\n", b"\t", b"From", b"To: a", b"Received: x\n", b"\n\n", b"\r", b"\xff", b","]
    ),
    max_size=30,
).map(b"".join)


@given(data=pieces | st.binary(max_size=200))
def test_headers_and_rest_are_the_whole(data: bytes) -> None:
    """Headers follow each other without a gap, up to the end of the block."""
    block = parse_header_block(data)
    at = 0
    for header in block.headers:
        assert header.start == at
        assert data[header.start : header.start + len(header.name)].lower() == header.name
        at = header.end
    assert at == block.end


@given(data=pieces)
def test_a_pass_that_changes_nothing_keeps_every_byte(data: bytes) -> None:
    """Only blanks before a colon may go."""
    block = parse_header_block(data)
    kept = HeaderPass(dropped=frozenset(), size_limit=10_000).run(data, block, None, False)
    squeezed = b"".join(kept.segments)
    assert squeezed.replace(b" ", b"").replace(b"\t", b"") == data[: block.end].replace(b" ", b"").replace(b"\t", b"")


@given(value=st.text(alphabet='ab@.,;:<>()"\\[] \n%!é', max_size=60))
def test_any_text_is_a_list_of_addresses(value: str) -> None:
    """Rendering takes as many addresses as were found, and what comes out is one header."""
    header = AddressHeader(value.encode(), 10_000)
    rendered = header.render([f"u{number}@x.y" for number in range(len(header.addresses))])
    for number in range(len(header.addresses)):
        assert b"u%d@x.y" % number in rendered
    assert len(AddressHeader(rendered, 10_000).addresses) >= len(header.addresses)


@given(text=st.text(alphabet="a.\r\n", max_size=40), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_how_the_input_is_cut_does_not_matter(text: str, cuts: list[int]) -> None:
    """sendmail reads pieces of any size from a pipe."""
    data = text.encode()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    parts = [data[start:end] for start, end in itertools.pairwise(places)]
    whole = b"".join(until_dot(normalize([data])))
    assert b"".join(until_dot(normalize(parts))) == whole
    assert b"\n.\n" not in b"\n" + whole
