"""OpenSSL's errors as Postfix logs them, out of what Python says. Pure."""

from __future__ import annotations

import ssl
from typing import Final

_LIBRARY_SSL: Final = 20
"""ERR_LIB_SSL."""


def library_error(error: BaseException) -> str:
    """Return "error:0A000102:SSL routines::unsupported protocol:" for what a handshake has raised."""
    if not isinstance(error, ssl.SSLError) or not error.reason:
        return str(error) or type(error).__name__
    number = _numbers().get(error.reason)
    code = f"{(_LIBRARY_SSL << 23) | number:08X}" if number is not None else ""
    return f"error:{code}:SSL routines::{error.reason.replace('_', ' ').lower()}:"


def _numbers() -> dict[str, int]:
    """Return the reasons of libssl by name; Python has them the other way round, for all libraries."""
    codes: dict[tuple[int, int], str] = getattr(ssl._ssl, "err_codes_to_names", {})  # type: ignore[attr-defined]
    return {name: number for (library, number), name in codes.items() if library == _LIBRARY_SSL}
