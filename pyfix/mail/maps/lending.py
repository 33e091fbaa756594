"""Tables that may have to wait are asked in threads of a process with an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pyfix.mail.maps.table import Ask


def asker(loop: asyncio.AbstractEventLoop) -> Ask:
    """Return what threads call to have the loop look up, in the main thread, what only that may: see Table.lend."""

    def ask(find: Callable[[str], str | None], key: str) -> str | None:
        async def look_up() -> str | None:
            return find(key)

        return asyncio.run_coroutine_threadsafe(look_up(), loop).result()

    return ask
