"""Parameters of smtpd."""

from __future__ import annotations

from pyfix.daemons.smtpd.limit_params import LimitParameters
from pyfix.daemons.smtpd.sasl_params import SmtpdSaslParameters
from pyfix.mail.config import Boolean, Choice, Integer, ListOf, Seconds, String
from pyfix.mail.mailbox.quota.params import RoomParameters
from pyfix.mail.maps.params import ProxyParameters
from pyfix.mail.message.params import LineParameters, MessageParameters
from pyfix.mail.notices.params import NoticeParameters
from pyfix.mail.queue.params import QueueParameters
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.tls.params import SmtpdTlsParameters


class SmtpdParameters(
    RestrictionParameters,
    NoticeParameters,
    LineParameters,
    QueueParameters,
    MessageParameters,
    ProxyParameters,
    SmtpdTlsParameters,
    RoomParameters,
    SmtpdSaslParameters,
    LimitParameters,
):
    """Limits and texts of the SMTP server. Defaults are those of Postfix 3.7."""

    smtpd_banner = String("$myhostname ESMTP $mail_name", "Text behind the 220 of the greeting.")
    smtpd_helo_required = Boolean("no", "Refuse MAIL before HELO or EHLO.")
    disable_vrfy_command = Boolean("no", "Refuse VRFY, and do not announce it.")
    smtpd_discard_ehlo_keywords = ListOf("", "EHLO keywords that are not announced; silent-discard: nor logged.")
    smtpd_noop_commands = ListOf("", "Commands answered with 250 Ok whatever they say.")
    smtpd_forbidden_commands = String(
        "CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}",
        "Commands that end the session: not SMTP but an attempt at abuse.",
    )
    smtpd_forbid_unauth_pipelining = Boolean("no", "End a session that sends commands ahead without being allowed to.")
    strict_rfc821_envelopes = Boolean("no", "Take addresses in MAIL and RCPT in <> only, without comments and names.")
    smtpd_forbid_bare_newline = Choice(
        "no",
        ("no", "yes", "normalize", "reject"),
        "What to do with lines that end in a line feed without carriage return.",
    )
    smtpd_forbid_bare_newline_exclusions = String("$mynetworks", "Clients exempt from smtpd_forbid_bare_newline.")
    smtpd_forbid_bare_newline_reject_code = Integer(
        "550", "Reply code of smtpd_forbid_bare_newline = reject.", low=500, high=599
    )

    queue_minfree = Integer("0", "Bytes that must be free in the queue file system to take mail.", low=0)
    smtpd_timeout = Seconds("${stress?{10}:{300}}s", "How long a client may keep the server waiting.", low=1)
    smtpd_per_request_deadline = Boolean(
        "${smtpd_per_record_deadline?{$smtpd_per_record_deadline}:{${stress?{yes}:{no}}}}",
        "smtpd_timeout is for a whole command, and not for each piece of it.",
    )
    smtpd_min_data_rate = Integer(
        "500", "Bytes of content that earn a second more, up to smtpd_timeout, under smtpd_per_request_deadline.", low=1
    )
    smtpd_starttls_timeout = Seconds(
        "${stress?{10}:{300}}s", "How long a client may take for its part of a TLS handshake.", low=1
    )
    smtpd_tls_received_header = Boolean("no", "Tell in the Received: header how the client encrypted.")
    smtpd_error_sleep_time = Seconds("1s", "Delay of replies to a client past smtpd_soft_error_limit.", low=0)
    smtpd_soft_error_limit = Integer("10", "Errors without delivered mail until replies are delayed.", low=1)
    smtpd_hard_error_limit = Integer(
        "${stress?{1}:{20}}", "Errors without delivered mail until the session ends.", low=1
    )
    smtpd_junk_command_limit = Integer(
        "${stress?{1}:{100}}", "NOOP, RSET, VRFY, ETRN and HELO between two messages until they count as errors.", low=1
    )
    smtpd_history_flush_threshold = Integer(
        "100", "Lines of a dialogue after which a new one begins, with HELO, RSET or the end of a message.", low=1
    )
    smtpd_recipient_limit = Integer("1000", "Recipients a message.", low=1)
    smtpd_recipient_overshoot_limit = Integer("1000", "Recipients past the limit until each counts as an error.", low=1)

    local_header_rewrite_clients = ListOf(
        "permit_inet_interfaces", "Clients whose header addresses are completed with our domain."
    )
