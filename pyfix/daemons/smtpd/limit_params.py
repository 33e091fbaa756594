"""Parameters of the limits that anvil counts for."""

from __future__ import annotations

from pyfix.mail.config import Choice, CoreParameters, Integer, Seconds, String


class LimitParameters(CoreParameters):
    """How much one client, or one login, may do. 0: as much as it likes. Defaults are those of Postfix 3.7."""

    smtpd_client_connection_count_limit = Integer("50", "Connections of a client at a time.", low=0)
    smtpd_client_connection_rate_limit = Integer("0", "Connections of a client in anvil_rate_time_unit.", low=0)
    smtpd_client_message_rate_limit = Integer("0", "MAIL commands of a client in anvil_rate_time_unit.", low=0)
    smtpd_client_recipient_rate_limit = Integer("0", "RCPT commands of a client in anvil_rate_time_unit.", low=0)
    smtpd_client_auth_rate_limit = Integer("0", "AUTH commands of a client in anvil_rate_time_unit.", low=0)
    smtpd_client_new_tls_session_rate_limit = Integer(
        "0", "STARTTLS commands of a client in anvil_rate_time_unit.", low=0
    )
    smtpd_client_event_limit_exceptions = String(
        "${smtpd_client_connection_limit_exceptions:$mynetworks}", "Clients without these limits."
    )
    smtpd_login_message_rate_limit = Integer(
        "0", "Messages of somebody who has logged in, in smtpd_login_rate_time_unit.", low=0
    )
    smtpd_login_recipient_rate_limit = Integer(
        "0", "Recipients of somebody who has logged in, in smtpd_login_rate_time_unit.", low=0
    )
    smtpd_login_rate_time_unit = Seconds("3600s", "The time for which a login's rates are counted.", low=1)
    smtpd_login_rate_action = Choice(
        "reject",
        ("reject", "hold"),
        "What becomes of mail past a login's limits: it is refused for now, or taken and placed on hold.",
    )
