"""Parameters of SASL that smtpd and auth share: by which library's rules, and where that is configured."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Choice, CoreParameters, ListOf, String


class SaslPathParameters(CoreParameters):
    """What the logins of smtpd follow."""

    smtpd_sasl_type = Choice(
        "cyrus", ("cyrus", "dovecot"), "Whose rules: cyrus, which is pyfix's own auth; dovecot: the socket of a server."
    )
    smtpd_sasl_path = String(
        "smtpd", "With cyrus, the configuration file without its .conf; with dovecot, the socket.", low=1
    )
    cyrus_sasl_config_path = String("", "Directories with that file, separated by colons; empty: the usual ones.")


class LoginParameters(CoreParameters):
    """Whether smtpd lets clients log in."""

    smtpd_sasl_auth_enable = Boolean("no", "Let clients log in (AUTH).")


class ForeignDaemonParameters(CoreParameters):
    """Where the configuration of password daemons is that pyfix takes the place of."""

    saslauthd_config_files = ListOf(
        "/etc/sysconfig/saslauthd, /etc/default/saslauthd",
        "Files that say how saslauthd checks passwords, where none runs: MECH= or MECHANISMS=.",
    )
    authdaemond_config_files = ListOf(
        "/etc/authdaemonrc, /etc/courier/authdaemonrc, /etc/authlib/authdaemonrc",
        "Files that say how authdaemond checks passwords, where none runs: authmodulelist=.",
    )
