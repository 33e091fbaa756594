"""OAuth 2.0 tokens as a way to log in: whose token is it, and is it still good?

    tokens = open_tokens(config, params)        None: not configured
    login = tokens.check("ya29...")             raises TokenRefused, TokenUnavailable

Either the server that issued it is asked each time (introspection.py; RFC 7662, or a userinfo or tokeninfo address), or
the token is signed and verified here with the server's public keys (jwt.py, keys.py; RFC 7519, RFC 7517). All of it
blocks. Nothing but the configured address is ever asked: what a token or an answer says of addresses is not followed.
"""

from pyfix.mail.auth.tokens.claims import TokenRefused, Tokens, TokenUnavailable

__all__ = ["TokenRefused", "TokenUnavailable", "Tokens"]
