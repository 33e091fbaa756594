"""Where a recipient goes, and which setting says so.

The route is trivial-rewrite's own. The setting behind it is read off the tables that were asked for it: a hit in a
table that overrides counts, else the parameter of the address class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyfix.commands.explain.facts import Route, Setting
from pyfix.commands.explain.services import Service, Services
from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.routing import make_resolver
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.maps.traced import Lookup

CLASS_LISTS = {
    "local": ("mydestination",),
    "alias": ("virtual_alias_domains",),
    "virtual": ("virtual_mailbox_domains",),
    "relay": ("relay_domains",),
    "default": ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"),
}
"""What says that a domain has the class; for the last, what does not say that it has another."""
_TRANSPORTS = {
    "local": "local_transport",
    "virtual": "virtual_transport",
    "relay": "relay_transport",
    "default": "default_transport",
}


class Router:
    """trivial-rewrite, with its reasons."""

    def __init__(self, services: Services, name: str, lookups: Sequence[Lookup], warn: Callable[[str], None]) -> None:
        """`name` is that of trivial-rewrite's service; `lookups` is where its tables tell what they are asked."""
        self._service = services.find(name)
        self._lookups = lookups
        self.params = self._service.config.read(TrivialRewriteParameters)
        self._resolver = make_resolver(self._service.config, self.params, warn)

    @property
    def service(self) -> Service:
        """trivial-rewrite's service."""
        return self._service

    def resolve(self, sender: str, address: str) -> Resolved:
        """Return trivial-rewrite's answer."""
        return self._resolver.resolve(sender, address)

    def route(self, sender: str, address: str) -> Route:
        """Return where mail for a complete address goes."""
        start = len(self._lookups)
        resolved = self.resolve(sender, address)
        if resolved.problem:
            return Route(address, problem=resolved.problem)
        if resolved.address_class == "error":
            return Route(resolved.recipient, "error", problem=f"{resolved.status} bad address syntax")
        hits = {asked.parameter: asked.value for asked in self._lookups[start:] if asked.value is not None}
        transport_by, nexthop_by = self._reasons(resolved.address_class, hits)
        return Route(
            resolved.recipient, resolved.address_class, self.class_settings(resolved),
            resolved.transport, transport_by, resolved.nexthop, nexthop_by,
        )  # fmt: skip

    def class_settings(self, resolved: Resolved) -> list[Setting]:
        """Return the list that has the domain, or those that do not have it, and what their values refer to."""
        names = CLASS_LISTS[resolved.address_class]
        if resolved.address_class == "local" and resolved.recipient.endswith("]"):
            names = ("inet_interfaces", "proxy_interfaces", *names)
        return self._service.settings(*names)

    def _reasons(self, address_class: str, hits: dict[str, str]) -> tuple[Setting | None, Setting | None]:
        """Return what the transport and the next hop come from."""
        setting = self._service.setting
        if "relocated_maps" in hits:
            return setting("relocated_maps"), setting("relocated_maps")
        if address_class == "alias":
            return setting("virtual_alias_domains"), setting("virtual_alias_domains")
        transport, nexthop = self._class_reasons(address_class, hits)
        if "transport_maps" not in hits:
            return transport, nexthop
        override = setting("transport_maps")
        name, _, hop = hits["transport_maps"].partition(":")
        if name:  # the next hop is the table's then, or the domain
            return override, override if hop else None
        return transport, override if hop else nexthop

    def _class_reasons(self, address_class: str, hits: dict[str, str]) -> tuple[Setting, Setting | None]:
        transport = self._service.setting(_TRANSPORTS[address_class])
        value = self._service.config.expand(transport.value)
        table = hits.get("sender_dependent_default_transport_maps", "DUNNO")
        if address_class == "default" and table.upper() != "DUNNO":
            transport, value = self._service.setting("sender_dependent_default_transport_maps"), table
        if value.partition(":")[2]:
            return transport, transport
        return transport, self._relay_reason(hits) if address_class in ("relay", "default") else None

    def _relay_reason(self, hits: dict[str, str]) -> Setting | None:
        table = hits.get("sender_dependent_relayhost_maps")
        if table is not None:
            return None if table.upper() == "DUNNO" else self._service.setting("sender_dependent_relayhost_maps")
        return self._service.setting("relayhost") if self.params.relayhost else None
