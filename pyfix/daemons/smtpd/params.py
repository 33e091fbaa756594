"""Parameters of smtpd."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, Choice, Integer, ListOf, Seconds, String
from pyfix.mail.message.params import LineParameters, MessageParameters
from pyfix.mail.notices.params import NoticeParameters
from pyfix.mail.queue.params import QueueParameters


class SmtpdParameters(AddressParameters, NoticeParameters, LineParameters, QueueParameters, MessageParameters):
    """Limits, texts and restrictions of the SMTP server. Defaults are those of Postfix 3.7."""

    smtpd_banner = String("$myhostname ESMTP $mail_name", "Text behind the 220 of the greeting.")
    smtpd_helo_required = Boolean("no", "Refuse MAIL before HELO or EHLO.")
    smtpd_peername_lookup = Boolean("yes", "Look up and verify the client's host name; no: every client is unknown.")
    disable_vrfy_command = Boolean("no", "Refuse VRFY, and do not announce it.")
    smtpd_discard_ehlo_keywords = ListOf("", "EHLO keywords that are not announced; silent-discard: nor logged.")
    smtpd_noop_commands = ListOf("", "Commands answered with 250 Ok whatever they say.")
    smtpd_forbidden_commands = String(
        "CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}",
        "Commands that end the session: not SMTP but an attempt at abuse.",
    )
    smtpd_forbid_unauth_pipelining = Boolean("no", "End a session that sends commands ahead without being allowed to.")
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
    smtpd_data_restrictions = ListOf("", "Applied at DATA and BDAT.")
    smtpd_end_of_data_restrictions = ListOf("", "Applied when the whole message is there.")
    smtpd_reject_unlisted_recipient = Boolean("yes", "Refuse recipients that the tables of their domain do not list.")
    smtpd_null_access_lookup_key = String("<>", "The key for the null sender in access tables.")

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
