"""Defaults of an old compatibility_level."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Config, CoreParameters, discover
from pyfix.mail.config.compatibility import kept, old_defaults, tell_old_defaults

SINCE_3_6 = {"smtpd_relay_before_recipient_restrictions", "smtpd_tls_fingerprint_digest"}
ALL = {
    "append_dot_mydomain", "smtpd_relay_restrictions", "smtputf8_enable", "mynetworks_style", "relay_domains",
    *SINCE_3_6,
}  # fmt: skip


@pytest.mark.parametrize(
    ("main_cf", "names"),
    [
        ("", ALL),
        ("compatibility_level = 0", ALL),
        ("compatibility_level = 1", {"mynetworks_style", "relay_domains"} | SINCE_3_6),
        ("compatibility_level = 2", SINCE_3_6),
        ("compatibility_level = 3.5.99", SINCE_3_6),
        ("compatibility_level = 3.6", set()),
        ("compatibility_level = 3.10", set()),
        ("compatibility_level = $level\nlevel = 9999", set()),
        ("append_dot_mydomain = yes\nrelay_domains =\n", ALL - {"append_dot_mydomain", "relay_domains"}),
        ("mynetworks = 127.0.0.0/8", ALL - {"mynetworks_style"}),
    ],
)
def test_default_is_of_old_below_the_release_that_changed_it(main_cf: str, names: set[str]) -> None:
    """Unless it is set."""
    config = Config.from_text(f"{main_cf}\n")
    assert old_defaults(config, config.read(CoreParameters).compatibility_level) == names


def test_every_default_that_depends_on_the_level_is_known() -> None:
    """Who adds one finds it told of."""
    depends = {name for name, item in discover.declarations().items() if "$compatibility_level" in item.default}
    assert depends == ALL


def test_administrator_is_told_how_to_get_the_defaults_of_today() -> None:
    """The names, and two commands; nothing when there is nothing to tell."""
    assert tell_old_defaults([]) == []
    assert tell_old_defaults(["b", "a"]) == [
        "using backwards-compatible default settings: a, b",
        'to disable backwards compatibility use "postconf compatibility_level=3.6" and "pyfix reload"',
    ]
    assert kept("a=yes", "do x") == "using backwards-compatible default setting a=yes to do x"
