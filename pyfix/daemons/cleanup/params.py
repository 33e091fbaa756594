"""Parameters of cleanup."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, Integer, ListOf, String
from pyfix.mail.message.params import DuplicateParameters, MessageParameters
from pyfix.mail.queue.params import QueueParameters


class CleanupParameters(AddressParameters, DuplicateParameters, MessageParameters, QueueParameters):
    """What cleanup makes of a message."""

    always_add_missing_headers = Boolean("no", "Add missing headers to mail from other machines too.")
    always_bcc = String("", "An address that gets a copy of every message.")
    canonical_classes = ListOf(
        "envelope_sender, envelope_recipient, header_sender, header_recipient", "Addresses canonical_maps is for."
    )
    canonical_maps = String("", "Tables of addresses and their official form.")
    cleanup_replace_stray_cr_lf = Boolean("yes", "Replace a carriage return inside a message by a space.")
    enable_original_recipient = Boolean("yes", "Keep the address that the sender gave beside what it became.")
    header_address_token_limit = Integer("10240", "Words and addresses that are looked at in one header.", low=1)
    header_size_limit = Integer("102400", "Bytes of one header; the rest of it is dropped.", low=1)
    hopcount_limit = Integer("50", "Received: headers that a message may have.", low=1)
    masquerade_classes = ListOf(
        "envelope_sender, header_sender, header_recipient", "Addresses masquerade_domains is for."
    )
    masquerade_domains = ListOf("", "Domains whose hosts are not shown in addresses; !domain: they are.")
    masquerade_exceptions = String("", "Users whose addresses keep the host.")
    message_drop_headers = ListOf("bcc, content-length, resent-bcc, return-path", "Headers that are removed.")
    recipient_bcc_maps = String("", "Tables of recipients whose mail is copied to another address.")
    recipient_canonical_classes = ListOf(
        "envelope_recipient, header_recipient", "Addresses recipient_canonical_maps is for."
    )
    recipient_canonical_maps = String("", "Tables of recipients and their official form.")
    sender_bcc_maps = String("", "Tables of senders whose mail is copied to another address.")
    sender_canonical_classes = ListOf("envelope_sender, header_sender", "Addresses sender_canonical_maps is for.")
    sender_canonical_maps = String("", "Tables of senders and their official form.")
    undisclosed_recipients_header = String("", "A header for messages without any visible destination.")
    virtual_alias_address_length_limit = Integer("1000", "Characters of an address from virtual_alias_maps.", low=1)
    virtual_alias_expansion_limit = Integer("1000", "Addresses that one recipient may become.", low=1)
    virtual_alias_recursion_limit = Integer("1000", "Lookups, one after the other, for one recipient.", low=1)
