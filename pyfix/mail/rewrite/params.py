"""Parameters of address rewriting: whose addresses are mapped, by which tables, and how far."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Integer, ListOf, String


class CanonicalParameters(AddressParameters):
    """The tables of recipients' official forms: smtpd takes mail for whoever is in one of them."""

    canonical_maps = String("", "Tables of addresses and their official form.")
    recipient_canonical_maps = String("", "Tables of recipients and their official form.")


class RewriteParameters(CanonicalParameters):
    """What changes addresses that are complete."""

    canonical_classes = ListOf(
        "envelope_sender, envelope_recipient, header_sender, header_recipient", "Addresses canonical_maps is for."
    )
    masquerade_classes = ListOf(
        "envelope_sender, header_sender, header_recipient", "Addresses masquerade_domains is for."
    )
    masquerade_domains = ListOf("", "Domains whose hosts are not shown in addresses; !domain: they are.")
    masquerade_exceptions = String("", "Users whose addresses keep the host.")
    recipient_canonical_classes = ListOf(
        "envelope_recipient, header_recipient", "Addresses recipient_canonical_maps is for."
    )
    sender_canonical_classes = ListOf("envelope_sender, header_sender", "Addresses sender_canonical_maps is for.")
    sender_canonical_maps = String("", "Tables of senders and their official form.")
    virtual_alias_address_length_limit = Integer("1000", "Characters of an address from virtual_alias_maps.", low=1)
    virtual_alias_expansion_limit = Integer("1000", "Addresses that one recipient may become.", low=1)
    virtual_alias_recursion_limit = Integer("1000", "Lookups, one after the other, for one recipient.", low=1)
