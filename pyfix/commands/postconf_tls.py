"""`postconf -T`: the OpenSSL that servers encrypt with, and the kinds of keys that they can have."""

from __future__ import annotations

import ssl


def tell_of_tls(mode: str) -> str:
    """Return what is told in one of the modes of postconf_call.py.

    Of the OpenSSL that Python was built with only the number is known, as major, minor, nothing, patch.
    """
    if mode == "public-key-algorithms":
        return "dsa\necdsa\nrsa"
    if mode == "run-version":
        return ssl.OPENSSL_VERSION
    major, minor, fix, patch, _ = ssl._OPENSSL_API_VERSION  # nobody else tells
    return f"OpenSSL {major}.{minor}.{patch if major >= 3 else fix}"
