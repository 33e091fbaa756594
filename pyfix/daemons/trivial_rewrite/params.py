"""The parameters that only address rewriting and resolving need.

See: trivial-rewrite(8), postconf(5).
"""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters, RelayParameters, SenderRouteParameters
from pyfix.mail.config import Boolean, String


class TrivialRewriteParameters(AddressParameters, RelayParameters, SenderRouteParameters):
    """How addresses are completed, and where they go."""

    append_at_myorigin = Boolean("yes", "Append @$myorigin to addresses without domain.")
    append_dot_mydomain = Boolean(
        "${{$compatibility_level} <level {1} ? {yes} : {no}}", "Append .$mydomain to domains without dot."
    )
    allow_percent_hack = Boolean("yes", "Rewrite user%domain to user@domain.")
    swap_bangpath = Boolean("yes", "Rewrite site!user to user@site.")
    allow_min_user = Boolean("no", "Allow recipients that begin with a dash.")
    resolve_dequoted_address = Boolean("yes", "Look for routing operators inside quoted local parts.")
    resolve_null_domain = Boolean("no", 'Take an address that ends in "@" as local.')
    resolve_numeric_domain = Boolean("no", "Take user@1.2.3.4 as user@[1.2.3.4].")

    local_transport = String("local:$myhostname", "Delivers mail for mydestination.", low=1)
    virtual_transport = String("virtual", "Delivers mail for virtual_mailbox_domains.", low=1)
    relay_transport = String("relay", "Delivers mail for relay_domains.", low=1)
    default_transport = String("smtp", "Delivers all other mail.", low=1)
    transport_maps = String("", "Tables that override transport and next hop.")
    empty_address_relayhost_maps_lookup_key = String(
        "<>", "Key of the null sender in sender_dependent_relayhost_maps.", low=1
    )
    empty_address_default_transport_maps_lookup_key = String(
        "<>", "Key of the null sender in sender_dependent_default_transport_maps.", low=1
    )
