"""Memory that is free goes back to the system, where the C library keeps it for later.

A process that lives long has now and then something large; what it needed then should not be its size for ever.
"""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return free memory to the system; nothing happens with C libraries that cannot do that (musl)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
