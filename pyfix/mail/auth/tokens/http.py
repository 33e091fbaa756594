"""One request to the configured address: no redirects, no proxies, a limit to time and size."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.mail.auth.tokens.claims import TokenUnavailable

_LARGEST: Final = 256 * 1024
_PIECE: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where an issuer is asked."""

    url: str
    timeout_s: float
    tls: ssl.SSLContext | None
    """None for http."""


def is_usable(url: str) -> bool:
    """Return whether a text is an address that can be asked."""
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii()
    except ValueError:
        return False


def ask(
    address: Address, headers: Mapping[str, str], *, form: Mapping[str, str] | None = None, behind: str = ""
) -> Answer:
    """Return the answer to a POST of a form, or to a GET; raises TokenUnavailable. behind: text behind the address."""
    url = address.url + urllib.parse.quote(behind, safe="")
    parts = urllib.parse.urlsplit(url)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    sent = {"Accept": "application/json", **headers}
    body = None
    if form is not None:
        body = urllib.parse.urlencode(form).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection = _connect(address, parts)
    try:
        connection.request("GET" if body is None else "POST", target, body, sent)
        return _read(connection.getresponse(), address)
    except (OSError, http.client.HTTPException) as error:
        raise TokenUnavailable(f"{address.url}: {words_for(error)}") from error
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer says."""

    address: Address
    status: int
    body: bytes

    def parse(self) -> dict[str, object]:
        """Return the JSON object that it is; raises TokenUnavailable."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise TokenUnavailable(f"{self.address.url}: the answer is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise TokenUnavailable(f"{self.address.url}: the answer is no JSON object")
        return value


def _connect(address: Address, parts: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if address.tls is not None:
        return http.client.HTTPSConnection(host, parts.port, timeout=address.timeout_s, context=address.tls)
    return http.client.HTTPConnection(host, parts.port, timeout=address.timeout_s)


def _read(response: http.client.HTTPResponse, address: Address) -> Answer:
    end = clock.monotonic() + address.timeout_s
    body = b""
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > _LARGEST:
            raise TokenUnavailable(f"{address.url}: an answer of more than {_LARGEST} bytes")
        if clock.monotonic() > end:
            raise TokenUnavailable(f"{address.url}: no whole answer within {address.timeout_s:g} seconds")
    return Answer(address, response.status, body)
