"""Stored passwords: every scheme that is verified, every scheme that is written, and what is refused."""

from __future__ import annotations

import hashlib
import time

import pytest

from pyfix.mail.passwords import (
    LONGEST_PASSWORD,
    PasswordRefused,
    UnusableHash,
    hash_password,
    verify_password,
)
from pyfix.mail.passwords.params import WRITTEN
from pyfix.mail.passwords.stored import parse_stored
from pyfix.proto.sasl.md5_state import md5_state

MD5_HEX = hashlib.md5(b"secret").hexdigest()
STORED = {
    "ExtMan's mailbox": ("extmail", "$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"),
    "ExtMan's manager": ("extmail*123*", "$1$BrT9qxfB$Ha81Mb5YVV6rNKNN5jmtj1"),
    "{CRYPT}$1$": ("extmail", "{CRYPT}$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"),
    "{MD5}$1$": ("extmail", "{MD5}$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"),
    "{MD5CRYPT} without $1$": ("extmail", "{MD5CRYPT}phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"),
    "{MD5} base64": ("secret", "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ=="),
    "{MD5} hex": ("secret", f"{{MD5}}{MD5_HEX}"),
    "{PLAIN-MD5}": ("secret", f"{{PLAIN-MD5}}{MD5_HEX}"),
    "{plain-md5.b64}": ("secret", "{plain-md5.b64}Xr4ilOzQ4PCOq3aQ0qbuaQ=="),
    "{LDAP-MD5}": ("secret", "{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ=="),
    "{LDAP-MD5.HEX}": ("secret", f"{{LDAP-MD5.HEX}}{MD5_HEX.upper()}"),
    "{SHA}": ("secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="),
    "{SHA1}": ("secret", "{SHA1}5en6G6MezRroT3XKqkdPOmY/BfQ="),
    "{SHA256.HEX}": ("secret", f"{{SHA256.HEX}}{hashlib.sha256(b'secret').hexdigest()}"),
    "{SHA512}": ("secret", f"{{SHA512}}{hashlib.sha512(b'secret').hexdigest()}"),
    "{SMD5}": ("secret", "{SMD5}4S9UaOhEm53U7b1fSaCso7cWIgQ="),
    "{SSHA}": ("secret", "{SSHA}jNFcI/pj+fEJDtNYsRqTyA1EmNhxbk0J"),
    "{SSHA256}": ("secret", "{SSHA256}1WGqynpWZIR4MdWB5gKve8EjweZTIXQyaNkWGMK3vJd+bw2hdI6xdg=="),
    "{SSHA512}": (
        "secret",
        "{SSHA512}81kAh1Tj2HiUZ9jg4bAyd+M03Lf/XfR79k3ADA9bFGLtt1vxkllrGoKjcJnPpU5oWERf4vXntUdKfQlnsMMXrsiZE4KQEsJY",
    ),
    "{PLAIN}": ("secret", "{PLAIN}secret"),
    "{CLEARTEXT}": ("secret", "{CLEARTEXT}secret"),
    "{PLAIN.HEX}": ("secret", "{PLAIN.HEX}736563726574"),
    "{PLAIN.B64}": ("secret", "{PLAIN.B64}c2VjcmV0"),
    "{DES-CRYPT}": ("secret", "{DES-CRYPT}/f9bNyZhgvZYo"),
    "traditional crypt(3)": ("secret", "/f9bNyZhgvZYo"),
    "htpasswd": ("secret", "$apr1$salt1234$G61s9lpZAELkzUFCbj/53/"),
    "passwd(1) nowadays": ("secret", "$y$j9T$YPn6ttGRR6Y8KOF0AsKKQ.$1xd0Ll.VH8bs1WITqM2R7zXAxzYv4jz1SWqSJ9OEYYC"),
    "RFC 5802": (
        "pencil",
        "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=",
    ),
    "RFC 7677": (
        "pencil",
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_right_password_is_right_and_others_are_wrong(name: str) -> None:
    """In every scheme that other programs write."""
    password, stored = STORED[name]
    assert verify_password(password.encode(), stored)
    for wrong in (b"", b"x", password.upper().encode(), password.encode() + b"x", b"\xff", password.encode() + b"\0"):
        assert not verify_password(wrong, stored)


def test_digest_md5_is_for_one_user() -> None:
    """user:realm:password, the realm behind the @."""
    stored = f"{{DIGEST-MD5}}{hashlib.md5(b'a:b.test:secret').hexdigest()}"
    assert verify_password(b"secret", stored, user="a@b.test")
    assert not verify_password(b"secret", stored, user="c@b.test")


@pytest.mark.parametrize("scheme", WRITTEN)
def test_what_is_written_is_verified(scheme: str) -> None:
    """Also beyond ASCII, twice differently where there is a salt."""
    password = "pässwörd 密碼".encode()
    stored = hash_password(password, scheme)
    assert verify_password(password, stored)
    assert not verify_password(b"password", stored)
    assert (hash_password(password, scheme) == stored) is (scheme in ("PLAIN", "CRAM-MD5"))
    assert parse_stored(stored, "PLAIN-MD5").scheme == scheme


def test_default_scheme_is_for_what_names_none() -> None:
    """ExtMail's SYS_CRYPT_TYPE; a text with $ says more than a default."""
    assert verify_password(b"secret", "secret", default_scheme="PLAIN")
    assert verify_password(b"secret", MD5_HEX, default_scheme="PLAIN-MD5")
    assert verify_password(b"extmail", "phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0", default_scheme="MD5CRYPT")
    assert verify_password(b"extmail", "$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0", default_scheme="SHA")
    with pytest.raises(UnusableHash, match="broken DES-CRYPT text"):
        verify_password(b"secret", "secret")


def test_empty_stored_password_is_nobodys() -> None:
    """Who has no password can't log in with none."""
    assert not verify_password(b"", "", default_scheme="PLAIN")
    assert not verify_password(b"", "{PLAIN}")


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("{NTLM}x", "unknown scheme {NTLM} of a stored password; known are PLAIN"),
        ("$gy$j9T$x$y", r"unknown scheme \$gy\$ of a stored password; known are 1 2a"),
        ("$y$jFT$x$y", r"broken or too costly YESCRYPT text in a stored password"),
        ("{SHA.ROT13}x", "unknown encoding .ROT13 of a stored password; specify .HEX or .B64"),
        ("{SHA}%%%", "broken SHA text"),
        ("{SHA}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "SHA text of a wrong length"),
        ("{SSHA}Xr4i", "SSHA text of a wrong length"),
        ("{SSHA256.HEX}zz", "broken SSHA256 text"),
        ("{CRAM-MD5}zz", "CRAM-MD5 text of a wrong length"),
        ("{PLAIN.HEX}zz", "broken PLAIN text"),
        ("{SCRAM-SHA-256}4096,x", "broken SCRAM-SHA-256 text"),
        ("{SCRAM-SHA-1}4096,%,%,%", "broken SCRAM-SHA-1 text"),
        ("{PBKDF2}$1$x", "broken PBKDF2 text"),
        ("{SHA512-CRYPT.HEX}00", "broken SHA512-CRYPT text"),
        ("$1$tolongasalt$3ok6BjeaoJYWDBsEPZb5C0", "broken MD5-CRYPT text"),
        ("x" * 5000, "a stored password of 5000 characters"),
    ],
)
def test_unusable_text_says_why(stored: str, message: str) -> None:
    """In one line, without the text itself, which may be a password."""
    with pytest.raises(UnusableHash, match=message) as caught:
        verify_password(b"secret", stored)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stored",
    [
        f"$6$rounds=999999999$salt${'a' * 86}",
        f"$2y$31${'a' * 53}",
        f"$argon2id$v=19$m=999999999,t=1,p=1$c2FsdHNhbHQ${'a' * 43}",
        f"$argon2id$v=19$m=65536,t=999999999,p=1$c2FsdHNhbHQ${'a' * 43}",
        f"$argon2id$v=19$m=65536,t=1,p=9999$c2FsdHNhbHQ${'a' * 43}",
        f"{{PBKDF2}}$1$salt$999999999${'a' * 40}",
        "{SCRAM-SHA-256}999999999,c2FsdA==,c2FsdA==,c2FsdA==",
        "{SCRAM-SHA-256}0,c2FsdA==,c2FsdA==,c2FsdA==",
    ],
)
def test_hash_that_costs_too_much_is_refused_unseen(stored: str) -> None:
    """A hostile row must not stop the process that verifies it."""
    before = time.process_time()
    with pytest.raises(UnusableHash, match="asks for"):
        verify_password(b"secret", stored)
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("stored", ["{PLAIN}x", "$1$phz1mRrj$3ok6BjeaoJYWDBsEPZb5C0"])
def test_password_of_ten_megabytes_costs_nothing(stored: str) -> None:
    """It is wrong before it is hashed."""
    before = time.process_time()
    assert not verify_password(b"x" * 10_000_000, stored)
    assert time.process_time() - before < 0.1
    assert not verify_password(b"x" * (LONGEST_PASSWORD + 1), "{PLAIN}" + "x" * (LONGEST_PASSWORD + 1))


@pytest.mark.parametrize(
    ("password", "scheme", "message"),
    [
        (b"", "ARGON2ID", "an empty password"),
        (b"x" * 1025, "ARGON2ID", "the longest that is taken has 1024"),
        (b"a\0b", "SHA512-CRYPT", "line end or NUL"),
        (b"a\n", "PLAIN", "line end or NUL"),
        (b"x" * 73, "BLF-CRYPT", "at most 72 bytes"),
        (b"\xff", "PLAIN", "can't decode"),
    ],
)
def test_password_that_nobody_could_use_is_no_new_one(password: bytes, scheme: str, message: str) -> None:
    """The reason is for who sets it."""
    with pytest.raises(PasswordRefused, match=message):
        hash_password(password, scheme)


def test_long_bcrypt_password_is_right_by_its_beginning() -> None:
    """As crypt(3) has it: other programs have written such hashes."""
    stored = hash_password(b"x" * 72, "BLF-CRYPT")
    assert verify_password(b"x" * 100, stored)


def test_md5_state_is_the_one_that_md5_has() -> None:
    """A padded empty message is one block: its state is the digest."""
    assert md5_state(b"\x80" + bytes(63)) == hashlib.md5(b"").digest()
