"""Parameters of authdaemond."""

from __future__ import annotations

from pyfix.mail.config import ListOf
from pyfix.service.params import ServiceParameters


class AuthdaemondParameters(ServiceParameters):
    """Who may ask."""

    authdaemond_authorized_users = ListOf("", "Unix users that may ask authdaemond, besides root and mail_owner.")
