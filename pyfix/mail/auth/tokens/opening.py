"""Make tokens of the configuration."""

from __future__ import annotations

import ssl

from pyfix.base.failure import words_for
from pyfix.mail.auth.tokens.claims import Rules, Tokens, TokenSource, TokenUnavailable
from pyfix.mail.auth.tokens.http import Address, ask, is_usable
from pyfix.mail.auth.tokens.params import TokenParameters
from pyfix.mail.config import Config


def open_tokens(config: Config, params: TokenParameters) -> Tokens | None:
    """Return what checks tokens, None where nothing says how; raises ConfigError."""
    introspection, jwks = params.auth_oauth2_introspection_url, params.auth_oauth2_jwks_url
    if introspection and jwks:
        raise config.refuse(
            "auth_oauth2_jwks_url", "specify auth_oauth2_introspection_url or auth_oauth2_jwks_url, not both"
        )
    if not introspection and not jwks:
        return None
    if jwks and not params.auth_oauth2_client_id:
        raise config.refuse(
            "auth_oauth2_jwks_url",
            "auth_oauth2_jwks_url needs auth_oauth2_client_id: without it, a token that the issuer made for any other"
            " program would do",
        )
    rules = Rules(
        username_attribute=params.auth_oauth2_username_attribute,
        active_attribute=params.auth_oauth2_active_attribute if introspection else "",
        active_value=params.auth_oauth2_active_value,
        issuers=tuple(params.auth_oauth2_issuers),
        scopes=tuple(params.auth_oauth2_scope),
        audience=params.auth_oauth2_client_id if jwks else "",
    )
    source = _open_introspection(config, params) if introspection else _open_keys(config, params)
    return Tokens(source, rules, params.auth_oauth2_openid_configuration_url)


def _open_introspection(config: Config, params: TokenParameters) -> TokenSource:
    from pyfix.mail.auth.tokens.introspection import Introspection

    return Introspection(
        _address(config, params, "auth_oauth2_introspection_url"), params.auth_oauth2_introspection_mode,
        params.auth_oauth2_client_id, _secret(config, params),
    )  # fmt: skip


def _open_keys(config: Config, params: TokenParameters) -> TokenSource:
    from pyfix.mail.auth.tokens.jwt import SignedTokens
    from pyfix.mail.auth.tokens.keys import KeySet

    address = _address(config, params, "auth_oauth2_jwks_url")

    def fetch() -> dict[str, object]:
        answer = ask(address, {})
        if answer.status != 200:
            raise TokenUnavailable(f"{address.url}: status {answer.status}")
        return answer.parse()

    return SignedTokens(KeySet(fetch))


def _address(config: Config, params: TokenParameters, name: str) -> Address:
    url: str = getattr(params, name)
    if not is_usable(url):
        raise config.refuse(name, f"bad value {name} = {url}; specify http://host/path or https://host/path")
    tls = None
    if url.startswith("https:"):
        path = params.auth_oauth2_tls_ca_cert_file
        try:
            tls = ssl.create_default_context(cafile=path or None)
        except (OSError, ssl.SSLError) as error:
            parameter = "auth_oauth2_tls_ca_cert_file"
            raise config.refuse(parameter, f"{parameter}: {path}: {words_for(error)}") from error
    return Address(url, params.auth_oauth2_timeout, tls)


def _secret(config: Config, params: TokenParameters) -> str:
    path = params.auth_oauth2_client_secret_file
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        words = words_for(error) if isinstance(error, OSError) else "not UTF-8"
        name = "auth_oauth2_client_secret_file"
        raise config.refuse(name, f"{name}: {path}: {words}") from error
