"""What OpenSSL has and Python's ssl has no word for, asked of OpenSSL itself.

- A client certificate that no authority vouches for is taken and reported (smtpd_tls_ask_ccert): permit_tls_clientcerts
  knows clients by the fingerprints of such certificates. Python's ssl breaks the handshake off.
- The groups of the key exchange (tls_eecdh_auto_curves), DHE with OpenSSL's own parameters, the depth of a chain.
- What was agreed: group and signature, for the log and the Received: header.

Python keeps the C objects at a fixed place in its own; it is known for the releases of CPython that pyfix runs on. With
any other, a Python that has OpenSSL built in without its names, or an OpenSSL before 3.0, `find_native` returns None,
and what needs it is refused by name.
"""

from __future__ import annotations

import ctypes
import functools
import ssl
import sys
from collections.abc import Iterable
from typing import Any, Final

_RELEASES: Final = ((3, 11), (3, 12), (3, 13))
_CONTEXT_AT: Final = object.__basicsize__
"""Of SSL_CTX* in _ssl._SSLContext: right behind the head."""
_SSL_AT: Final = _CONTEXT_AT + ctypes.sizeof(ctypes.c_void_p)
"""Of SSL* in _ssl._SSLSocket: behind the head and the socket."""
_SET_GROUPS_LIST: Final = 92
_SET_DH_AUTO: Final = 118
_VERIFY_PEER: Final = 1
_VerifyCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_SIGNATURES: Final = {
    "SSL_CTX_ctrl": (ctypes.c_long, (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)),
    "SSL_CTX_set_verify": (None, (ctypes.c_void_p, ctypes.c_int, _VerifyCallback)),
    "SSL_CTX_set_verify_depth": (None, (ctypes.c_void_p, ctypes.c_int)),
    "SSL_CTX_get_verify_mode": (ctypes.c_int, (ctypes.c_void_p,)),
    "SSL_CTX_get_cert_store": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "SSL_CTX_set_cert_store": (None, (ctypes.c_void_p, ctypes.c_void_p)),
    "X509_STORE_up_ref": (ctypes.c_int, (ctypes.c_void_p,)),
    "SSL_get_verify_result": (ctypes.c_long, (ctypes.c_void_p,)),
    "SSL_load_client_CA_file": (ctypes.c_void_p, (ctypes.c_char_p,)),
    "SSL_CTX_set_client_CA_list": (None, (ctypes.c_void_p, ctypes.c_void_p)),
    "X509_verify_cert_error_string": (ctypes.c_char_p, (ctypes.c_long,)),
    "SSL_ctrl": (ctypes.c_long, (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p)),
    "SSL_get_privatekey": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "SSL_get1_peer_certificate": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "X509_get0_pubkey": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "X509_free": (None, (ctypes.c_void_p,)),
    "EVP_PKEY_get_id": (ctypes.c_int, (ctypes.c_void_p,)),
    "EVP_PKEY_get_bits": (ctypes.c_int, (ctypes.c_void_p,)),
    "EVP_PKEY_get_group_name": (
        ctypes.c_int,
        (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)),
    ),
    "EVP_PKEY_free": (None, (ctypes.c_void_p,)),
    "OBJ_nid2sn": (ctypes.c_char_p, (ctypes.c_int,)),
    "ERR_clear_error": (None, ()),
}


def _go_on(is_good: int, store: int) -> int:
    """OpenSSL keeps the verdict; the handshake goes on."""
    return 1


_TAKE_ANY: Final = _VerifyCallback(_go_on)
"""Lives as long as the contexts that call it."""


class Native:
    """OpenSSL's functions."""

    def __init__(self, library: ctypes.CDLL) -> None:
        """Raises AttributeError where the library does not show its names."""
        self.library: Any = library
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def verify_mode(self, context: ssl.SSLContext) -> int:
        """Return OpenSSL's bits of what becomes of certificates."""
        return int(self.library.SSL_CTX_get_verify_mode(_pointer(context, _CONTEXT_AT)))

    def take_any_certificate(self, context: ssl.SSLContext) -> None:
        """Ask clients for a certificate, and go on with whatever comes, or without."""
        self.library.SSL_CTX_set_verify(_pointer(context, _CONTEXT_AT), _VERIFY_PEER, _TAKE_ANY)

    def share_authorities(self, context: ssl.SSLContext, known: ssl.SSLContext) -> None:
        """Have a context trust those whom another one trusts."""
        store = self.library.SSL_CTX_get_cert_store(_pointer(known, _CONTEXT_AT))
        if self.library.X509_STORE_up_ref(store):
            self.library.SSL_CTX_set_cert_store(_pointer(context, _CONTEXT_AT), store)

    def limit_depth(self, context: ssl.SSLContext, depth: int) -> None:
        """Trust no chain with more between the certificate and a trusted authority than that and one: as Postfix."""
        self.library.SSL_CTX_set_verify_depth(_pointer(context, _CONTEXT_AT), depth + 1)

    def choose_dh(self, context: ssl.SSLContext) -> None:
        """Have OpenSSL take DH parameters that fit the key."""
        self.library.SSL_CTX_ctrl(_pointer(context, _CONTEXT_AT), _SET_DH_AUTO, 1, None)

    def set_groups(self, context: ssl.SSLContext, groups: Iterable[str]) -> list[str]:
        """Offer these groups, without those that OpenSSL does not know; return the ones it does."""
        known = [name for name in groups if self._set_groups(context, name)]
        if known:
            self._set_groups(context, ":".join(known))
        return known

    def _set_groups(self, context: ssl.SSLContext, text: str) -> bool:
        done = self.library.SSL_CTX_ctrl(
            _pointer(context, _CONTEXT_AT), _SET_GROUPS_LIST, 0, text.encode("ascii", "replace")
        )
        self.library.ERR_clear_error()
        return bool(done == 1)

    def name_authorities(self, context: ssl.SSLContext, path: str) -> None:
        """Tell clients whose certificates are welcome: the names in a file of authorities."""
        names = self.library.SSL_load_client_CA_file(path.encode())
        if names:
            self.library.SSL_CTX_set_client_CA_list(_pointer(context, _CONTEXT_AT), names)
        self.library.ERR_clear_error()

    def distrust(self, session: ssl.SSLObject) -> str:
        """Return why no authority vouches for the client's certificate; "" where one does, or there is none."""
        code = self.library.SSL_get_verify_result(session_pointer(session))
        return self.library.X509_verify_cert_error_string(code).decode() if code else ""


def session_pointer(session: ssl.SSLObject) -> ctypes.c_void_p:
    """Return OpenSSL's pointer for a session."""
    return _pointer(session._sslobj, _SSL_AT)  # type: ignore[attr-defined]  # Python's own name for the C object


def _pointer(item: object, at: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(id(item) + at)


@functools.cache
def find_native() -> Native | None:
    """Return OpenSSL as this Python has it loaded, None where it can't be reached."""
    if (
        sys.implementation.name != "cpython"
        or sys.version_info[:2] not in _RELEASES
        or hasattr(sys, "gettotalrefcount")
    ):
        return None
    import _ssl  # the library that ssl has loaded, and no other

    try:
        native = Native(ctypes.CDLL(getattr(_ssl, "__file__", None)))
    except (AttributeError, OSError):
        return None
    return native if _is_where_expected(native) else None


def _is_where_expected(native: Native) -> bool:
    """Return whether a context that Python has changed has changed for OpenSSL, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    seen = []
    for mode in (ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED):
        context.verify_mode = mode
        seen.append(native.verify_mode(context))
    return seen == [0, 1, 3]
