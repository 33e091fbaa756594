"""The parameters of Postfix's that pyfix lacks, each with the feature that it belongs to and what is lost without it.

One table, read from above: the first rule that fits name and value holds. A rule for values that switch something on
stands before the rule for its whole family, which then has only values that change nothing. A parameter that pyfix has
is never asked for here; the test holds this table against the names of the installed Postfix.
See: postconf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyfix.commands.review.omission import Loss

_ANY: Final = ""
_ON: Final = r"(?!(?:no|none|0s?)$).+"
"""A value that switches something on."""
_MANDATORY: Final = r"(?!(?:no|none|may|dane)$).+"
"""A TLS security level that is no mere attempt."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Parameters with one reason."""

    names: str
    """A regular expression for the whole name."""
    values: str
    """A regular expression for the whole value, "" for any."""
    loss: Loss
    feature: str
    effect: str = ""
    """What becomes of mail; "" where nothing is lost."""

    def fits(self, name: str, value: str) -> bool:
        """Return whether this is the reason for a parameter with a value."""
        if not re.fullmatch(self.names, name):
            return False
        return not self.values or re.fullmatch(self.values, value.strip(), re.IGNORECASE | re.DOTALL) is not None


_TLS: Final = "TLS of the SMTP client is not in this release"
_FINGERPRINTS: Final = "fingerprints of keys are made in one way"
_OPENSSL: Final = "OpenSSL takes care of it"
_SASL: Final = "SASL for sending is not in this release"
_MILTERS: Final = "milters are not in this release"
_CHECKS: Final = "header and body checks are not in this release"
_FILTERS: Final = "content filters are not in this release"
_STRICT: Final = "strict checks of this kind are not in this release"
_RESTRICTIONS: Final = "the restrictions that use it are not in this release"
_REPLIES: Final = "filters of commands and replies are not in this release"
_POSTSCREEN: Final = "postscreen is not in this release"
_BLOCKLISTS: Final = "DNS blocklists are not in this release"
_LOCAL_SENDERS: Final = "rules for senders of local users are not in this release"
_ETRN: Final = "ETRN is not in this release"
_INSTANCES: Final = "several instances are not managed together (postmulti)"

_GOES_CLEAR: Final = "mail that must go encrypted is sent in the clear"

RULES: Final = (
    Rule(r"(postscreen|dnsblog|tlsproxy)_\w+|smtpd_service_name", _ANY, Loss.NOTHING, _POSTSCREEN),
    # TLS
    Rule(
        r"tls_legacy_public_key_fingerprints", _ON, Loss.DIFFERENT, _FINGERPRINTS,
        "clients whose keys are known by fingerprints of old are not known",
    ),
    Rule(r"tls_legacy_public_key_fingerprints", _ANY, Loss.NOTHING, _FINGERPRINTS),
    Rule(r"smtpd_tls_session_cache_\w+", _ANY, Loss.NOTHING, "sessions are resumed by tickets, and need no cache"),
    Rule(
        r"tls_config_(file|name)", r"(?!default$).+", Loss.DIFFERENT, "OpenSSL's configuration is that of the system",
        "what the file says of TLS does not hold",
    ),
    Rule(
        r"smtpd_tls_(eecdh_grade|dh512_param_file|always_issue_session_ids)|tls_eecdh_(strong|ultra)_curve"
        r"|tls_(daemon_)?random_\w+|tls_(session_ticket_cipher|config_file|config_name|fast_shutdown_enable)"
        r"|tlsmgr_service_name|openssl_path|smtpd_tls_enable_rpk", _ANY, Loss.NOTHING, _OPENSSL,
    ),
    Rule(r"(smtp|lmtp)_tls_security_level", _MANDATORY, Loss.GUARD, _TLS, _GOES_CLEAR),
    Rule(
        r"(smtp|lmtp)_(enforce_tls|tls_wrappermode|tls_policy_maps|tls_per_site)", _ON, Loss.GUARD, _TLS,
        _GOES_CLEAR,
    ),
    Rule(r"(smtp|lmtp)_(tls_security_level|use_tls)", _ON, Loss.QUALITY, _TLS, "mail is sent in the clear"),
    Rule(
        r"(smtpd|smtp|lmtp)_(tls_\w+|starttls_timeout|use_tls|enforce_tls|\w+_tls_session_rate_limit)|tls_\w+"
        r"|smtp_tlsrpt_\w+|(smtp_|lmtp_)?requiretls_\w+|smtp_log_tls_feature_status",
        _ANY, Loss.NOTHING, _TLS,
    ),
    # SASL
    Rule(
        r"(smtp|lmtp)_sasl_auth_enable", _ON, Loss.LOST, _SASL,
        "mail is sent without logging in, and returned by servers that insist on it",
    ),
    Rule(
        r"(smtp|lmtp)_sasl_\w+|send_cyrus_sasl_authzid"
        r"|(smtp|lmtp)_sender_dependent_authentication|(smtp|lmtp)_send_dummy_mail_auth",
        _ANY, Loss.NOTHING, _SASL,
    ),
    # What looks into messages
    Rule(
        r"(non_)?smtpd_milters|smtpd_milter_maps", _ON, Loss.GUARD, _MILTERS, "mail is neither checked nor signed",
    ),
    Rule(r"milter_header_checks", _ON, Loss.GUARD, _MILTERS, "mail is not checked"),
    Rule(r"milter_\w+|(non_)?smtpd_milters|smtpd_milter_maps", _ANY, Loss.NOTHING, _MILTERS),
    Rule(r"(header|body|mime_header|nested_header)_checks", _ON, Loss.GUARD, _CHECKS, "mail that they refuse is taken"),
    Rule(r"(smtp|lmtp)_\w+_checks", _ON, Loss.DIFFERENT, _CHECKS, "mail goes out unchanged"),
    Rule(r"\w*(header|body)_checks\w*|mime_(nesting|boundary_length)_limit", _ANY, Loss.NOTHING, _CHECKS),
    Rule(
        r"disable_mime_input_processing|detect_8bit_encoding_header|force_mime_input_conversion", _ANY, Loss.NOTHING,
        "MIME structure is not looked at",
    ),
    Rule(
        r"strict_(7bit_headers|8bitmime(_body)?|mime_encoding_domain|smtputf8)"
        r"|message_reject_characters",
        _ON, Loss.GUARD, _STRICT, "such mail is taken",
    ),
    Rule(r"message_strip_characters", _ON, Loss.DIFFERENT, _STRICT, "the characters stay in the message"),
    Rule(r"strict_\w+|message_(reject|strip)_characters", _ANY, Loss.NOTHING, _STRICT),
    Rule(r"content_filter|smtpd_proxy_filter", _ON, Loss.GUARD, _FILTERS, "mail is delivered unfiltered"),
    Rule(r"receive_override_options", _ON, Loss.DIFFERENT, _FILTERS, "nothing is left out on the way in"),
    Rule(r"content_filter|smtpd_proxy_\w+|receive_override_options", _ANY, Loss.NOTHING, _FILTERS),
    # Who may send
    Rule(r"smtpd_policy_service_\w+", _ANY, Loss.NOTHING, "policy services are not in this release"),
    Rule(
        r"(smtp_|lmtp_)?address_verify_\w+|unverified_\w+", _ANY, Loss.NOTHING,
        "address verification is not in this release",
    ),
    Rule(r"rbl_reply_maps|default_rbl_reply|maps_rbl_\w+", _ANY, Loss.NOTHING, _BLOCKLISTS),
    Rule(
        r"(invalid_hostname|non_fqdn|unknown_\w+|multi_recipient_bounce)_reject_code|\w+_tempfail_action"
        r"|permit_mx_backup_networks|smtpd_expansion_filter",
        _ANY, Loss.NOTHING, _RESTRICTIONS,
    ),
    Rule(r"smtpd_forbid_unauth_pipelining", _ON, Loss.GUARD, _STRICT, "such mail is taken"),
    Rule(r"smtpd_forbid_unauth_pipelining", _ANY, Loss.NOTHING, _STRICT),
    Rule(
        r"local_login_sender_maps", r"(?!static:\*$).+", Loss.GUARD, _LOCAL_SENDERS,
        "every user may submit mail with any sender",
    ),
    Rule(
        r"(empty_address_)?local_login_sender_maps\w*", _ANY, Loss.NOTHING, _LOCAL_SENDERS,
    ),
    Rule(
        r"smtpd_authorized_xclient_hosts|smtpd_upstream_proxy_protocol", _ON, Loss.GUARD,
        "what a proxy says about its clients is not taken in this release", "every client counts as the proxy",
    ),
    Rule(
        r"smtpd_authorized_xforward_hosts|(smtp|lmtp)_send_xforward_command", _ON, Loss.QUALITY,
        "XFORWARD is not in this release", "the log has the filter as the client",
    ),
    Rule(
        r"smtpd_authorized_x\w+_hosts|smtpd_upstream_proxy_\w+|(smtp|lmtp)_(send_xforward_command|xforward_timeout)",
        _ANY, Loss.NOTHING, "XCLIENT, XFORWARD and the PROXY protocol are not in this release",
    ),
    Rule(
        r"smtpd_command_filter|(smtp|lmtp)_reply_filter|(smtp|lmtp|smtpd)_dns_reply_filter"
        r"|smtpd_reject_filter_maps",
        _ON, Loss.DIFFERENT, _REPLIES, "commands and replies are taken as they are",
    ),
    Rule(
        r"smtpd_(command_filter|reject_filter_maps)|\w+_reply_filter", _ANY, Loss.NOTHING,
        _REPLIES,
    ),
    # Services of Postfix's
    Rule(
        r"fast_flush_domains", _ON, Loss.DIFFERENT, _ETRN,
        "nobody can ask for waiting mail",
    ),
    Rule(r"fast_flush_\w+|flush_service_name|smtpd_etrn_restrictions", _ANY, Loss.NOTHING, _ETRN),
    Rule(
        r"default_verp_delimiters|verp_delimiter_filter|disable_verp_bounces|(smtpd_)?authorized_verp_clients", _ANY,
        Loss.NOTHING, "VERP is not in this release",
    ),
    Rule(
        r"multi_instance_directories", _ON, Loss.DIFFERENT,
        _INSTANCES, "start each with -c",
    ),
    Rule(
        r"multi_instance_\w+|postmulti_\w+", _ANY, Loss.NOTHING, _INSTANCES,
    ),
    Rule(r"qmqpd_\w+", _ANY, Loss.NOTHING, "QMQP is not in this release"),
    # What becomes of a message
    Rule(
        r"(smtp|lmtp|smtpd)_discard_[el]hlo_keyword_address_maps", _ON, Loss.QUALITY,
        "SMTP extensions are left out for all or for none", "they are offered to all",
    ),
    Rule(r"smtpd_reject_footer(_maps)?", _ON, Loss.QUALITY, "footers are not in this release", "replies have none"),
    Rule(
        r"use_srv_lookup", _ON, Loss.DIFFERENT, "SRV records are not looked up in this release",
        "mail goes to the MX hosts",
    ),
    Rule(r"(use|allow|ignore)_srv_lookup\w*", _ANY, Loss.NOTHING, "SRV records are not looked up in this release"),
    Rule(
        r"best_mx_transport", _ON, Loss.DIFFERENT, "backup MX hosts are not delivered to in a way of their own",
        "such mail is returned as a loop",
    ),
    Rule(
        r"allow_untrusted_routing", _ON, Loss.DIFFERENT, "addresses with routing never are authorized destinations",
        "mail for them is refused",
    ),
    Rule(r"confirm_delay_cleared", _ON, Loss.QUALITY, "no notice tells of the end of a delay"),
    Rule(
        r"virtual_mailbox_limit_message", _ANY, Loss.DIFFERENT, "the name is virtual_maildir_limit_message",
        "senders get the standard text about a full mailbox",
    ),
    Rule(
        r"(smtp|lmtp|smtpd)_discard_\w+|smtpd_reject_footer\w*|best_mx_transport|allow_untrusted_routing"
        r"|confirm_delay_cleared",
        _ANY, Loss.NOTHING, "it is not in this release, and not switched on",
    ),
    # What nobody misses
    Rule(
        r"\S+_(delivery_slot_\w+|minimum_delivery_slots|(extra_)?recipient_limit|recipient_refill_\w+)|in_flow_delay"
        r"|qmgr_(clog_warn_time|fudge_factor)",
        _ANY, Loss.NOTHING, "qmgr has its own way to share the queue out",
    ),
    Rule(
        r"(alternate_config|command|daemon|html|manpage|meta|process_id|readme|sample|shlib)_director(y|ies)"
        r"|(mailq|newaliases|sendmail)_path",
        _ANY, Loss.NOTHING, "pyfix is where it is installed, and so is its manual",
    ),
    Rule(
        r"debug_peer_\w+|debugger_command|destination_concurrency_feedback_debug|fault_injection_code", _ANY,
        Loss.NOTHING, "for debugging there is -v",
    ),
    Rule(
        r"berkeley_db_\w+|lmdb_map_size|nbdb_\w+|default_cache_db_type", _ANY, Loss.NOTHING, "an index needs no sizes",
    ),
    Rule(
        r"connection_cache_\w+|(smtp|lmtp)_(min_data_rate|per_re(quest|cord)_deadline|pix_workaround\w*)", _ANY,
        Loss.NOTHING, "the SMTP client looks after its connections itself",
    ),
    Rule(
        r"(smtp|lmtp)_(cname_overrides_servername|dns_resolver_options)|dnssec_probe"
        r"|dns_ncache_ttl_fix_enable|enable_idna2003_compatibility|known_tcp_ports",
        _ANY, Loss.NOTHING, "names are looked up, and addresses written, in one way",
    ),
    Rule(
        r"info_log_address_format|respectful_logging|smtpd_(client_port_logging|log_access_permit_actions)"
        r"|smtpd_hide_client_session", _ANY,
        Loss.NOTHING, "the log is in one form",
    ),
    Rule(
        r"application_event_drain_time|backwards_bounce_logfile_compatibility|daemon_table_open_error_is_fatal"
        r"|dont_remove|error_service_name|fork_(attempts|delay)|ipc_ttl|mail_release_date|postlogd_watchdog_timeout"
        r"|queue_file_attribute_count_limit|smtpd_delay_open_until_valid_rcpt"
        r"|cleanup_replace_stray_cr_lf|full_name_encoding_charset|sun_mailtool_compatibility|tcp_windowsize|trigger_timeout|smtpd_sasl_application_name",
        _ANY, Loss.NOTHING, "it concerns the insides of Postfix",
    ),
)  # fmt: skip


def find_rule(name: str, value: str) -> Rule | None:
    """Return why pyfix does not honour a parameter; None for a name that is not Postfix's."""
    return next((rule for rule in RULES if rule.fits(name, value)), None)
