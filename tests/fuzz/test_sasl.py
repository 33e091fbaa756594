"""SASL mechanisms: any responses, in any number, end in steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.proto.sasl import (
    MECHANISMS,
    Challenge,
    CheckToken,
    CramKey,
    FetchKeys,
    KeyMechanism,
    PlainKey,
    Refuse,
    Scene,
    ScramKeys,
    TokenMechanism,
    make,
)

KEYS = [PlainKey(b"secret"), CramKey.of(b"secret"), ScramKeys.of("sha256", b"secret", 1, b"salt")]
WORDS = [
    b"\0", b"joe", b"secret", b"n,,", b"n=", b",r=abc", b"c=biws", b",p=", b"AAAA", b"user=", b"auth=Bearer ", b"\x01",
    b"n,,n=joe,r=abc", b"c=biws,r=abcxyz,p=AAAA", b"joe 0123456789abcdef0123456789abcdef", b"=2C", b"\xff",
]  # fmt: skip
responses = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from(WORDS), max_size=6).map(b"".join))


@pytest.mark.parametrize("name", MECHANISMS)
@given(
    st.none() | responses, st.lists(responses, max_size=3), st.lists(st.none() | st.sampled_from(KEYS), max_size=2),
    st.booleans(),
)  # fmt: skip
def test_any_responses_end_in_steps(
    name: str, initial: bytes | None, later: list[bytes], keys: list[PlainKey | CramKey | ScramKeys | None], good: bool
) -> None:
    """Never an exception, and nobody gets in who has proved nothing."""
    mechanism = make(name, Scene("host", nonce="xyz", now=1, seed=b"seed"))
    step = mechanism.begin(initial)
    for data in [*later, b""]:
        if isinstance(step, FetchKeys):
            assert isinstance(mechanism, KeyMechanism)
            step = mechanism.use(keys if good else [])
        if isinstance(step, CheckToken):
            assert isinstance(mechanism, TokenMechanism)
            step = mechanism.refuse("no good")
        if not isinstance(step, Challenge):
            break
        step = mechanism.receive(data)
    if isinstance(step, Refuse):
        assert step.reason.isprintable() and "secret" not in step.reason
