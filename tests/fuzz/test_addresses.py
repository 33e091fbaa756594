"""Any text can be taken for an address: it is rewritten and resolved, and nothing is raised."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.parse import AddressHeader, PathSyntaxError, parse_path
from pyfix.mail.address.quote import unquote_address
from pyfix.mail.address.rewrite import rewrite
from pyfix.mail.address.routing import make_contexts, make_resolver
from pyfix.mail.config import Config

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


@given(ADDRESSES)
def test_header_keeps_its_text(text: str) -> None:
    """Addresses lie inside the text, in order; changing nothing gives the text back."""
    header = AddressHeader(text)
    assert header.replace(lambda address: address) == text
    positions = [edge for found in header.addresses for edge in (found.start, found.end)]
    assert positions == sorted(positions)
    assert all(0 <= position <= len(text) for position in positions)


@given(ADDRESSES)
def test_path_is_parsed_or_refused(text: str) -> None:
    """MAIL FROM and RCPT TO."""
    for strict in (False, True):
        with contextlib.suppress(PathSyntaxError):
            address, _ = parse_path(text, strict=strict)
            assert isinstance(address, str)
