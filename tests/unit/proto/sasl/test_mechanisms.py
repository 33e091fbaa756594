"""SASL mechanisms: the examples of their RFCs, refusals, and that nothing tells who is a user."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

import pytest

from pyfix.proto.sasl import (
    MECHANISMS,
    Accept,
    Challenge,
    CheckPassword,
    CheckToken,
    CramKey,
    FetchKeys,
    Key,
    KeyMechanism,
    PlainKey,
    Refuse,
    Scene,
    ScramKeys,
    Step,
    TokenMechanism,
    make,
)
from pyfix.proto.sasl.md5_state import md5_from, md5_state

SCENE = Scene("postoffice.reston.mci.net", nonce="1896", now=697170952, seed=b"seed")


def use(mechanism: object, keys: Sequence[Key | None]) -> Step:
    """Give keys to a mechanism."""
    assert isinstance(mechanism, KeyMechanism)
    return mechanism.use(keys)


def test_plain() -> None:
    """RFC 4616 section 4: with and without somebody to be."""
    assert make("PLAIN", SCENE).begin(b"\0tim\0tanstaaftanstaaf") == CheckPassword("tim", b"tanstaaftanstaaf")
    assert make("PLAIN", SCENE).begin(b"Ursel\0Kurt\0xipj3plmq") == CheckPassword("Kurt", b"xipj3plmq", "Ursel")
    mechanism = make("PLAIN", SCENE)
    assert mechanism.begin(None) == Challenge(b"")
    assert mechanism.receive("\0süß\0geheim".encode()) == CheckPassword("süß", b"geheim")


@pytest.mark.parametrize(
    "data",
    [b"", b"tim", b"\0tim", b"\0tim\0a\0b", b"\0\0secret", b"\0" + b"a" * 321 + b"\0x", b"\0a\xff\0x", b"\0a\nb\0x",
     b"\0a\x01b\0x", b"\xff\0a\0x"],
)  # fmt: skip
def test_plain_that_is_none(data: bytes) -> None:
    """No login, too long, no text, control characters: nobody is asked."""
    assert isinstance(make("PLAIN", SCENE).begin(data), Refuse)


def test_login() -> None:
    """Name and password in turn; the name may come with the request."""
    mechanism = make("LOGIN", SCENE)
    assert mechanism.begin(None) == Challenge(b"Username:")
    assert mechanism.receive(b"tim") == Challenge(b"Password:")
    assert mechanism.receive(b"secret\0\xff") == CheckPassword("tim", b"secret\0\xff")
    assert make("LOGIN", SCENE).begin(b"tim") == Challenge(b"Password:")
    assert isinstance(make("LOGIN", SCENE).begin(b""), Refuse)


@pytest.mark.parametrize("key", [PlainKey(b"tanstaaftanstaaf"), CramKey.of(b"tanstaaftanstaaf")])
def test_cram_md5(key: Key) -> None:
    """RFC 2195 section 2: with the password, and with what {CRAM-MD5} keeps of it."""
    mechanism = make("CRAM-MD5", SCENE)
    assert mechanism.begin(None) == Challenge(b"<1896.697170952@postoffice.reston.mci.net>")
    assert mechanism.receive(b"tim b913a602c7eda7a495b4e6e7334d3890") == FetchKeys("tim")
    assert use(mechanism, [None, PlainKey(b"other"), key]) == Accept("tim", "", 2)
    assert use(mechanism, [PlainKey(b"other")]) == Refuse("Password mismatch", "tim")
    assert isinstance(use(mechanism, []), Refuse)


@pytest.mark.parametrize("data", [b"", b"tim", b"tim b913", b"tim " + b"G" * 32, b" " + b"0" * 32])
def test_cram_md5_without_a_digest(data: bytes) -> None:
    """Nobody is asked."""
    mechanism = make("CRAM-MD5", SCENE)
    mechanism.begin(None)
    assert isinstance(mechanism.receive(data), Refuse)


def test_cram_md5_takes_no_response_ahead() -> None:
    """The client can't know the challenge."""
    assert isinstance(make("CRAM-MD5", SCENE).begin(b"tim " + b"0" * 32), Refuse)


def test_apop() -> None:
    """RFC 1939 section 7."""
    digest = bytes.fromhex("c4c9334bac560ecc979e58001b3e22fb")
    response = b"<1896.697170952@dbc.mtview.ca.us>\0mrose\0" + digest
    mechanism = make("APOP", SCENE)
    assert mechanism.begin(response) == FetchKeys("mrose")
    assert use(mechanism, [None, PlainKey(b"tanstaaf")]) == Accept("mrose", "", 1)
    assert use(mechanism, [PlainKey(b"other")]) == Refuse("Password mismatch", "mrose")
    assert isinstance(use(mechanism, [CramKey.of(b"tanstaaf")]), Refuse)
    for broken in (None, b"", b"<a>\0mrose\0short", b"\0mrose\0" + digest, b"<a>\0\0" + digest):
        assert isinstance(make("APOP", SCENE).begin(broken), Refuse)


SHA256 = (
    "SCRAM-SHA-256", b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)  # fmt: skip
SHA1 = (
    "SCRAM-SHA-1", b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)  # fmt: skip


@pytest.mark.parametrize(("name", "first", "nonce", "salt", "final", "last"), [SHA256, SHA1])
def test_scram(name: str, first: bytes, nonce: str, salt: str, final: bytes, last: bytes) -> None:
    """RFC 7677 section 3 and RFC 5802 section 5."""
    algorithm = name.removeprefix("SCRAM-").replace("-", "").lower()
    keys = ScramKeys.of(algorithm, b"pencil", 4096, base64.b64decode(salt))
    mechanism = make(name, Scene("host", nonce=nonce))
    assert mechanism.begin(first) == FetchKeys("user")
    told = first[len("n,,n=user,") :] + f"{nonce},s={salt},i=4096".encode()
    assert use(mechanism, [CramKey.of(b"pencil"), keys]) == Challenge(told)
    assert mechanism.receive(final) == Accept("user", "", 1, last)
    assert mechanism.receive(final.replace(b"p=", b"p=AAAA")) == Refuse("Password mismatch", "user")
    assert mechanism.receive(final.replace(b"biws", b"eSws")) == Refuse("Invalid channel binding data", "user")
    assert mechanism.receive(final.replace(b",r=", b",r=x")) == Refuse("Wrong nonce", "user")
    assert mechanism.receive(b"garbage") == Refuse("invalid input", "user")


def scram_client(password: bytes, first: bytes, header: bytes, server_first: bytes) -> bytes:
    """Return the final message of a client that has a password."""
    fields = dict(item.split(b"=", 1) for item in server_first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    bare = b"c=" + base64.b64encode(header) + b",r=" + fields[b"r"]
    signature = hmac.digest(hashlib.sha256(client_key).digest(), b",".join((first, server_first, bare)), "sha256")
    proof = bytes(left ^ right for left, right in zip(client_key, signature, strict=True))
    return bare + b",p=" + base64.b64encode(proof)


@pytest.mark.parametrize("password", [b"pencil", b"pen"])
def test_scram_with_a_plain_password(password: bytes) -> None:
    """Escapes in the name, a client that would do channel binding, somebody to be."""
    mechanism = make("SCRAM-SHA-256", Scene("host", nonce="xyz", seed=b"seed"))
    first = b"n=a=2Cb=3Dc,r=abc"
    assert mechanism.begin(b"y,a=boss," + first) == FetchKeys("a,b=c", "boss")
    challenge = use(mechanism, [PlainKey(b"pencil")])
    assert isinstance(challenge, Challenge)
    step = mechanism.receive(scram_client(password, first, b"y,a=boss,", challenge.data))
    if password == b"pencil":
        assert isinstance(step, Accept) and (step.login, step.authorize, step.key) == ("a,b=c", "boss", 0)
    else:
        assert step == Refuse("Password mismatch", "a,b=c")


def test_scram_for_nobody_is_the_same_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with stored keys, one with the password, one without either, nobody: salts that stay, one derivation."""
    derived = []
    of = ScramKeys.of

    def count(algorithm: str, password: bytes, rounds: int, salt: bytes) -> ScramKeys:
        derived.append(rounds)
        return of(algorithm, password, rounds, salt)

    stored = of("sha256", b"pencil", 20_000, b"0123456789abcdef")
    monkeypatch.setattr(ScramKeys, "of", count)
    cases: list[list[Key | None]] = [[stored], [PlainKey(b"pencil")], [None, CramKey.of(b"pencil")], []]
    for keys in cases:
        dialogues = []
        for login in (b"joe", b"JOE"):
            derived.clear()
            mechanism = make("SCRAM-SHA-256", Scene("host", nonce="xyz", seed=b"seed"))
            assert isinstance(mechanism.begin(b"n,,n=" + login + b",r=abc"), FetchKeys)
            step = use(mechanism, keys)
            assert isinstance(step, Challenge)
            assert derived == [20_000]
            dialogues.append(step.data)
            refused = mechanism.receive(b"c=biws,r=abcxyz,p=" + base64.b64encode(bytes(32)))
            assert isinstance(refused, Refuse)
        assert dialogues[0] == dialogues[1]
        assert len(dialogues[0]) == len(b"r=abcxyz,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=20000")


@pytest.mark.parametrize(
    "data",
    [b"", b"n,,", b"n,,n=,r=a", b"n,,n=a", b"n,,m=x,n=a,r=b", b"n,,n=a=2c,r=b", b"x,,n=a,r=b", b"n,,n=a,r=",
     b"n,,n=a\0,r=b", b"p=tls-unique,,n=a,r=b", b"n,b=c,n=a,r=b", b"n,,n=\xff,r=b"],
)  # fmt: skip
def test_scram_that_is_none(data: bytes) -> None:
    """Extensions that must be understood, channel binding, broken names."""
    assert isinstance(make("SCRAM-SHA-256", SCENE).begin(data), Refuse)


def test_oauthbearer() -> None:
    """RFC 7628 section 4: a token that is good is the caller's business, another one is told of in JSON."""
    mechanism = make(
        "OAUTHBEARER", Scene("host", scope="mail", configuration_url="https://id.test/.well-known/openid-configuration")
    )
    data = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3R=\x01\x01"
    assert mechanism.begin(data) == CheckToken("user@example.com", "vF9dft4qmTc2Nvb3R=")
    assert isinstance(mechanism, TokenMechanism)
    told = mechanism.refuse("expired")
    assert isinstance(told, Challenge)
    assert json.loads(told.data) == {
        "status": "invalid_token",
        "scope": "mail",
        "openid-configuration": "https://id.test/.well-known/openid-configuration",
    }
    assert mechanism.receive(b"\x01") == Refuse("expired", "user@example.com")


def test_oauthbearer_may_leave_the_login_to_the_token() -> None:
    """Who says nothing of a login is whom the token says."""
    assert make("OAUTHBEARER", SCENE).begin(b"n,,\x01auth=bearer abc\x01\x01") == CheckToken("", "abc")


def test_xoauth2() -> None:
    """As Google describes it."""
    mechanism = make("XOAUTH2", SCENE)
    assert mechanism.begin(b"user=a@b.test\x01auth=Bearer ya29.x\x01\x01") == CheckToken("a@b.test", "ya29.x")
    assert isinstance(mechanism, TokenMechanism)
    assert mechanism.refuse("unknown token") == Challenge(b'{"status":"401","schemes":"bearer","scope":"mail"}')
    assert mechanism.receive(b"") == Refuse("unknown token", "a@b.test")


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize(
    "data",
    [b"", b"\x01\x01", b"user=a\x01auth=Bearer x\x01", b"user=a\x01auth=Basic x\x01\x01", b"n,a=a,\x01auth=\x01\x01",
     b"n,a=a,\x01auth=Bearer a b\x01\x01", b"p=x,,\x01auth=Bearer x\x01\x01", b"user=\xff\x01auth=Bearer x\x01\x01",
     b"n,a=\xff,\x01auth=Bearer x\x01\x01", b"user=a\nb\x01auth=Bearer x\x01\x01"],
)  # fmt: skip
def test_oauth_that_is_none(name: str, data: bytes) -> None:
    """No token, an unfinished message, channel binding, no text."""
    assert isinstance(make(name, SCENE).begin(data), Refuse)


def test_anonymous_is_nothing_that_there_is() -> None:
    """Nor anything else without a proof."""
    assert set(MECHANISMS) == {
        "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER", "APOP"
    }  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 200])
def test_md5_from_a_state_is_md5(size: int) -> None:
    """At every length of the padding."""
    block, data = bytes(range(64)), b"x" * size
    assert md5_from(md5_state(block), 64, data) == hashlib.md5(block + data).digest()


def test_secrets_are_not_shown() -> None:
    """Whatever is printed of a step or a key."""
    shown = repr([CheckPassword("a", b"geheim"), CheckToken("a", "geheim"), PlainKey(b"geheim"), Scene("h", "geheim")])
    assert "geheim" not in shown
