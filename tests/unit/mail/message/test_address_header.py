"""Addresses in headers: the expected values were written by Postfix 3.7."""

import time

import pytest

from pyfix.mail.address.rewrite import RewriteRules, rewrite
from pyfix.mail.message.address_header import AddressHeader, is_plain, split_addresses

RULES = RewriteRules("bench.test", "")
LIMIT = 10_000


def rewritten(value: str, name: str = "To") -> str | None:
    """What cleanup would write for a header in local context; None when it stays."""
    header = AddressHeader(value.encode(), LIMIT)
    new = [rewrite(address, RULES) for address in header.addresses]
    if new == header.addresses:
        return None
    return header.render(new, len(name)).decode()


def test_incomplete_addresses_are_completed_as_postfix_does() -> None:
    """Comments, names and groups stay; lines are filled up to column 70."""
    value = (
        'b, c (comment), "d e" <f>, g@h, grp: i, j;, k!l, m%n, '
        "verylongname1@verylongdomain.example, verylongname2@verylongdomain.example"
    )
    assert rewritten(value) == (
        'b@bench.test, c@bench.test (comment), "d e" <f@bench.test>, g@h,\n'
        "\tgrp: i@bench.test, j@bench.test;, l@k, m@n,\n"
        "\tverylongname1@verylongdomain.example,\n"
        "\tverylongname2@verylongdomain.example"
    )


def test_the_name_of_the_header_counts_for_the_first_line() -> None:
    """Oddities included: words without an operator between them are addresses of their own."""
    value = (
        '"x" x, <>, "a b"@c d, "q"@r, a.b@c, x@[1.2.3.4], a b c <d>, e f, =?utf8?q?x?= <g>,, (com) h (i(j)k), '
        '"k\\"l" <m>, n@o. , unterm "x, y'
    )
    assert rewritten(value) == (
        'x@bench.test, x@bench.test, <>, "a b"@c, d@bench.test, q@r,\n'
        "\ta.b@c, x@[1.2.3.4], a b c <d@bench.test>, e@bench.test, f@bench.test,\n"
        "\t=?utf8?q?x?= <g@bench.test>, , h@bench.test (com) (i(j)k),\n"
        '\t"k\\"l" <m@bench.test>, n@o, unterm@bench.test, "x, y"@bench.test'
    )


@pytest.mark.parametrize("value", ["x  <y@z> , \n  q@r.s", "", "undisclosed-recipients:;", "<et@>", "<>", "a@b (c)"])
def test_a_header_without_change_stays_as_it_was_written(value: str) -> None:
    """Spacing is the sender's."""
    assert rewritten(value) is None


def test_a_source_route_is_dropped() -> None:
    """Only its last hop counts."""
    assert rewritten("@a:b@c", "Sender") == "b@c"
    assert rewritten("X <@a,@b:c@d>") == "X <c@d>"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("John Q. Doe <a>", "John Q.Doe <A@b>"),
        ("x <a> (c) <a>", "x <A@b>(c) <A@b>"),
        ("<a (inside)>", "<A@b (inside)>"),
        ("group (c): <a> (d); (e)", "group (c): <A@b>(d);(e)"),
        ("group: a; b", "group: A@b;, A@b"),
        ("a: b", "A@b"),
        ("a:b <c>", "A@b:b <A@b>"),
        ("<a", "A@b"),
        ("a>", "A@b>"),
        (": a;", ": A@b;"),
        ("(c\n\td) a", "A@b (c \td)"),
        ('"c\td" <a>', '"c d" <A@b>'),
        ('c\\"d <a>', '"c\\"d" <A@b>'),
        ("c | d <a>", "c|d <A@b>"),
        ("x: <a>, y: <a>;", "x: <A@b>, y: <A@b>;"),
        ("<John Doe>", "<A@b>"),
        ("<>", "<>"),
        ("a b, ;", "A@b, A@b, ;"),
    ],
)
def test_what_stands_around_addresses_is_written_as_postfix_does(value: str, written: str) -> None:
    """Names, groups, comments and nonsense."""
    header = AddressHeader(value.encode(), LIMIT)
    assert header.render(["A@b"] * len(header.addresses)).decode() == written


@pytest.mark.parametrize(
    "value", [f"{'c' * 248} <a>", f"a ({'c' * 248})", f"{'g' * 200}: {'c' * 45} <a>;", f"{'é' * 124} <a>"]
)
def test_too_much_text_around_an_address_is_dropped(value: str) -> None:
    """Old mail programs had a buffer for it; a byte less stays."""
    header = AddressHeader(f"x, {value}, y".encode(), LIMIT)
    assert header.render(["A@b"] * 3) == b"A@b, <A@b>, A@b"
    assert len(header.stripped) == 1
    less = AddressHeader(value.replace("c", "", 1).replace("é", "d", 1).encode(), LIMIT)
    less.render(["A@b"])
    assert not less.stripped


def test_addresses_are_in_external_form_and_in_order() -> None:
    """As the envelope wants them."""
    assert split_addresses('u1@b.test, u2+q, "x y" <u3@b.test>, "a b"@c, g: h@i;') == [
        "u1@b.test",
        "u2+q",
        "u3@b.test",
        '"a b"@c',
        "h@i",
    ]


def test_the_token_limit_ends_the_list() -> None:
    """header_address_token_limit bounds the work."""
    assert AddressHeader(b"a@b, c@d, e@f", 8).addresses == ["a@b", "c@d"]


def test_bytes_that_are_no_utf8_survive() -> None:
    """A header is what the sender wrote."""
    header = AddressHeader(b'"\xe4" <a>', LIMIT)
    assert header.render(["a@b"]) == b'"\xe4" <a@b>'


@pytest.mark.parametrize(
    "value",
    [
        b" a@b.c", b" <a@b.c>", b' "John Q" <a@b.c>, John Q. <q@x.de>, foo.bar+x@a-b.example',
        b" =?utf-8?q?x?= <a@b.c>", b" a@b.c,\n\td@e.f",
    ],
)  # fmt: skip
def test_plain_addresses_need_no_parsing(value: bytes) -> None:
    """The usual headers are recognised at once."""
    assert is_plain(value)


@pytest.mark.parametrize(
    "value", [b"", b" a", b" a@b", b" a@b.c.", b' "a b"@c.d', b" a@b.c d@e.f", b" a@b.c (x)", b" <a>"]
)
def test_everything_else_is_parsed(value: bytes) -> None:
    """Being sure matters more than being fast."""
    assert not is_plain(value)


@pytest.mark.parametrize(
    "value", [b" " * 10**5, b"a" * 10**5, b"a@" * 50_000, b"a.b" * 30_000, b'"a" ' * 30_000, b"a@b.c," * 20_000]
)
def test_the_plain_check_takes_time_in_proportion_to_size(value: bytes) -> None:
    """A regular expression on what strangers write must not explode."""
    start = time.process_time()
    is_plain(value)
    assert time.process_time() - start < 1
