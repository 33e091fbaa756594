"""Ask the issuer about each token (RFC 7662), or for what it says about the token's user."""

from __future__ import annotations

import base64
import urllib.parse

from pyfix.mail.auth.tokens.claims import Claims, TokenRefused, TokenSource, TokenUnavailable
from pyfix.mail.auth.tokens.http import Address, Answer, ask


class Introspection(TokenSource):
    """One address, and how it is asked."""

    def __init__(self, address: Address, mode: str, client_id: str, client_secret: str) -> None:
        """mode: post, get, auth; see auth_oauth2_introspection_mode."""
        self._address = address
        self._mode = mode
        self._headers: dict[str, str] = {}
        if client_id and mode != "auth":
            pair = ":".join(urllib.parse.quote_plus(word) for word in (client_id, client_secret))  # RFC 6749 2.3.1
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def read(self, token: str) -> Claims:
        answer = self._ask(token)
        if answer.status in (400, 401, 403) and self._mode != "post":
            raise TokenRefused(f"the issuer refuses the token: status {answer.status}")
        if answer.status != 200:
            raise TokenUnavailable(f"{self._address.url}: status {answer.status}")
        return answer.parse()

    def _ask(self, token: str) -> Answer:
        match self._mode:
            case "auth":
                return ask(self._address, {"Authorization": f"Bearer {token}"})
            case "get":
                return ask(self._address, self._headers, behind=token)
            case _:
                return ask(self._address, self._headers, form={"token": token})
