"""Is a recipient's domain ours to serve, and does the recipient exist?

A recipient is authorized when trivial-rewrite says that mail for it ends here (local, virtual alias, virtual
mailbox) or in relay_domains, and the address carries no second route in its local part. It exists when the tables
of its class list it; a class without tables takes everybody. Those that change addresses come first: what
recipient_canonical_maps, canonical_maps or virtual_alias_maps know needs no mailbox. MAILER-DAEMON is always there.
See: reject_unauth_destination, reject_unlisted_recipient, LOCAL_RECIPIENT_README, ADDRESS_CLASS_README.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.quote import unquote_address
from pyfix.mail.address.split import split_address
from pyfix.mail.ipc.messages import Resolved, Room
from pyfix.mail.maps import Maps
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.restrictions.questions import (
    Evaluation,
    HasRoom,
    Lookup,
    Rejection,
    Search,
)
from pyfix.proto.enhanced_status import split_status

_FINAL = ("local", "alias", "virtual")
_OF_SENDERS: Final = {"5.1.1": "5.1.7", "5.1.2": "5.1.8", "5.1.3": "5.1.7", "5.1.6": "5.1.7"}
"""What a status about a recipient is for a sender (RFC 3463 section 3.2)."""


@dataclass(frozen=True, slots=True)
class RecipientTables:
    """The tables that list users, and the reply codes for those that they do not list."""

    local: Maps
    virtual_mailbox: Maps
    virtual_alias: Maps
    relay: Maps
    canonical: tuple[Maps, ...] = ()
    """recipient_canonical_maps and canonical_maps."""
    local_code: int = 550
    virtual_mailbox_code: int = 550
    virtual_alias_code: int = 550
    relay_code: int = 550
    show_table: bool = True


def retry(name: str) -> Rejection:
    """A table or trivial-rewrite has no answer now."""
    return Rejection(451, "4.3.0", f"<{name}>: Temporary lookup failure", Trouble.DATA)


def is_authorized(resolved: Resolved) -> bool:
    """True when mail for the recipient is ours to take from anybody."""
    if resolved.address_class in _FINAL:
        return True
    return resolved.address_class == "relay" and not is_source_routed(resolved.recipient)


def is_source_routed(address: str) -> bool:
    """True when the local part names a further destination: a relay that we trust must not be abused through us."""
    local, _ = split_address(unquote_address(address))
    return any(route in local for route in "@%!")


def find_unlisted(
    recipient: str,
    resolved: Resolved,
    tables: RecipientTables,
    *,
    is_sender: bool = False,
) -> Evaluation[Rejection | None]:
    """Return the refusal of an address that does not exist, None for one that does; LookupFailed passes through.

    No table that changes addresses knows it: see `find_aliases`.
    """
    address = resolved.recipient
    if resolved.address_class == "local" and address.partition("@")[0].lower() == "mailer-daemon":
        return None
    title, unknown = ("Sender address", "5.1.0") if is_sender else ("Recipient address", "5.1.1")
    name = f"<{unquote_address(recipient)}>: {title} rejected: "
    if resolved.transport in ("error", "retry"):
        code = tables.virtual_alias_code if resolved.address_class == "alias" else 550
        status, text = split_status(resolved.nexthop, resolved.status or unknown)
        status = _OF_SENDERS.get(status, status) if is_sender else status
        code = code if resolved.transport == "error" else 450
        return Rejection(code, status, name + text, Trouble.BOUNCE)
    listed, code, table = _table_of(resolved.address_class, tables)
    if listed is None or listed.is_empty or (yield Lookup(Search.ALIAS, listed, address)) is not None:
        return None
    shown = f" in {table} table" if tables.show_table else ""
    return Rejection(code, unknown, f"{name}User unknown{shown}", Trouble.BOUNCE)


def find_aliases(resolved: Resolved, tables: RecipientTables) -> Evaluation[list[str]]:
    """Return what the first table that changes addresses says of one, nothing where none knows it."""
    for maps in (*tables.canonical, tables.virtual_alias):
        if not maps.is_empty and (found := (yield Lookup(Search.ALIAS, maps, resolved.recipient))) is not None:
            return [found]
    return []


def is_delivered_by_virtual(resolved: Resolved) -> bool:
    """Return whether mail ends in a mailbox that has a quota."""
    return resolved.address_class == "virtual" and resolved.transport == "virtual"


def find_overquota(
    recipient: str, resolved: Resolved, aliases: Sequence[str], size: int
) -> Evaluation[Rejection | None]:
    """Return the refusal of a recipient whose mailbox has no room for a message of this size (0: not known).

    Mail for an alias goes elsewhere, unless it is one of the mailbox itself. LookupFailed passes through.
    """
    address = resolved.recipient
    if any(alias.strip().casefold() != address.casefold() for alias in aliases):
        return None
    room: Room = yield HasRoom(address, size)
    if not room.status:
        return None
    code = 552 if room.status.startswith("5") else 452
    return Rejection(code, room.status, f"<{unquote_address(recipient)}>: Recipient address rejected: {room.text}")


def _table_of(address_class: str, tables: RecipientTables) -> tuple[Maps | None, int, str]:
    match address_class:
        case "local":
            return tables.local, tables.local_code, "local recipient"
        case "virtual":
            return tables.virtual_mailbox, tables.virtual_mailbox_code, "virtual mailbox"
        case "relay":
            return tables.relay, tables.relay_code, "relay recipient"
        case _:
            return None, 0, ""
