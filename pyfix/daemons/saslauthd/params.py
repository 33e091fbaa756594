"""Parameters of saslauthd."""

from __future__ import annotations

from pyfix.mail.config import ListOf
from pyfix.service.params import ServiceParameters


class SaslauthdParameters(ServiceParameters):
    """Who may ask."""

    saslauthd_authorized_users = ListOf("", "Unix users that may ask saslauthd, besides root and mail_owner.")
