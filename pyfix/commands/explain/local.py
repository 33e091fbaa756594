"""What local does with a name, as far as tables, accounts and the presence of a .forward tell.

Aliases are followed to local names and to the mailbox of each. What a .forward or an :include: file says is not read:
it belongs to somebody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from pyfix.base import accounts
from pyfix.commands.explain.facts import LocalName
from pyfix.commands.explain.services import Service
from pyfix.mail.address.quote import unquote_local
from pyfix.mail.address.split import split_address, split_extension
from pyfix.mail.config.expand import ExpandError
from pyfix.mail.delivery.destinations import ToAddress, ToCommand, ToFile, ToInclude, parse_destinations
from pyfix.mail.delivery.macros import expand_names
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.mailbox.choice import choose_place
from pyfix.mail.mailbox.params import LocalMailboxParameters
from pyfix.mail.maps import TableError, open_maps

Resolve = Callable[[str], Resolved]
"""Brings an address into standard form and says where it goes."""
_MAPS = ("alias_maps", "mailbox_command_maps", "mailbox_transport_maps", "fallback_transport_maps")


class LocalDelivery:
    """local, with its tables."""

    def __init__(self, service: Service, transport: str, resolve: Resolve) -> None:
        """`transport` is the name of the service: what an alias names is local when it goes there, too."""
        self._service = service
        self._params = service.config.read(LocalMailboxParameters)
        self._maps = {
            name: open_maps(getattr(self._params, name), name, service.config, substitution=False) for name in _MAPS
        }
        self._transport = transport
        self._resolve = resolve

    def follow(self, address: str) -> LocalName:
        """Return what becomes of mail for a local address."""
        return self._follow(address, set())

    def _follow(self, address: str, seen: set[str]) -> LocalName:
        local, _ = split_address(address)
        local = unquote_local(local).lower()
        user, extension = split_extension(
            local, self._params.recipient_delimiter, owner_request_special=self._params.owner_request_special
        )
        if extension is not None and "/" in extension:
            local, extension = user, None
        found = LocalName(local, address)
        try:
            if local.startswith("\\"):
                self._mailbox(found, local[1:], None)
            elif not self._alias(found, local, user, extension, seen):
                self._mailbox(found, user, extension)
        except (TableError, OSError) as error:
            found.problem = f"temporary failure: {error}"
        return found

    # --- aliases

    def _alias(self, found: LocalName, local: str, user: str, extension: str | None, seen: set[str]) -> bool:
        """Follow the alias of a name; False when there is none, or when it is met inside itself."""
        for key in dict.fromkeys((local, user)):
            value = None if key in seen else self._maps["alias_maps"].lookup(key)
            if value is not None:
                found.alias = key
                keeps = key != local and "alias" in self._params.propagate_unmatched_extensions
                self._destinations(found, value, extension if keeps else None, {*seen, key})
                return True
        return False

    def _destinations(self, found: LocalName, value: str, extension: str | None, seen: set[str]) -> None:
        for destination in parse_destinations(value):
            match destination:
                case ToFile(path):
                    found.destinations.append(path)
                case ToCommand(command):
                    found.destinations.append(f"|{command}")
                case ToInclude(path):
                    found.destinations.append(f":include:{path}")
                case ToAddress(address):
                    found.destinations.append(address)
                    self._member(found, address, extension, seen)
        if not found.destinations:
            found.problem = f"no recipient in alias lookup result for {found.alias}: mail is deferred"

    def _member(self, found: LocalName, address: str, extension: str | None, seen: set[str]) -> None:
        resolved = self._resolve(address)
        if resolved.transport != self._transport:
            return
        member = resolved.recipient
        if extension is not None and self._params.recipient_delimiter:
            local, domain = split_address(member)
            member = f"{local}{self._params.recipient_delimiter[0]}{extension}@{domain}"
        found.members.append(self._follow(member, seen))

    # --- the user's own

    def _mailbox(self, found: LocalName, user: str, extension: str | None) -> None:
        """Tell where the mail of a name goes that is no alias."""
        params = self._params
        entry = accounts.find_user(user)
        home = (entry.pw_dir or None) if entry else None
        found.home = home or ""
        if entry is not None and not found.name.startswith("\\"):
            found.forward = next(self._forward_files(found, user, home, extension), "")
        if self._passes_on(found, user, "mailbox_transport"):
            return
        if entry is None:
            if self._passes_on(found, user, "fallback_transport"):
                return
            if params.luser_relay:
                found.by, found.destinations = "luser_relay", [params.luser_relay]
            else:
                found.problem = f'unknown user: "{user}"'
            return
        place = choose_place(user, home, params, self._maps["mailbox_command_maps"])
        found.by, found.command, found.path = place.parameter, place.command, place.path
        if place.path:
            found.quota, found.quota_by = params.mailbox_size_limit, self._service.setting("mailbox_size_limit")
        if place.is_in_home and home is None:
            found.problem = f"no home directory for user {user}: mail is deferred"

    def _passes_on(self, found: LocalName, user: str, name: str) -> bool:
        """Tell whether another transport is in charge of the name."""
        target = self._maps[f"{name}_maps"].lookup(user)
        found.transport = target or str(getattr(self._params, name))
        if found.transport:
            found.by = f"{name}_maps" if target else name
        return bool(found.transport)

    def _forward_files(self, found: LocalName, user: str, home: str | None, extension: str | None) -> Iterator[str]:
        """Yield the .forward files that are there."""
        params = self._params
        delimiter = found.name[len(user) : len(user) + 1] or params.recipient_delimiter[:1]
        values = {
            "user": user,
            "home": home,
            "recipient": found.address,
            "extension": extension or None,
            "domain": (split_address(found.address)[1] or "").lower() or None,
            "local": found.name,
            "mailbox": found.name,
            "recipient_delimiter": delimiter or None,
        }
        for element in params.forward_path.replace(",", " ").split():
            try:
                path = expand_names(element, values, params.forward_expansion_filter)
            except ExpandError as error:
                found.problem = f"bad parameter value syntax for forward_path: {error}"
                return
            if not path.undefined and os.path.lexists(path.text):
                yield path.text
