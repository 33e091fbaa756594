"""tls_ssl_options and tls_disable_workarounds: bits of OpenSSL's options, by their names or as a mask. Pure.

See: postconf(5), SSL_CTX_set_options(3).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Final

ENABLED: Final[Mapping[str, int]] = {
    "ENABLE_MIDDLEBOX_COMPAT": 0x00100000,
    "LEGACY_SERVER_CONNECT": 0x00000004,
    "NO_TICKET": 0x00004000,
    "NO_COMPRESSION": 0x00020000,
    "NO_RENEGOTIATION": 0x40000000,
    "NO_SESSION_RESUMPTION_ON_RENEGOTIATION": 0x00010000,
    "PRIORITIZE_CHACHA": 0x00200000,
}
WORKAROUNDS: Final[Mapping[str, int]] = {
    "CRYPTOPRO_TLSEXT_BUG": 0x80000000,
    "DONT_INSERT_EMPTY_FRAGMENTS": 0x00000800,
    "LEGACY_SERVER_CONNECT": 0x00000004,
    "TLSEXT_PADDING": 0x00000010,
    "SAFARI_ECDHE_ECDSA_BUG": 0x00000040,
    "MICROSOFT_BIG_SSLV3_BUFFER": 0,
    "MICROSOFT_SESS_ID_BUG": 0,
    "MSIE_SSLV2_RSA_PADDING": 0,
    "NETSCAPE_CHALLENGE_BUG": 0,
    "NETSCAPE_REUSE_CIPHER_CHANGE_BUG": 0,
    "SSLEAY_080_CLIENT_DH_BUG": 0,
    "SSLREF2_REUSE_CERT_TYPE_BUG": 0,
    "TLS_BLOCK_PADDING_BUG": 0,
    "TLS_D5_BUG": 0,
    "TLS_ROLLBACK_BUG": 0x00800000,
    "CVE-2005-2969": 0,
    "CVE-2010-4180": 0,
}
"""0: OpenSSL has had no such workaround since 1.1, and there is nothing to switch off."""


class BadOptions(ValueError):
    """A word that is no option."""


def parse_options(text: str, names: Mapping[str, int]) -> int:
    """Return the bits that a list, or a number with 0x, means; raises BadOptions."""
    text = text.strip()
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    bits = 0
    for word in re.split(r"[\s,]+", text):
        if word and word.upper() not in names:
            raise BadOptions(f'unknown option "{word}"; specify some of {", ".join(names)}, or a mask with 0x')
        bits |= names[word.upper()] if word else 0
    return bits


def apply_options(context: ssl.SSLContext, enabled: int, disabled: int) -> None:
    """Switch options on, and workarounds off."""
    context.options = (ssl.Options(context.options) | ssl.OP_ALL) & ~ssl.Options(disabled & int(ssl.OP_ALL)) | enabled
