"""Parameters of restrictions: the lists, what they depend on, and the codes of refusals."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Integer, ListOf, String
from pyfix.mail.mailbox.quota.params import RoomRestrictionParameters
from pyfix.mail.rewrite.params import CanonicalParameters
from pyfix.mail.sasl.params import LoginParameters


class RestrictionParameters(RoomRestrictionParameters, CanonicalParameters, LoginParameters):
    """Who may connect, relay, send and receive. Defaults are those of Postfix 3.7."""

    smtpd_peername_lookup = Boolean("yes", "Look up and verify the client's host name; no: every client is unknown.")
    smtpd_delay_reject = Boolean("yes", "Apply client, helo and sender restrictions at RCPT (and ETRN) time.")
    smtpd_client_restrictions = ListOf("", "Who may connect.")
    smtpd_helo_restrictions = ListOf("", "What a client may say in HELO and EHLO.")
    smtpd_sender_restrictions = ListOf("", "Which senders are accepted.")
    smtpd_relay_restrictions = ListOf(
        "${{$compatibility_level} <level {1} ? {} :"
        " {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}",
        "Who may send to which domains: what keeps the server from being an open relay.",
    )
    smtpd_recipient_restrictions = ListOf("", "Which recipients are accepted.")
    smtpd_relay_before_recipient_restrictions = Boolean(
        "${{$compatibility_level} <level {3.6} ? {no} : {yes}}", "Relay restrictions come first."
    )
    smtpd_restriction_classes = ListOf(
        "",
        "Names for lists of restrictions: each is a parameter of its own, and a word in lists and access tables.",
    )
    smtpd_data_restrictions = ListOf("", "Applied at DATA and BDAT.")
    smtpd_end_of_data_restrictions = ListOf("", "Applied when the whole message is there.")
    smtpd_reject_unlisted_recipient = Boolean("yes", "Refuse recipients that the tables of their domain do not list.")
    smtpd_reject_unlisted_sender = Boolean("no", "Refuse senders in our domains that the tables of these do not list.")
    smtpd_null_access_lookup_key = String("<>", "The key for the null sender in access tables.")

    smtpd_sender_login_maps = String(
        "", "Which logins own a sender address: reject_sender_login_mismatch and its like."
    )

    relay_clientcerts = String("", "Fingerprints of the client certificates that permit_tls_clientcerts permits.")
    plaintext_reject_code = Integer("450", "Reply code of reject_plaintext_session.", low=0, high=599)
    reject_code = Integer("554", "Reply code of reject.", low=0, high=599)
    defer_code = Integer("450", "Reply code of defer.", low=0, high=599)
    relay_domains_reject_code = Integer("554", "Reply code of reject_unauth_destination.", low=0, high=599)
    access_map_reject_code = Integer("554", "Reply code of REJECT in access tables.", low=0, high=599)
    access_map_defer_code = Integer("450", "Reply code of DEFER in access tables.", low=0, high=599)
    unknown_local_recipient_reject_code = Integer(
        "550", "Reply code for users unknown in local_recipient_maps.", low=0, high=599
    )
    unknown_virtual_mailbox_reject_code = Integer(
        "550", "Reply code for users unknown in virtual_mailbox_maps.", low=0, high=599
    )
    unknown_virtual_alias_reject_code = Integer(
        "550", "Reply code for users unknown in virtual_alias_maps.", low=0, high=599
    )
    unknown_relay_recipient_reject_code = Integer(
        "550", "Reply code for users unknown in relay_recipient_maps.", low=0, high=599
    )
