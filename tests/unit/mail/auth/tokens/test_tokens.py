"""Tokens: what is claimed, who has signed it, and an issuer that misbehaves."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from issuer import Issuer, Request, certificate_for, encode64, public_key, running_issuer, sign_token

from pyfix.mail.auth.tokens import TokenRefused, Tokens, TokenUnavailable
from pyfix.mail.auth.tokens.claims import Rules, find_login
from pyfix.mail.auth.tokens.http import is_usable
from pyfix.mail.auth.tokens.jwt import SignedTokens
from pyfix.mail.auth.tokens.keys import KeySet
from pyfix.mail.auth.tokens.opening import open_tokens
from pyfix.mail.auth.tokens.params import TokenParameters
from pyfix.mail.config import Config, ConfigError

NOW = 1_700_000_000.0
GOOD = {"active": True, "email": "joe@x.test", "scope": "mail openid", "exp": NOW + 100, "iss": "https://id.test/"}
RSA_KEY = rsa.generate_private_key(65537, 2048)
KEYS = {
    "RS256": RSA_KEY, "RS512": RSA_KEY, "PS256": RSA_KEY, "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()), "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}  # fmt: skip
OTHER = ec.generate_private_key(ec.SECP256R1())
FOR_EVER = {"email": "joe@x.test", "exp": 2**40}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer that runs."""
    with running_issuer() as started:
        yield started


def tokens(directory: Path, **settings: str) -> Tokens:
    """Tokens by main.cf."""
    (directory / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    config = Config.load(str(directory))
    opened = open_tokens(config, config.read(TokenParameters))
    assert opened is not None
    return opened


@pytest.mark.parametrize(
    ("change", "rules", "reason"),
    [
        ({}, {}, ""),
        ({"active": False}, {}, "the token is not active"),
        ({"active": False}, {"active_attribute": ""}, ""),
        ({"active": "yes"}, {"active_value": "yes"}, ""),
        ({"exp": NOW - 61}, {}, "expired"),
        ({"exp": "soon"}, {}, "expired"),
        ({"exp": str(NOW + 1)}, {}, ""),
        ({"exp": [1]}, {}, "expired"),
        ({"nbf": NOW + 61}, {}, "not good yet"),
        ({"nbf": NOW + 59}, {}, ""),
        ({}, {"issuers": ("https://id.test/",)}, ""),
        ({}, {"issuers": ("https://other.test/",)}, "which is not in auth_oauth2_issuers"),
        ({}, {"scopes": ("mail",)}, ""),
        ({}, {"scopes": ("mail", "admin")}, "not good for admin"),
        ({"scope": ["mail"]}, {"scopes": ("mail",)}, ""),
        ({"scope": None, "scp": "mail"}, {"scopes": ("mail",)}, ""),
        ({"aud": "us"}, {"audience": "us"}, ""),
        ({"aud": ["others", "us"]}, {"audience": "us"}, ""),
        ({"aud": "others"}, {"audience": "us"}, "meant for somebody else"),
        ({"aud": "others", "azp": "us"}, {"audience": "us"}, ""),
        ({}, {"audience": "us"}, "meant for somebody else"),
        ({"email_verified": False}, {}, "has not verified the address"),
        ({"email_verified": "true"}, {}, ""),
        ({"email_verified": False, "sub": "joe"}, {"username_attribute": "sub"}, ""),
        ({"email": ""}, {}, "names nobody"),
        ({"email": ["joe"]}, {}, "names nobody"),
        ({"email": "joe\n"}, {}, "names nobody"),
        ({"sub": "joe"}, {"username_attribute": "sub"}, ""),
    ],
)  # fmt: skip
def test_claims(change: dict[str, object], rules: dict[str, object], reason: str) -> None:
    """Each rule by itself."""
    made = Rules(**{"username_attribute": "email", "active_attribute": "active", **rules})  # type: ignore[arg-type]
    if reason:
        with pytest.raises(TokenRefused, match=reason.replace("(", r"\(")):
            find_login({**GOOD, **change}, made, NOW)
    else:
        assert find_login({**GOOD, **change}, made, NOW).startswith("joe")


def signed(*keys: dict[str, str]) -> SignedTokens:
    """Tokens of an issuer with these keys."""
    return SignedTokens(KeySet(lambda: {"keys": list(keys)}))


@pytest.mark.parametrize("algorithm", KEYS)
def test_signature(algorithm: str) -> None:
    """Right for its own key and data alone."""
    key = KEYS[algorithm]
    source = signed(public_key(OTHER, "other"), public_key(key, "k1", alg=algorithm, use="sig"))
    token = sign_token(key, algorithm, FOR_EVER, kid="k1")
    assert source.read(token) == FOR_EVER
    header, payload, signature = token.split(".")
    for bad in (
        f"{header}.{encode64(b'{}')}.{signature}", f"{header}.{payload}.{encode64(b'x' * 64)}", f"{header}.{payload}.",
        sign_token(key, algorithm, FOR_EVER, kid="other"), sign_token(key, algorithm, {"email": "joe"}, kid="k1"),
    ):  # fmt: skip
        with pytest.raises(TokenRefused):
            source.read(bad)


def test_algorithm_is_the_keys_business_not_the_tokens() -> None:
    """Neither none, nor the public key as a shared secret, nor an algorithm that the key is not for."""
    source = signed(public_key(RSA_KEY, "k1", alg="RS256"))
    payload = encode64(b'{"email": "joe@x.test", "exp": 9999999999}')
    for algorithm in ("none", "HS256", "RS512", "ES256", "EdDSA", ""):
        header = encode64(f'{{"alg": "{algorithm}", "kid": "k1"}}'.encode())
        for signature in ("", encode64(b"x" * 256)):
            with pytest.raises(TokenRefused):
                source.read(f"{header}.{payload}.{signature}")
    with pytest.raises(TokenRefused):
        source.read(sign_token(RSA_KEY, "PS256", FOR_EVER, kid="k1"))
    with pytest.raises(TokenRefused, match="not understood"):
        source.read(sign_token(RSA_KEY, "RS256", FOR_EVER, kid="k1", crit=["exp"]))


@pytest.mark.parametrize(
    "token", ["", "a.b", "a.b.c", "....", "e30.e30.e30", "W10.W10.e30", "\u00e9.e30.e30", "e30." + "e" * 20000 + ".e30"]
)
def test_what_is_no_token(token: str) -> None:
    """Refused, never another exception."""
    with pytest.raises(TokenRefused):
        signed(public_key(RSA_KEY, "k1")).read(token)


def test_keys_of_other_kinds_are_left_out() -> None:
    """Small ones, unknown ones, broken ones, and those for encryption."""
    small = public_key(rsa.generate_private_key(65537, 1024), "small")
    others: list[dict[str, str]] = [
        small, {"kty": "oct", "k": "x"}, {"kty": "EC", "crv": "P-999"},
        {"kty": "EC", "crv": "P-256", "x": "!", "y": "!"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, public_key(RSA_KEY, "k1", use="enc"), {},
    ]  # fmt: skip
    with pytest.raises(TokenRefused):
        signed(*others).read(sign_token(RSA_KEY, "RS256", FOR_EVER, kid="k1"))


def test_keys_are_kept_and_fetched_again_for_a_new_one() -> None:
    """Not for each unknown key that somebody makes up; the old ones are good while the issuer is down."""
    now, fetched = [0.0], []
    document: list[dict[str, object] | None] = [{"keys": [public_key(RSA_KEY, "k1")]}]

    def fetch() -> dict[str, object]:
        fetched.append(now[0])
        if document[0] is None:
            raise TokenUnavailable("down")
        return document[0]

    keys = KeySet(fetch, lambda: now[0])
    for moment, key_id, found in (
        (0.0, "k1", 1), (10.0, "k1", 1), (20.0, "k2", 0), (61.0, "k2", 0), (90.0, "k3", 0), (122.0, "k1", 1),
    ):  # fmt: skip
        now[0] = moment
        assert len(keys.find(key_id)) == found
    assert fetched == [0.0, 61.0]
    document[0] = None
    now[0] = 4000.0
    assert len(keys.find("k1")) == 1
    now[0] = 4001.0
    assert len(keys.find("k1")) == 1
    assert fetched == [0.0, 61.0, 4000.0]
    now[0] = 61.0 + 86400
    with pytest.raises(TokenUnavailable):
        keys.find("k1")


def test_jwks_url(issuer: Issuer, tmp_path: Path) -> None:
    """From the address to the login."""
    issuer.says(200, {"keys": [public_key(KEYS["ES256"], "k1")]})
    opened = tokens(
        tmp_path, auth_oauth2_jwks_url=f"{issuer.url}/keys", auth_oauth2_client_id="us", auth_oauth2_issuers="me"
    )
    good = {**FOR_EVER, "iss": "me", "aud": "us"}
    for _ in range(3):
        assert opened.check(sign_token(KEYS["ES256"], "ES256", good, kid="k1")) == "joe@x.test"
    assert [request.path for request in issuer.requests] == ["/keys"]
    with pytest.raises(TokenRefused, match="somebody else"):
        opened.check(sign_token(KEYS["ES256"], "ES256", {**good, "aud": "them"}, kid="k1"))


def test_introspection_by_post(issuer: Issuer, tmp_path: Path) -> None:
    """RFC 7662: the token in a form, we as ourselves."""
    secret = tmp_path / "secret"
    secret.write_text("p:w\n")
    issuer.says(200, {**GOOD, "exp": 2**40})
    opened = tokens(
        tmp_path, auth_oauth2_introspection_url=f"{issuer.url}/introspect?x=1", auth_oauth2_client_id="us",
        auth_oauth2_client_secret_file=str(secret),
        auth_oauth2_scope="mail", auth_oauth2_openid_configuration_url="https://id.test/conf", auth_oauth2_timeout="2s",
    )  # fmt: skip
    assert opened.check("a+b/c=") == "joe@x.test"
    (request,) = issuer.requests
    assert (request.method, request.path, request.body) == ("POST", "/introspect?x=1", b"token=a%2Bb%2Fc%3D")
    assert request.headers["Authorization"] == "Basic dXM6cCUzQXc="
    assert (opened.scope, opened.configuration_url) == ("mail", "https://id.test/conf")
    issuer.says(200, {"active": False})
    with pytest.raises(TokenRefused):
        opened.check("x")


@pytest.mark.parametrize(("mode", "path"), [("get", "/info?token=a%2Bb"), ("auth", "/info?token=")])
def test_introspection_by_get(issuer: Issuer, tmp_path: Path, mode: str, path: str) -> None:
    """Google's way and that of userinfo addresses."""
    issuer.says(200, {"mail": "joe@x.test", "status": "ok"})
    opened = tokens(
        tmp_path, auth_oauth2_introspection_url=f"{issuer.url}/info?token=", auth_oauth2_introspection_mode=mode,
        auth_oauth2_username_attribute="mail",
        auth_oauth2_active_attribute="status", auth_oauth2_active_value="ok",
    )  # fmt: skip
    assert opened.check("a+b") == "joe@x.test"
    assert (issuer.requests[0].method, issuer.requests[0].path) == ("GET", path)
    assert issuer.requests[0].headers.get("Authorization") == ("Bearer a+b" if mode == "auth" else None)
    issuer.says(401, {})
    with pytest.raises(TokenRefused, match="status 401"):
        opened.check("a+b")


@pytest.mark.parametrize(
    ("status", "body"),
    [
     (500, b"{}"), (302, b"{}"), (401, b"{}"), (200, b"no json"), (200, b"[1]"),
     (200, b"[" * 50000), (200, b"x" * 300_000),
    ],
)  # fmt: skip
def test_issuer_that_misbehaves_is_a_temporary_failure(
    issuer: Issuer, tmp_path: Path, status: int, body: bytes
) -> None:
    """And is not followed elsewhere; what we may not ask says nothing of the token."""
    issuer.says(status, body)
    with pytest.raises(TokenUnavailable, match=issuer.url):
        tokens(tmp_path, auth_oauth2_introspection_url=issuer.url).check("x")
    assert len(issuer.requests) == 1


def test_issuer_that_is_silent_or_gone_is_a_temporary_failure(issuer: Issuer, tmp_path: Path) -> None:
    """Within auth_oauth2_timeout."""
    released = threading.Event()

    def wait(request: Request) -> tuple[int, bytes]:
        released.wait(20)
        return 200, b"{}"

    issuer.answer = wait
    with pytest.raises(TokenUnavailable, match="timed out"):
        tokens(tmp_path, auth_oauth2_introspection_url=issuer.url, auth_oauth2_timeout="1s").check("x")
    released.set()
    with pytest.raises(TokenUnavailable, match="Connection refused"):
        tokens(tmp_path, auth_oauth2_introspection_url="http://localhost:1/").check("x")


def test_certificate_of_the_issuer_is_verified(tmp_path: Path) -> None:
    """By auth_oauth2_tls_ca_cert_file, for its name."""
    cert, key = certificate_for("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with running_issuer(context) as issuer:
        issuer.says(200, {**GOOD, "exp": 2**40})
        opened = tokens(tmp_path, auth_oauth2_introspection_url=issuer.url, auth_oauth2_tls_ca_cert_file=str(cert))
        assert opened.check("x") == "joe@x.test"
        with pytest.raises(TokenUnavailable, match="certificate verify failed"):
            tokens(tmp_path, auth_oauth2_introspection_url=issuer.url).check("x")


@pytest.mark.parametrize(
    ("url", "usable"),
    [("https://id.test/x", True), ("http://127.0.0.1:8080", True), ("file:///etc/passwd", False), ("ftp://x/", False),
     ("https://", False), ("id.test", False), ("http://x:99999/", False), ("http://[::1", False), ("", False)],
)  # fmt: skip
def test_addresses(url: str, usable: bool) -> None:
    """Only http and https."""
    assert is_usable(url) is usable


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"auth_oauth2_introspection_url": "http://x/", "auth_oauth2_jwks_url": "http://x/"}, "not both"),
        ({"auth_oauth2_jwks_url": "https://x/"}, "needs auth_oauth2_client_id: without it"),
        ({"auth_oauth2_introspection_url": "file:///x"}, "bad value auth_oauth2_introspection_url = file:///x"),
        (
            {"auth_oauth2_introspection_url": "https://x/", "auth_oauth2_tls_ca_cert_file": "/none"},
            "auth_oauth2_tls_ca_cert_file: /none: No such file",
        ),
        (
            {"auth_oauth2_introspection_url": "http://x/", "auth_oauth2_client_secret_file": "/none"},
            "auth_oauth2_client_secret_file: /none:",
        ),
    ],
)
def test_configuration_that_is_wrong(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    """With the place."""
    with pytest.raises(ConfigError, match=message):
        tokens(tmp_path, **settings)


def test_nothing_is_configured(tmp_path: Path) -> None:
    """Then there are no tokens."""
    (tmp_path / "main.cf").write_text("")
    config = Config.load(str(tmp_path))
    assert open_tokens(config, config.read(TokenParameters)) is None
