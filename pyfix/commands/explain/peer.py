"""Who a client is: NAME[ADDRESS] as the log has it, or an address, whose name is looked up as smtpd does it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.valid import is_valid_hostaddr
from pyfix.mail.dns.peername import UNKNOWN, HostsFile, PeerNames
from pyfix.mail.dns.resolver import AsyncResolver

_LABEL: Final = re.compile(r"([^\s\[\]]+)\[([^\[\]]+)\]")


class BadClient(Exception):
    """The text names no client."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the user names it; without a name, one that is still to be looked up."""

    address: str
    name: str = ""


def parse_client(text: str) -> Client:
    """Return the client that a text names; raises BadClient."""
    label = _LABEL.fullmatch(text)
    name, address = (label[1], label[2]) if label else ("", text.strip("[]"))
    if address.lower().startswith("ipv6:"):
        address = address[5:]
    if not is_valid_hostaddr(address):
        raise BadClient(f"bad client: {text}; specify an IP address, or name[address] as in the log")
    if address.startswith("::ffff:") and "." in address:
        address = address[7:]
    return Client(address, name)


def find_name(address: str) -> str:
    """Return the verified name of a client, "unknown" for none."""

    async def find() -> str:
        return (await PeerNames(AsyncResolver(), HostsFile.load()).find(address)).name

    return asyncio.run(find())


def name_client(client: Client, *, looks_up: bool) -> str:
    """Return the name under which smtpd knows a client."""
    return client.name or (find_name(client.address) if looks_up else UNKNOWN)
