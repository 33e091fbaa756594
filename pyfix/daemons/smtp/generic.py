"""Change the addresses of a message that goes out, as smtp_generic_maps says.

    sender and recipients        as the commands name them; requests, log and notices keep the others
    the header block             read from the queue file as a whole, up to HEAD_LIMIT; the rest is never in memory

It is done once a request, before any server is met. What fails, fails for now and for all recipients.
See: generic(5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.smtp.completion import Completion
from pyfix.daemons.smtp.outgoing import OutgoingHead, read_head
from pyfix.mail.delivery import Content
from pyfix.mail.delivery.content import HeadedContent
from pyfix.mail.ipc.client import IpcError
from pyfix.mail.ipc.messages import Deliver
from pyfix.mail.maps import TableError
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.rewrite.address_map import Entry, MapError
from pyfix.mail.rewrite.generic import GenericTables

HEAD_LIMIT: Final = 1024 * 1024
"""Bytes of headers that are looked at; what lies behind is body, as it is to cleanup."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as the server gets it."""

    sender: str
    content: Content | HeadedContent
    recipients: Mapping[str, str]
    """Those that have another address there."""

    def recipient(self, address: str) -> str:
        return self.recipients.get(address, address)


class GenericMapper:
    """One process's; raises MapError when something can't be asked."""

    def __init__(self, tables: GenericTables, completion: Completion, log: Log) -> None:
        self._tables = tables
        self._completion = completion
        self._log = log

    async def rewrite(self, request: Deliver, content: Content) -> Outgoing:
        """Return the message for the server; raises OSError and ContentError of the queue file, too."""
        sender = request.envelope.sender
        data, block = read_head(content, HEAD_LIMIT)
        head = OutgoingHead(data, block)
        recipients = [rcpt.address for rcpt in request.recipients]
        new = await self._map([*([sender] if sender else []), *recipients, *head.addresses])
        if not new:
            return Outgoing(sender, content, {})
        written = head.write(new)
        for item in head.stripped:
            self._log.warning(f"{request.queue_id}: stripping too many comments from address: {item[:100]}...")
        return Outgoing(new.get(sender, sender), HeadedContent(content, written, block.end), new)

    async def _map(self, addresses: Iterable[str]) -> dict[str, str]:
        """Return what becomes of the addresses that the tables have; what can't be an address stays."""
        found: dict[str, Entry] = {}
        for address in dict.fromkeys(filter(is_clean, addresses)):
            entry = await self._search(address)
            if entry is not None and entry.results:
                found[address] = entry
                if len(entry.results) > 1:
                    self._log.warning(f"multi-valued {self._tables.map.parameter} result for {address}")
        try:
            completed = await self._completion.complete([entry.results[0] for entry in found.values()])
        except IpcError as error:
            raise MapError(str(error)) from error
        return {
            address: entry.finish([completed.get(entry.results[0], entry.results[0])])[0]
            for address, entry in found.items()
        }

    async def _search(self, address: str) -> Entry | None:
        search = self._tables.map.search
        try:
            if self._tables.blocking:
                return await asyncio.get_running_loop().run_in_executor(None, search, address)
            return search(address)
        except TableError as error:
            self._log.warning(str(error))
            raise MapError(f"{self._tables.map.parameter} map lookup problem for {address}") from error
