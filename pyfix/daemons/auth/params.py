"""Parameters of auth."""

from __future__ import annotations

from pyfix.mail.accounts import AccountsParameters
from pyfix.mail.auth.params import BackendParameters
from pyfix.mail.auth.tokens.params import TokenParameters
from pyfix.mail.config import Integer, ListOf, Seconds, String
from pyfix.mail.mailbox.params import LocalMailboxParameters, VirtualMailboxParameters
from pyfix.mail.passwords.params import PasswordParameters
from pyfix.mail.sasl.params import ForeignDaemonParameters, SaslPathParameters


class AuthParameters(
    TokenParameters, BackendParameters, SaslPathParameters, ForeignDaemonParameters, PasswordParameters,
    LocalMailboxParameters, VirtualMailboxParameters, AccountsParameters,
):  # fmt: skip
    """Who may log in, and what failures cost."""

    auth_mechanisms = ListOf(
        "plain login",
        "What is offered: plain, login, cram-md5, scram-sha-256, scram-sha-1, xoauth2, oauthbearer, apop.",
    )
    auth_default_realm = String("", "Domain that is added to a login without one.")
    auth_username_format = String(
        "%Lu", "What user a login is: %u all, %n before the @, %d behind it; %Lu in lower case."
    )
    auth_failure_delay = Seconds("2s", "How long a failed login is not answered; doubled each time, up to 15s.", low=0)
    auth_failure_limit = Integer("10", "Failed logins of an address before it is banned; 0: no ban.", low=0)
    auth_ban_time = Seconds("600s", "How long an address is banned, and failures are remembered.", low=1)
    auth_failure_exceptions = String(
        "127.0.0.0/8, [::1]/128", "Clients whose failed logins are delayed, but not counted: a webmail server, say."
    )
    auth_worker_max_count = Integer("30", "Logins that are looked up at once.", low=1, high=1000)
    auth_authorized_users = ListOf("", "Unix users that may ask, besides root and mail_owner.")
