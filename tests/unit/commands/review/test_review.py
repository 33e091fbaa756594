"""Which lines of a Postfix configuration are not honoured, why, and what is lost."""

from __future__ import annotations

import pytest

from pyfix.commands.review import Loss, Omission, review
from pyfix.commands.review.features import find_rule
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse

MASTER_CF = "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n"


def omissions(main_cf: str, master_cf: str = MASTER_CF) -> list[Omission]:
    return review(Config.from_text(main_cf), parse(master_cf.splitlines(), "/etc/pyfix/master.cf"))


def told(main_cf: str, master_cf: str = MASTER_CF) -> list[str]:
    return [str(item.finding) for item in omissions(main_cf, master_cf)]


def test_what_pyfix_has_is_not_told_of() -> None:
    """Nor what is misspelt, or one's own: others tell of that."""
    assert told("mynetworks = $ours\nours = 127.0.0.0/8\nsmtpd_bannr = x\nsmtp_destination_rate_delay = 1s\n") == []


@pytest.mark.parametrize(
    ("setting", "loss"),
    [
        ("tls_legacy_public_key_fingerprints = yes", Loss.DIFFERENT),
        ("smtpd_tls_session_cache_database = btree:/var/lib/postfix/smtpd_scache", Loss.NOTHING),
        ("tls_config_file = none", Loss.DIFFERENT),
        ("tls_config_file = default", Loss.NOTHING),
        ("tls_random_source = dev:/dev/urandom", Loss.NOTHING),
        ("smtp_tls_security_level = dane", Loss.QUALITY),
        ("smtp_tls_security_level = dane-only", Loss.GUARD),
        ("smtp_tls_policy_maps = hash:/etc/postfix/tls", Loss.GUARD),
        ("smtp_sasl_auth_enable = yes", Loss.LOST),
        ("smtpd_milters =", Loss.NOTHING),
        ("smtpd_milters = $mine", Loss.NOTHING),
        ("non_smtpd_milters = inet:localhost:8891", Loss.GUARD),
        ("header_checks = regexp:/etc/postfix/header_checks", Loss.GUARD),
        ("smtp_header_checks = regexp:/etc/postfix/header_checks", Loss.DIFFERENT),
        ("content_filter = smtp:[127.0.0.1]:10024", Loss.GUARD),
        ("strict_8bitmime = yes", Loss.GUARD),
        ("strict_smtputf8 = no", Loss.NOTHING),
        ("local_login_sender_maps = static:*", Loss.NOTHING),
        ("local_login_sender_maps = inline:{a=b}", Loss.GUARD),
        ("smtpd_upstream_proxy_protocol = haproxy", Loss.GUARD),
        ("daemon_directory = /usr/lib/postfix/sbin", Loss.NOTHING),
        ("virtual_mailbox_limit_message = full", Loss.DIFFERENT),
        ("maildrop_destination_recipient_limit = 1", Loss.NOTHING),
    ],
)
def test_loss_depends_on_the_value(setting: str, loss: Loss) -> None:
    """What refuses, filters or encrypts is a guard where it is switched on; what is off is missed by nobody."""
    (omission,) = omissions(f"{setting}\n")
    assert omission.loss is loss


def test_finding_has_place_value_reason_and_remedy() -> None:
    """In one line."""
    assert told("\n\nheader_checks = regexp:/etc/postfix/header_checks\n") == [
        "error: /etc/pyfix/main.cf, line 3: header_checks=regexp:/etc/postfix/header_checks: header and body checks are"
        " not in this release: mail that they refuse is taken; take it out, or list it in run_without"
    ]


def test_restrictions_are_found_where_they_stand() -> None:
    """Also behind a name of one's own and in an option of a service; those that smtpd has are passed over."""
    main_cf = (
        "smtpd_recipient_restrictions = permit_mynetworks, $mine, reject_unauth_destination\n"
        "mine = check_policy_service unix:private/policy\n  warn_if_reject reject_unknown_sender_domain,\n"
        "  check_client_access hash:/etc/access, permit_dnswl_client list.example\n"
        "other = reject_rbl_client nobody.reads.this\n"
    )
    master_cf = MASTER_CF.replace("smtpd", "smtpd -o smtpd_data_restrictions=reject_unauth_pipelining,permit")
    found = [(item.subject, item.where, item.loss_when_taken_out) for item in omissions(main_cf, master_cf)]
    assert [(name, where.line, where.service, where.parameter, where.words) for name, where, _ in found] == [
        ("check_policy_service", 2, "", "mine", ("check_policy_service", "unix:private/policy")),
        ("reject_unknown_sender_domain", 2, "", "mine", ("reject_unknown_sender_domain",)),
        ("permit_dnswl_client", 2, "", "mine", ("permit_dnswl_client", "list.example")),
        ("reject_unauth_pipelining", 1, "smtp/inet", "smtpd_data_restrictions", ("reject_unauth_pipelining",)),
    ]
    assert [loss for *_, loss in found] == [Loss.GUARD, Loss.GUARD, Loss.DIFFERENT, Loss.GUARD]
    assert {item.loss for item in omissions(main_cf, master_cf)} == {Loss.HELD}


def test_table_type_that_is_lacking_is_fatal_where_the_table_is_read() -> None:
    """A password table that belongs to SASL is nobody's loss of its own."""
    found = omissions("virtual_alias_maps = hash:/etc/a, proxy:nis:/etc/b\nsmtp_sasl_password_maps = nis:/etc/c\n")
    assert [(item.subject, item.value, item.loss) for item in found] == [
        ("virtual_alias_maps", "proxy:nis:/etc/b", Loss.IMPOSSIBLE),
        ("smtp_sasl_password_maps", "nis:/etc/c", Loss.NOTHING),
    ]


def test_name_in_a_file_is_read_by_debian_alone() -> None:
    """pyfix would take the name of the file."""
    (omission,) = omissions("myorigin = /etc/mailname\n")
    assert (omission.loss, omission.reason) == (Loss.LOST, "only Debian's Postfix reads the name in a file")


def test_programs_of_master_cf_that_are_lacking() -> None:
    """Helpers are missed by nobody; a port that postscreen serves is closed."""
    master_cf = (
        "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\nscache unix - - n - 1 scache\n"
        "mine unix - n n - - frobnicate\n628 inet n - n - - qmqpd\n"
    )
    assert [(item.subject, item.loss) for item in omissions("", master_cf)] == [
        ("smtp/inet", Loss.LOST),
        ("smtpd/pass", Loss.DIFFERENT),
        ("scache/unix", Loss.NOTHING),
        ("mine/unix", Loss.DIFFERENT),
        ("628/inet", Loss.DIFFERENT),
    ]


def test_ports_for_encrypted_sessions_are_honoured() -> None:
    """As Postfix's master.cf documents them."""
    master_cf = (
        "submissions inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
        "submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt\n"
    )
    assert not omissions("", master_cf)


@pytest.mark.parametrize(
    "name",
    [
        "authorized_verp_clients", "smtp_per_record_deadline",
        "postscreen_blacklist_action", "smtpd_sasl_application_name", "smtp_tls_per_site", "use_srv_lookup",
        "smtpd_forbid_unauth_pipelining", "smtp_tlsrpt_enable", "smtpd_hide_client_session", "tls_required_enable",
        "cleanup_replace_stray_cr_lf", "virtual_mailbox_limit_message",
    ],
)  # fmt: skip
def test_names_of_older_and_newer_releases_and_of_patches_have_a_reason(name: str) -> None:
    """What people have in their files is not only what one release knows."""
    assert find_rule(name, "yes") is not None


def test_name_of_nobody_has_no_rule() -> None:
    """Else a misspelt name would be explained away."""
    assert find_rule("smtpd_bannr", "") is None
