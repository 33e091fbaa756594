"""Stored passwords that anybody may have written: right, wrong or UnusableHash, and nothing else."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.passwords import SCHEMES, UnusableHash, hash_password, verify_password
from pyfix.mail.passwords.params import ASSUMED

CHEAP = ("SSHA", "SSHA256", "SSHA512", "CRAM-MD5", "MD5-CRYPT", "PLAIN")
TEXTS = st.one_of(
    st.text(max_size=80),
    st.from_regex(r"(\$(1|5|6|2b|2y|argon2id)\$)?[0-9a-zA-Z./$=,+]{0,100}", fullmatch=True),
    st.from_regex(r"\$1\$[ -~]{0,8}\$[./0-9A-Za-z]{22}", fullmatch=True),
    st.from_regex(r"\$2b\$0[0-5]\$[./0-9A-Za-z]{53}", fullmatch=True),
    st.from_regex(
        r"\$argon2id\$v=19\$m=[0-9]{1,2},t=[0-9],p=[0-9]\$[+/0-9A-Za-z]{11,30}\$[+/0-9A-Za-z]{16,50}", fullmatch=True
    ),
    st.from_regex(r"[0-9]{1,4},[ -~]{1,20},[A-Za-z0-9+/]{28}=*,[A-Za-z0-9=]{1,20}", fullmatch=True),
)
PREFIXES = st.sampled_from(["", *(f"{{{name}{end}}}" for name in (*SCHEMES, *ASSUMED) for end in ("", ".HEX", ".b64"))])


@given(st.binary(max_size=100), PREFIXES, TEXTS, st.sampled_from(ASSUMED))
def test_any_stored_text_is_right_wrong_or_unusable(password: bytes, prefix: str, text: str, default: str) -> None:
    """Another exception would end the process that verifies."""
    with contextlib.suppress(UnusableHash):
        verify_password(password, prefix + text, default_scheme=default, user="a@b")


@given(st.binary(min_size=1, max_size=100).filter(lambda data: not set(data) & set(b"\0\r\n")), st.sampled_from(CHEAP))
def test_any_password_that_is_taken_is_right_later(password: bytes, scheme: str) -> None:
    """Whatever bytes it has."""
    if scheme == "PLAIN":
        password = password.decode("utf-8", "replace").encode()
    stored = hash_password(password, scheme)
    assert verify_password(password, stored)
    assert not verify_password(password + b"x", stored)
