"""Parameters of AUTH."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Integer, ListOf, String
from pyfix.mail.sasl.params import SaslPathParameters


class SmtpdSaslParameters(SaslPathParameters):
    """Who may log in, and how. Defaults are those of Postfix 3.7."""

    auth_service_name = String("auth", "The service that smtpd_sasl_type = cyrus asks: its socket in private/.", low=1)
    smtpd_sasl_service = String("smtp", "The service that auth, or Dovecot, is told.", low=1)
    smtpd_sasl_local_domain = String(
        "",
        "With smtpd_sasl_type = cyrus, the domain that logins without one have in log, tables and headers; passwords"
        " are looked up by auth_default_realm.",
    )
    smtpd_sasl_security_options = ListOf(
        "noanonymous",
        "Which mechanisms are served: noplaintext, noactive, nodictionary, noanonymous, forward_secrecy, mutual_auth.",
    )
    smtpd_sasl_tls_security_options = ListOf("$smtpd_sasl_security_options", "The same for clients that use TLS.")
    smtpd_sasl_exceptions_networks = String("", "Clients that are not told that they may log in.")
    smtpd_sasl_mechanism_filter = String("!external, static:rest", "Mechanisms that clients are told of.")
    smtpd_sasl_response_limit = Integer("12288", "Characters of a response to a challenge.", low=1, high=12288)
    broken_sasl_auth_clients = Boolean("no", "Announce AUTH a second time, as AUTH=, for clients of old.")
    smtpd_sasl_authenticated_header = Boolean("no", "Write who has logged in into the Received: header.")
    smtpd_tls_auth_only = Boolean("no", "Let clients log in only when they use TLS.")
