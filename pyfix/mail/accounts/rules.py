"""What an account may do, and what a domain has room for. Pure: the caller knows the day.

An account is good on the last day itself. Who may not receive mail is nobody: mail is refused as for an unknown user,
and a catch-all alias of the domain gets it. Limits of 0 are none; where max_quota is set every mailbox has a quota.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pyfix.mail.accounts.errors import Refused
from pyfix.mail.accounts.quota import Quota, show_size
from pyfix.mail.accounts.records import Domain, Service, Standing


@dataclass(frozen=True, slots=True)
class Usage:
    """What a domain has of each kind, without the account in question."""

    users: int = 0
    aliases: int = 0
    quota: int = 0
    """Of all mailboxes together."""


def obstacle(standing: Standing, today: date, service: Service | None = None) -> str:
    """Return why an account is of no use, for a service or at all; empty where it is."""
    if not standing.active:
        return "not active"
    if standing.expires is not None and standing.expires < today:
        return f"expired on {standing.expires.isoformat()}"
    if service is not None and service in standing.disabled:
        return f"{service} is disabled"
    return ""


def may_use(today: date, service: Service | None, *standings: Standing) -> bool:
    """Return whether an account and what it belongs to are all good for a service."""
    return not any(obstacle(standing, today, service) for standing in standings)


def check_new_mailbox(domain: Domain, usage: Usage, quota: Quota) -> None:
    """Raise Refused when the domain has no room for a mailbox."""
    if domain.max_users and usage.users >= domain.max_users:
        raise Refused(f"domain {domain.name} has {usage.users} mailboxes already; max_users is {domain.max_users}")
    check_quota(domain, usage, quota)


def check_quota(domain: Domain, usage: Usage, quota: Quota) -> None:
    """Raise Refused when the quotas of the domain would exceed its own."""
    if not domain.max_quota:
        return
    if not quota.size:
        raise Refused(
            f"domain {domain.name} has a max_quota of {show_size(domain.max_quota)}: specify a quota for the mailbox"
        )
    left = domain.max_quota - usage.quota
    if quota.size > left:
        raise Refused(
            f"domain {domain.name} has a max_quota of {show_size(domain.max_quota)}, of which"
            f" {show_size(max(left, 0))} are left; {show_size(quota.size)} is too much"
        )


def check_new_alias(domain: Domain, usage: Usage) -> None:
    """Raise Refused when the domain has no room for an alias."""
    if domain.max_aliases and usage.aliases >= domain.max_aliases:
        raise Refused(f"domain {domain.name} has {usage.aliases} aliases already; max_aliases is {domain.max_aliases}")
