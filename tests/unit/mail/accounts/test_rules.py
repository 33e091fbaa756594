"""What an account may do, and what a domain has room for."""

from __future__ import annotations

from datetime import date

import pytest

from pyfix.mail.accounts import Domain, Quota, Refused, Service, Standing
from pyfix.mail.accounts.rules import (
    Usage,
    check_new_alias,
    check_new_mailbox,
    check_quota,
    may_use,
    obstacle,
)

TODAY = date(2026, 5, 5)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(), ""),
        (Standing(active=False), "not active"),
        (Standing(expires=date(2026, 5, 5)), ""),
        (Standing(expires=date(2026, 5, 4)), "expired on 2026-05-04"),
        (Standing(disabled=frozenset({Service.POP3})), "pop3 is disabled"),
        (Standing(disabled=frozenset({Service.IMAP})), ""),
        (Standing(False, date(2020, 1, 1), frozenset(Service)), "not active"),
    ],
)
def test_obstacle_is_told(standing: Standing, expected: str) -> None:
    """The last day counts as good."""
    assert obstacle(standing, TODAY, Service.POP3) == expected


def test_domain_counts_too() -> None:
    """What is disabled for a domain is disabled for its mailboxes."""
    domain = Standing(disabled=frozenset({Service.RECEIVING}))
    assert may_use(TODAY, Service.RECEIVING, Standing(), Standing())
    assert not may_use(TODAY, Service.RECEIVING, Standing(), domain)
    assert may_use(TODAY, Service.SENDING, Standing(), domain)
    assert may_use(TODAY, None, Standing(), domain)


def test_limits_of_a_domain() -> None:
    """0 is none; the one that reaches the limit is the last."""
    domain = Domain("x.test", max_users=2, max_aliases=1)
    check_new_mailbox(domain, Usage(users=1), Quota())
    check_new_alias(domain, Usage(users=9))
    with pytest.raises(Refused, match=r"domain x\.test has 2 mailboxes already; max_users is 2"):
        check_new_mailbox(domain, Usage(users=2), Quota())
    with pytest.raises(Refused, match=r"domain x\.test has 1 aliases already; max_aliases is 1"):
        check_new_alias(domain, Usage(aliases=1))
    check_new_mailbox(Domain("x.test"), Usage(10**6, 10**6, 10**12), Quota())
    check_new_alias(Domain("x.test"), Usage(10**6, 10**6, 10**12))


def test_quotas_of_a_domain() -> None:
    """Together they may not exceed its own, and a mailbox without one would."""
    domain = Domain("x.test", max_quota=10 << 20)
    check_quota(domain, Usage(quota=5 << 20), Quota(5 << 20))
    with pytest.raises(Refused, match="max_quota of 10M, of which 5M are left; 6M is too much"):
        check_quota(domain, Usage(quota=5 << 20), Quota(6 << 20))
    with pytest.raises(Refused, match="specify a quota for the mailbox"):
        check_new_mailbox(domain, Usage(), Quota())
