"""Parameters of tokens, named as Dovecot's settings of its oauth2 passdb."""

from __future__ import annotations

from typing import Final

from pyfix.mail.config import Choice, ListOf, ParameterSet, Seconds, String

MODES: Final = ("post", "get", "auth")


class TokenParameters(ParameterSet):
    """Who issues tokens, and which are good."""

    auth_oauth2_introspection_url = String("", "Address that is asked about a token: https://... (RFC 7662).")
    auth_oauth2_introspection_mode = Choice(
        "post",
        MODES,
        "post token=..., get the address with the token behind it, or auth with the token as bearer.",
    )
    auth_oauth2_jwks_url = String("", "Address of the public keys that tokens are signed with; no introspection then.")
    auth_oauth2_client_id = String("", "Our own name with the issuer; signed tokens must be meant for it (aud, azp).")
    auth_oauth2_client_secret_file = String("", "File with our password with the issuer, which only root can read.")
    auth_oauth2_issuers = ListOf("", "Issuers (iss) whose tokens are good; empty: any.")
    auth_oauth2_scope = ListOf("", "What a token must be good for (scope).")
    auth_oauth2_username_attribute = String("email", "What in the answer or the token is the login.", low=1)
    auth_oauth2_active_attribute = String("active", "What in the answer says that a token is good; empty: nothing.")
    auth_oauth2_active_value = String("true", "Its value for one that is good.")
    auth_oauth2_openid_configuration_url = String("", "Where clients learn how to get a token.")
    auth_oauth2_tls_ca_cert_file = String("", "Certificates of authorities for the issuer; empty: those of the system.")
    auth_oauth2_timeout = Seconds("5s", "How long the issuer may take.", low=1)
