"""TLS over all bytes: certificates of strangers, key files of whoever, lists of protocols, ciphers and options."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from tls_material import issue

from pyfix.mail.tls.chains import BadChain, split_chains, take_certificates, take_key
from pyfix.mail.tls.ciphers import BadCiphers, cipher_list
from pyfix.mail.tls.options import ENABLED, BadOptions, parse_options
from pyfix.mail.tls.peer import read_peer_certificate
from pyfix.mail.tls.protocols import BadProtocols, parse_protocols

OWN = issue("mail.test")
PEM = OWN.key_pem + OWN.pem


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Some bytes of a file, with others between them."""
    at = draw(st.integers(0, len(whole)))
    return whole[:at] + draw(st.binary(max_size=20)) + whole[at + draw(st.integers(0, 20)) :]


@given(st.binary(max_size=300) | damaged(OWN.der))
def test_certificate_of_a_stranger_has_a_fingerprint_whatever_it_is(der: bytes) -> None:
    """And names that can stand in a log line."""
    peer = read_peer_certificate(der, "sha256", is_trusted=False)
    assert re.fullmatch(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", peer.fingerprint)
    assert (peer.subject + peer.issuer + peer.key_fingerprint).isprintable()


@given(st.binary(max_size=300) | damaged(PEM))
def test_file_is_a_chain_or_refused_in_one_line(content: bytes) -> None:
    """Nothing else is raised; a chain has a key and a certificate."""
    for take in (take_certificates, take_key):
        try:
            take(content)
        except BadChain as error:
            assert "\n" not in str(error)
    try:
        chains = split_chains([("a.pem", content), ("b.pem", PEM)])
    except BadChain as error:
        assert "\n" not in str(error)
    else:
        assert all(chain.key and chain.certificates for chain in chains)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([">=", "<=", "!", "TLSv1.2", "SSLv2", "0x0303", ", ", ":"])).map("".join)
)
def test_lists_mean_something_or_are_refused(text: str) -> None:
    """Protocols, exclusions, options."""
    try:
        versions = parse_protocols(text)
    except BadProtocols:
        pass
    else:
        assert 0 <= versions.lowest <= 0xFFFF and 0 <= versions.highest <= 0xFFFF
    try:
        ciphers = cipher_list("medium", {"medium": "HIGH"}, text, needs_certificates=True)
    except BadCiphers:
        pass
    else:
        assert ciphers.startswith("HIGH") and ciphers.endswith(":!aNULL:@SECLEVEL=0")
    try:
        assert parse_options(text, ENABLED) >= 0
    except BadOptions:
        pass
