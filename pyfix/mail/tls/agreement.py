"""What key exchange and which signatures a session of TLS 1.3 has agreed on, in Postfix's words.

Earlier versions say it in the name of the cipher. Asked of OpenSSL itself; where it can't be reached nothing is said.
"""

from __future__ import annotations

import ctypes
import ssl
from dataclasses import dataclass
from typing import Any, Final

from pyfix.mail.tls.native import Native, find_native, session_pointer

_PEER_TMP_KEY: Final = 109
_SIGNATURE: Final = 132
_PEER_SIGNATURE: Final = 108
_RSA: Final = (6, 912)
"""NID_rsaEncryption, NID_rsassaPss."""
_EC: Final = 408
_DH: Final = 28
_NAME_LIMIT: Final = 80


@dataclass(frozen=True, slots=True)
class Agreement:
    """Each "" where there is none."""

    exchange: str = ""
    server: str = ""
    client: str = ""

    @property
    def words(self) -> str:
        """What follows the cipher in the log."""
        return "".join(f" {part}" for part in (self.exchange, self.server, self.client) if part)

    @property
    def lines(self) -> str:
        """The same for the Received: header."""
        first = " ".join(filter(None, (self.exchange, self.server)))
        return "".join(f"\n\t {line}" for line in (first, self.client) if line)


def read_agreement(session: ssl.SSLObject) -> Agreement:
    """Return what is known of a handshake that is complete."""
    native = find_native()
    if native is None or session.version() != "TLSv1.3":
        return Agreement()
    return _Reader(native, session).read()


class _Reader:
    """OpenSSL's functions on one session."""

    def __init__(self, native: Native, session: ssl.SSLObject) -> None:
        self._library: Any = native.library
        self._session = session_pointer(session)
        self._has_peer = session.getpeercert(binary_form=True) is not None

    def read(self) -> Agreement:
        """Ask for everything."""
        return Agreement(self._exchange(), self._server(), self._client() if self._has_peer else "")

    def _exchange(self) -> str:
        key = ctypes.c_void_p()
        if self._library.SSL_ctrl(self._session, _PEER_TMP_KEY, 0, ctypes.byref(key)) != 1 or not key:
            return ""
        try:
            kind = self._library.EVP_PKEY_get_id(key)
            if kind == _EC:
                return f"key-exchange ECDHE ({self._group(key)})"
            if kind == _DH:
                return f"key-exchange DHE ({self._library.EVP_PKEY_get_bits(key)} bits)"
            return f"key-exchange {self._short_name(kind)}"
        finally:
            self._library.EVP_PKEY_free(key)

    def _server(self) -> str:
        key = self._library.SSL_get_privatekey(self._session)
        return self._signature("server", ctypes.c_void_p(key), _SIGNATURE) if key else ""

    def _client(self) -> str:
        certificate = self._library.SSL_get1_peer_certificate(self._session)
        if not certificate:
            return ""
        try:
            key = self._library.X509_get0_pubkey(certificate)
            return self._signature("client", ctypes.c_void_p(key), _PEER_SIGNATURE) if key else ""
        finally:
            self._library.X509_free(certificate)

    def _signature(self, whose: str, key: ctypes.c_void_p, question: int) -> str:
        kind = self._library.EVP_PKEY_get_id(key)
        if kind in _RSA:
            text = f"RSA-PSS ({self._library.EVP_PKEY_get_bits(key)} bits)"
        elif kind == _EC:
            text = f"ECDSA ({self._group(key)})"
        else:
            text = self._short_name(kind)
        digest = ctypes.c_int()
        if self._library.SSL_ctrl(self._session, question, 0, ctypes.byref(digest)) == 1 and digest.value:
            text += f" {whose}-digest {self._short_name(digest.value)}"
        return f"{whose}-signature {text}"

    def _group(self, key: ctypes.c_void_p) -> str:
        buffer = ctypes.create_string_buffer(_NAME_LIMIT)
        length = ctypes.c_size_t()
        self._library.EVP_PKEY_get_group_name(key, buffer, _NAME_LIMIT, ctypes.byref(length))
        return buffer.value.decode("ascii", "replace")

    def _short_name(self, number: int) -> str:
        name = self._library.OBJ_nid2sn(number)
        return name.decode("ascii", "replace") if name else "unknown"
