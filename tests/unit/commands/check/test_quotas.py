"""Limits in tables that are none, or do not hold."""

from __future__ import annotations

from pyfix.commands.check.quotas import check_quotas
from pyfix.mail.config import Config


def told(main_cf: str) -> list[str]:
    config = Config.from_text(f"compatibility_level = 3.7\nmydestination = example.com\n{main_cf}")
    return [str(finding) for finding in check_quotas(config)]


def test_good_limits_are_passed_over() -> None:
    """As all who write such tables have them."""
    assert (
        told("virtual_mailbox_limit_maps = inline:{{a=104857600S}, {b=104857600S,9C}, {c=0}, {d=-1}, {e=9C}}\n") == []
    )
    assert told("virtual_mailbox_limit_maps = hash:/no/such\n") == []
    assert told("") == []


def test_limit_that_is_none_defers_mail() -> None:
    """The first three are shown."""
    assert told("virtual_mailbox_limit_maps = inline:{{a@b.test=10M}}\n") == [
        'error: /etc/pyfix/main.cf, line 3: virtual_mailbox_limit_maps: a@b.test: bad quota "10M": mail for it is'
        " deferred; specify bytes, such as 104857600S"
    ]
    many = ", ".join(f"{{a{number}=x}}" for number in range(5))
    found = told(f"virtual_mailbox_limit_maps = inline:{{{many}}}\n")
    assert len(found) == 4
    assert ": 2 more keys like this;" in found[-1]


def test_small_limit_does_not_hold() -> None:
    """Unless it is meant."""
    limits = "virtual_mailbox_limit_maps = inline:{{a@b.test=5000000S}}\n"
    assert told(limits) == [
        "warning: /etc/pyfix/main.cf, line 3: virtual_mailbox_limit_maps: a@b.test: 5000000S is smaller than"
        " message_size_limit: virtual_mailbox_limit holds; set virtual_mailbox_limit_override = yes if that is meant"
    ]
    assert told(f"{limits}virtual_mailbox_limit_override = yes\n") == []
