"""Which clients are offered AUTH, and by which mechanisms."""

from __future__ import annotations

import pytest
from stage import play

GOOD = b"AUTH PLAIN AG90dG8Ab3R0bw=="


@pytest.mark.parametrize(
    ("settings", "told", "reply"),
    [
        ("", ["AUTH PLAIN LOGIN CRAM-MD5"], "235 "),
        ("broken_sasl_auth_clients = yes", ["AUTH PLAIN LOGIN CRAM-MD5", "AUTH=PLAIN LOGIN CRAM-MD5"], "235 "),
        ("smtpd_sasl_security_options = noplaintext, noanonymous", ["AUTH CRAM-MD5"], "535 "),
        ("smtpd_sasl_security_options =", ["AUTH PLAIN LOGIN CRAM-MD5 ANONYMOUS"], "235 "),
        ("smtpd_sasl_security_options = mutual_auth", [], "535 "),
        ("smtpd_sasl_tls_security_options = noplaintext", ["AUTH PLAIN LOGIN CRAM-MD5"], "235 "),
        ("smtpd_sasl_mechanism_filter = !plain, static:rest", ["AUTH LOGIN CRAM-MD5"], "235 "),
        ("smtpd_discard_ehlo_keywords = auth", [], "503 5.5.1 Error: authentication not enabled"),
        ("smtpd_tls_auth_only = yes", [], "503 5.5.1 Error: authentication not enabled"),
        ("smtpd_sasl_auth_enable = no", [], "503 5.5.1 Error: authentication not enabled"),
        ("smtpd_helo_required = yes", ["AUTH PLAIN LOGIN CRAM-MD5"], "235 "),
    ],
)
def test_who_is_offered_what(settings: str, told: list[str], reply: str) -> None:
    """By the parameters; a mechanism that is only not announced may be used all the same, as in Postfix."""
    written, _ = play([b"EHLO x\r\n", GOOD + b"\r\n"], f"smtpd_sasl_auth_enable = yes\n{settings}\n")
    lines = written.decode().splitlines()
    assert [line[4:] for line in lines if line[4:8] == "AUTH"] == told
    assert lines[-1].startswith(reply)


def test_login_before_helo() -> None:
    """smtpd_helo_required is for AUTH, too."""
    written, _ = play([GOOD + b"\r\n"], "smtpd_sasl_auth_enable = yes\nsmtpd_helo_required = yes\n")
    assert written.endswith(b"\r\n503 5.5.1 Error: send HELO/EHLO first\r\n")


def test_commands_sent_ahead() -> None:
    """The responses of a login may be, and what follows it."""
    sent = b"EHLO x\r\nAUTH LOGIN\r\nb3R0bw==\r\nb3R0bw==\r\nMAIL FROM:<a@b.c>\r\n"
    written, stage = play([sent], "smtpd_sasl_auth_enable = yes\n")
    assert written.endswith(
        b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 Authentication successful\r\n250 2.1.0 Ok\r\n"
    )
    assert stage.session.context.sasl_username == "otto"
