"""The parameters of addresses: which domains are ours, how addresses are completed and split, and the tables of
recipients.

Several processes ask for them: smtpd (who may be mailed), cleanup (aliases), trivial-rewrite (routes), local and
virtual. TrivialRewriteParameters is all that decides where an address goes; routing.py makes rules of it.
See: trivial-rewrite(8), postconf(5).
"""

from __future__ import annotations

from pyfix.mail.config import Boolean, CoreParameters, ListOf, ParameterSet, String
from pyfix.mail.message.params import Utf8Parameters


class RelayParameters(ParameterSet):
    """Where trivial-rewrite sends mail, and whom smtp blames when nobody is there."""

    relayhost = String("", "Where mail for other domains goes: the next hop.")


class SenderRouteParameters(ParameterSet):
    """What makes a route depend on the sender: trivial-rewrite reads the tables, qmgr asks it once a sender then."""

    sender_dependent_relayhost_maps = String("", "Tables that override relayhost by sender.")
    sender_dependent_default_transport_maps = String("", "Tables that override default_transport by sender.")


class AddressParameters(CoreParameters, Utf8Parameters):
    """Domains, tables and the form of addresses."""

    recipient_delimiter = String("", "Characters that separate a user name from an address extension.")
    owner_request_special = Boolean("yes", "Leave owner-name and name-request whole when the delimiter is a dash.")
    propagate_unmatched_extensions = ListOf(
        "canonical, virtual", "Tables whose results get the extension that the key left out."
    )
    parent_domain_matches_subdomains = ListOf(
        "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,"
        "relay_domains,smtpd_access_maps",
        "Lists in which example.com holds its subdomains.",
    )
    helpful_warnings = Boolean("yes", "Warn about settings that contradict each other.")
    show_user_unknown_table_name = Boolean("yes", "Name the table in User unknown replies.")
    empty_address_recipient = String("MAILER-DAEMON", "The recipient of mail to the null address.", low=1)
    remote_header_rewrite_domain = String("", "Domain for incomplete addresses of remote clients; empty: leave them.")

    virtual_alias_maps = String("$virtual_maps", "Tables that redirect addresses of any domain.")
    virtual_alias_domains = String("$virtual_alias_maps", "Domains of which every address is in virtual_alias_maps.")
    virtual_mailbox_maps = String("", "Tables of all addresses in virtual_mailbox_domains.")
    virtual_mailbox_domains = String("$virtual_mailbox_maps", "Domains that virtual_transport delivers.")
    relay_domains = String(
        "${{$compatibility_level} <level {2} ? {$mydestination} : {}}", "Domains that mail is relayed to."
    )
    relay_recipient_maps = String("", "Tables of all addresses in relay_domains; empty: any address.")
    local_recipient_maps = String("proxy:unix:passwd.byname $alias_maps", "Tables of all local recipients.")
    relocated_maps = String("", "Tables of addresses that have moved, and where to.")
    alias_maps = String("hash:/etc/aliases", "Tables of aliases that local delivery uses.")
    alias_database = String("hash:/etc/aliases", "Tables that newaliases builds.")
    default_database_type = String("hash", "Type of a table that postmap and postalias are given without one.", low=1)


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
