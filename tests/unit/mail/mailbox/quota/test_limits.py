"""Limits by address, and settings of quotas that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.mailbox.locate import LookupFailed
from pyfix.mail.mailbox.quota.account import Policy, read_percents
from pyfix.mail.mailbox.quota.limits import Limits
from pyfix.mail.mailbox.quota.params import QuotaParameters


def open_limits(text: str) -> tuple[Limits | None, list[str]]:
    """Return the limits of a main.cf, and where warnings go."""
    config = Config.from_text(f"compatibility_level = 3.7\nmydestination =\n{text}")
    warnings: list[str] = []
    return Limits.open(config, config.read(QuotaParameters), warnings.append), warnings


@pytest.mark.parametrize(
    ("value", "quota", "parameter"),
    [
        ("104857600S", Quota(104857600), "virtual_mailbox_limit_maps"),
        ("104857600S,1000C", Quota(104857600, 1000), "virtual_mailbox_limit_maps"),
        ("1000C", Quota(0, 1000), "virtual_mailbox_limit_maps"),
        ("20971520", Quota(20971520), "virtual_mailbox_limit_maps"),
        ("0", Quota(), "virtual_mailbox_limit_maps"),
        ("0S", Quota(), "virtual_mailbox_limit_maps"),
        ("-1", Quota(51200000), "virtual_mailbox_limit"),
        ("-5S", Quota(51200000), "virtual_mailbox_limit"),
        ("1000", Quota(51200000), "virtual_mailbox_limit"),
    ],
)
def test_value_of_a_table(value: str, quota: Quota, parameter: str) -> None:
    """As Courier, ExtMail and VDA write it; one below message_size_limit does not hold."""
    limits, warnings = open_limits(f"virtual_mailbox_limit_maps = inline:{{{{a@b.test={value}}}}}\n")
    assert limits is not None
    found = limits.find("a@b.test")
    assert (found.quota, found.parameter) == (quota, parameter)
    assert bool(warnings) is (value == "1000")


@pytest.mark.parametrize("value", ["x", "10M", "5S,", "5X", "1 2", "- 1"])
def test_value_that_is_none(value: str) -> None:
    """Is no account without a limit."""
    limits, _ = open_limits(f"virtual_mailbox_limit_maps = inline:{{{{a@b.test={value}}}}}\n")
    assert limits is not None
    with pytest.raises(LookupFailed, match=r"recipient a@b\.test: bad quota"):
        limits.find("a@b.test")


def test_quotas_are_in_force_where_something_says_so() -> None:
    """A table, or maildirsize; not virtual_mailbox_limit alone."""
    assert open_limits("")[0] is None
    assert open_limits("virtual_maildir_extended = yes\n")[0] is not None
    config = Config.from_text("virtual_mailbox_limit_maps = static:1\nvirtual_maildir_extended = no\n")
    assert not Policy.from_params(config.read(QuotaParameters)).keeps_file
    assert config.read(QuotaParameters).virtual_create_maildirsize


def test_file_that_tutorials_give_another_name(tmp_path: Path) -> None:
    """ExtMan's is mysql_virtual_limit_maps.cf; the log and check say so."""
    path = tmp_path / "mysql_virtual_mailbox_limit_maps.cf"
    limits, _ = open_limits(f"virtual_mailbox_limit_maps = mysql:{path}\n")
    assert limits is not None
    with pytest.raises(LookupFailed, match=r"mailbox_limit_maps.cf: No such file or directory$"):
        limits.find("a@b.test")
    (tmp_path / "mysql_virtual_limit_maps.cf").touch()
    limits, _ = open_limits(f"virtual_mailbox_limit_maps = mysql:{path}\n")
    assert limits is not None
    with pytest.raises(LookupFailed) as caught:
        limits.find("a@b.test")
    assert str(caught.value).endswith(
        f"open {path}: No such file or directory; there is {tmp_path}/mysql_virtual_limit_maps.cf, as ExtMan calls it:"
        " name that file instead"
    )


def test_percentages_are_whole_numbers() -> None:
    """In order, each once."""
    config = Config.from_text("")
    assert read_percents(config, ["95", "80", "95"]) == (80, 95)
    for word in ("0", "101", "-5", "8.5", "80%"):
        with pytest.raises(ConfigError, match="specify whole numbers from 1 to 100"):
            read_percents(config, [word])
