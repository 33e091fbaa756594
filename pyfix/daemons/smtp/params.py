"""Parameters of smtp(8) and of lmtp(8), which is the same program under another name.

Each smtp_ parameter has an lmtp_ twin; `settings` reads the one or the other by the program name in master.cf.
TLS, SASL and content inspection of the client come with their parameters.
"""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters, RelayParameters
from pyfix.mail.config import Boolean, Choice, Integer, ListOf, ParameterSet, Seconds, String
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.notices.params import NoticeParameters
from pyfix.mail.queue.params import QueueParameters


class SmtpParameters(ParameterSet):
    """The smtp_ names."""

    smtp_always_send_ehlo = Boolean("yes", "Greet with EHLO even if the server does not say ESMTP.")
    smtp_never_send_ehlo = Boolean("no", "Never greet with EHLO.")
    smtp_helo_name = String("$myhostname", "Our name in EHLO and HELO.", low=1)
    smtp_helo_timeout = Seconds("300s", "How long to wait for the greeting and the reply to EHLO.", low=1)
    smtp_discard_ehlo_keywords = ListOf("", "Keywords in EHLO replies that are ignored.")
    smtp_fallback_relay = ListOf("$fallback_relay", "Where mail goes when its destination can't be found or reached.")
    smtp_delivery_status_filter = ListOf(
        "$default_delivery_status_filter", "default_delivery_status_filter of this program."
    )
    smtp_quote_rfc821_envelope = Boolean(
        "yes", "Quote addresses in MAIL and RCPT where RFC 5321 asks for it; no: for servers that can not read that."
    )
    smtp_generic_maps = String("", "Tables of addresses, and of those that the world knows instead: generic(5).")
    smtp_tcp_port = String("smtp", "The port where none is given.", low=1)
    smtp_skip_5xx_greeting = Boolean("yes", "Skip servers that greet with a 5XX code, and try the next.")
    smtp_skip_quit_response = Boolean("yes", "Do not wait for the reply to QUIT.")
    smtp_line_length_limit = Integer("998", "Longest line that is sent; 0 for no limit. A longer one is broken.", low=0)
    smtp_connect_timeout = Seconds("30s", "How long to wait for a connection; 0 for the system's own limit.", low=0)
    smtp_mail_timeout = Seconds("300s", "How long to wait for the reply to MAIL FROM.", low=1)
    smtp_rcpt_timeout = Seconds("300s", "How long to wait for the reply to RCPT TO.", low=1)
    smtp_data_init_timeout = Seconds("120s", "How long to wait for the reply to DATA.", low=1)
    smtp_data_xfer_timeout = Seconds("180s", "How long the server may take no more of the message.", low=1)
    smtp_data_done_timeout = Seconds("600s", "How long to wait for the reply to the final dot.", low=1)
    smtp_quit_timeout = Seconds("300s", "How long to wait for the reply to QUIT.", low=1)
    smtp_rset_timeout = Seconds("20s", "How long to wait for the reply to RSET.", low=1)
    smtp_mx_address_limit = Integer("5", "Most addresses of a destination that are tried; 0 for no limit.", low=0)
    smtp_mx_session_limit = Integer("2", "Most sessions for a request and destination; 0 for no limit.", low=0)
    smtp_connection_cache_on_demand = Boolean("yes", "Keep connections for a while where there is much mail.")
    smtp_connection_cache_destinations = ListOf("", "Destinations whose connections are always kept for a while.")
    smtp_connection_cache_time_limit = Seconds("2s", "How long an unused connection is kept.", low=1)
    smtp_connection_reuse_time_limit = Seconds("300s", "How long a connection may be used again.", low=1)
    smtp_connection_reuse_count_limit = Integer("0", "How often a connection may be used; 0 for no limit.", low=0)
    smtp_bind_address = String("", "Source address of IPv4 connections.")
    smtp_bind_address6 = String("", "Source address of IPv6 connections.")
    smtp_bind_address_enforce = Boolean("no", "Defer mail when the source address can't be used.")
    smtp_randomize_addresses = Boolean("yes", "Try addresses of equal preference in random order.")
    smtp_address_preference = Choice("any", ("any", "ipv4", "ipv6"), "Address family that is tried first.")
    smtp_balance_inet_protocols = Boolean("yes", "Leave room for both address families within the address limit.")
    smtp_host_lookup = ListOf("dns", "How host names are looked up: dns, native or both.")
    smtp_dns_support_level = String("", "disabled or enabled; empty: as disable_dns_lookups says.")
    smtp_defer_if_no_mx_address_found = Boolean("no", "Defer mail when no MX host has an address.")


class LmtpParameters(ParameterSet):
    """The lmtp_ names."""

    lmtp_lhlo_name = String("$myhostname", "Our name in LHLO.", low=1)
    lmtp_lhlo_timeout = Seconds("300s", "How long to wait for the greeting and the reply to LHLO.", low=1)
    lmtp_discard_lhlo_keywords = ListOf("", "Keywords in LHLO replies that are ignored.")
    lmtp_fallback_relay = ListOf("", "Where mail goes when its destination can't be found or reached.")
    lmtp_delivery_status_filter = ListOf(
        "$default_delivery_status_filter", "default_delivery_status_filter of this program."
    )
    lmtp_quote_rfc821_envelope = Boolean(
        "yes", "Quote addresses in MAIL and RCPT where RFC 5321 asks for it; no: for servers that can not read that."
    )
    lmtp_generic_maps = String("", "Tables of addresses, and of those that the server knows instead: generic(5).")
    lmtp_tcp_port = String("24", "The port where none is given.", low=1)
    lmtp_assume_final = Boolean("no", "A server without DSN delivers finally, so say delivered, not relayed.")
    lmtp_skip_5xx_greeting = Boolean("yes", "Skip servers that greet with a 5XX code, and try the next.")
    lmtp_skip_quit_response = Boolean("no", "Do not wait for the reply to QUIT.")
    lmtp_line_length_limit = Integer("998", "Longest line that is sent; 0 for no limit. A longer one is broken.", low=0)
    lmtp_connect_timeout = Seconds("0s", "How long to wait for a connection; 0 for the system's own limit.", low=0)
    lmtp_mail_timeout = Seconds("300s", "How long to wait for the reply to MAIL FROM.", low=1)
    lmtp_rcpt_timeout = Seconds("300s", "How long to wait for the reply to RCPT TO.", low=1)
    lmtp_data_init_timeout = Seconds("120s", "How long to wait for the reply to DATA.", low=1)
    lmtp_data_xfer_timeout = Seconds("180s", "How long the server may take no more of the message.", low=1)
    lmtp_data_done_timeout = Seconds("600s", "How long to wait for the reply to the final dot.", low=1)
    lmtp_quit_timeout = Seconds("300s", "How long to wait for the reply to QUIT.", low=1)
    lmtp_rset_timeout = Seconds("20s", "How long to wait for the reply to RSET.", low=1)
    lmtp_mx_address_limit = Integer("5", "Most addresses of a destination that are tried; 0 for no limit.", low=0)
    lmtp_mx_session_limit = Integer("2", "Most sessions for a request and destination; 0 for no limit.", low=0)
    lmtp_connection_cache_on_demand = Boolean("yes", "Keep connections for a while where there is much mail.")
    lmtp_connection_cache_destinations = ListOf("", "Destinations whose connections are always kept for a while.")
    lmtp_connection_cache_time_limit = Seconds("2s", "How long an unused connection is kept.", low=1)
    lmtp_connection_reuse_time_limit = Seconds("300s", "How long a connection may be used again.", low=1)
    lmtp_connection_reuse_count_limit = Integer("0", "How often a connection may be used; 0 for no limit.", low=0)
    lmtp_bind_address = String("", "Source address of IPv4 connections.")
    lmtp_bind_address6 = String("", "Source address of IPv6 connections.")
    lmtp_bind_address_enforce = Boolean("no", "Defer mail when the source address can't be used.")
    lmtp_randomize_addresses = Boolean("yes", "Try addresses of equal preference in random order.")
    lmtp_address_preference = Choice("any", ("any", "ipv4", "ipv6"), "Address family that is tried first.")
    lmtp_balance_inet_protocols = Boolean("yes", "Leave room for both address families within the address limit.")
    lmtp_host_lookup = ListOf("dns", "How host names are looked up: dns, native or both.")
    lmtp_dns_support_level = String("", "disabled or enabled; empty: as disable_dns_lookups says.")
    lmtp_defer_if_no_mx_address_found = Boolean("no", "Defer mail when no MX host has an address.")


class ClientParameters(
    SmtpParameters, LmtpParameters, DeliveryParameters, NoticeParameters, QueueParameters, RelayParameters,
    AddressParameters,
):  # fmt: skip
    """All of the program's."""

    disable_dns_lookups = Boolean("no", "Ask the DNS nothing: addresses come from the system's own name service.")
    ignore_mx_lookup_error = Boolean("no", "Look for the domain's own address when its MX lookup gets no answer.")
    disable_mime_output_conversion = Boolean("no", "Send 8-bit content as it is to servers without 8BITMIME.")
