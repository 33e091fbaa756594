"""Any text can be taken for an address: it is rewritten and resolved, and nothing is raised."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.quote import unquote_address
from pyfix.mail.address.rewrite import rewrite
from pyfix.mail.address.routing import make_contexts, make_resolver
from pyfix.mail.config import Config
from pyfix.mail.message.address_header import AddressHeader, is_plain
from pyfix.mail.smtp.path import BadPath, take_path

CONFIG = Config.from_text("mydestination = local.test\nappend_dot_mydomain = yes\nrecipient_delimiter = +\n")
PARAMS = CONFIG.read(TrivialRewriteParameters)
CONTEXTS = make_contexts(PARAMS)
RESOLVER = make_resolver(CONFIG, PARAMS, lambda text: None)
PIECES = st.sampled_from(
    [
        "@",
        ".",
        "%",
        "!",
        ":",
        ",",
        '"',
        "\\",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        " ",
        "a",
        "b.c",
        "local.test",
        "+x",
        "-",
        "é",
        "1.2.3.4",
    ]
)
ADDRESSES = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join))
CLASSES = {"local", "alias", "virtual", "relay", "default", "error"}


ROUNDS = 20


@given(ADDRESSES.filter(lambda address: "(" not in address))
def test_rewriting_comes_to_rest(address: str) -> None:
    """After a few rounds nothing changes any more; a comment without end may swallow what is appended."""
    rules = CONTEXTS.of("local")
    for _ in range(ROUNDS):
        address = rewrite(address, rules)
    assert rewrite(address, rules) == address


@given(ADDRESSES)
def test_rewriting_adds_no_more_than_our_domains(address: str) -> None:
    """Quotes and escapes aside."""
    added = len(unquote_address(rewrite(address, CONTEXTS.of("local")))) - len(address)
    assert added <= len(f"@{PARAMS.myorigin}.{PARAMS.mydomain}") + len(address) + 2


@settings(max_examples=500)
@given(ADDRESSES, ADDRESSES)
def test_resolving_always_has_an_answer(sender: str, address: str) -> None:
    """Without tables that fail, each address has a class, a transport and a next hop."""
    found = RESOLVER.resolve(sender, address)
    assert found.address_class in CLASSES
    assert found.transport
    assert found.nexthop
    assert not found.problem


@settings(max_examples=500)
@given(ADDRESSES)
def test_resolving_the_result_gives_the_same(address: str) -> None:
    """The recipient of an answer goes the same way as the address that was asked about."""
    found = RESOLVER.resolve("", address)
    if found.address_class != "error":
        assert RESOLVER.resolve("", found.recipient) == found


HEADERS = st.one_of(
    st.binary(max_size=80),
    st.lists(PIECES | st.sampled_from([";", "\t", "\n ", "|", "<a@b.c>", '"x y"', "(c)"]), max_size=20)
    .map("".join)
    .map(str.encode),
)
LIMIT = 10_000
SHAPELESS = b' \t\r\n"\\,[]'
"""What may come and go when a header is written anew."""


@given(HEADERS)
def test_a_header_written_anew_with_its_own_addresses_has_the_same_ones(value: bytes) -> None:
    """In the same order, but for the empty one that a lone backslash is; to write it once more changes nothing."""
    header = AddressHeader(value, LIMIT)
    written = header.render(header.addresses)
    again = AddressHeader(written, LIMIT)
    assert again.addresses == [address for address in header.addresses if address]
    assert again.render(again.addresses) == written


@given(HEADERS)
def test_a_header_written_anew_loses_nothing_but_its_form(value: bytes) -> None:
    """Names, comments and nonsense stay, though comments step behind the address that they were in."""
    header = AddressHeader(value, LIMIT)
    written = header.render(header.addresses)
    assert sorted(written.translate(None, SHAPELESS)) == sorted(value.translate(None, SHAPELESS))


@given(HEADERS, st.integers(0, 80))
def test_a_header_written_anew_is_one_header(value: bytes, name_length: int) -> None:
    """Every line but the first begins with a tab and has something on it."""
    header = AddressHeader(value, LIMIT)
    first, *others = header.render([f"u{n}@x.org" for n in range(len(header.addresses))], name_length).split(b"\n")
    assert all(line.startswith(b"\t") for line in others)
    assert b"\r" not in first + b"".join(others)


@given(HEADERS, st.integers(0, 12))
def test_a_limit_of_tokens_leaves_the_beginning(value: bytes, limit: int) -> None:
    """header_address_token_limit: never more, and nothing that is not there without it."""
    assert len(AddressHeader(value, limit).addresses) <= limit


PLAIN = [b"a@b.c", b"<a@b.c>", b'"x y" <a@b.c>', b"x <a@b.c>"]
OTHERS = [b"a", b"a@b.c (x)", b""]


@given(st.lists(st.sampled_from(PLAIN + OTHERS), min_size=1))
def test_a_plain_header_is_one_that_needs_no_parsing(items: list[bytes]) -> None:
    """Every item counts, not only the first."""
    assert is_plain(b", ".join(items)) == (not set(OTHERS) & set(items))


@given(ADDRESSES)
def test_path_is_parsed_or_refused(text: str) -> None:
    """MAIL FROM and RCPT TO."""
    with contextlib.suppress(BadPath):
        address, rest = take_path(text)
        assert isinstance(address, str)
        assert text.endswith(rest)
