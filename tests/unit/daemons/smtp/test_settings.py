"""The parameters as the client uses them."""

from pathlib import Path

import pytest

from pyfix.daemons.smtp.params import ClientParameters
from pyfix.daemons.smtp.settings import TWINS, ClientSettings, make_settings
from pyfix.mail.config import Config, ConfigError
from pyfix.proto.smtp_client.actions import Stage


def settings(main_cf: str = "", *, lmtp: bool = False) -> ClientSettings:
    """The settings that a main.cf gives."""
    config = Config.from_text(main_cf)
    return make_settings(config, config.read(ClientParameters), lmtp=lmtp)


def test_names_follow_the_program() -> None:
    """smtp_ parameters are nothing to lmtp, and the other way round."""
    text = "smtp_helo_name = s.test\nlmtp_lhlo_name = l.test\nsmtp_rcpt_timeout = 1s\nlmtp_rcpt_timeout = 2s\n"
    assert settings(text).session.helo_name == "s.test"
    assert settings(text, lmtp=True).session.helo_name == "l.test"
    assert settings(text).timeouts_s[Stage.RCPT] == 1
    assert settings(text, lmtp=True).timeouts_s[Stage.RCPT] == 2


OTHER = {
    "address_preference": "ipv6", "host_lookup": "native", "dns_support_level": "disabled", "tcp_port": "26",
    "helo_name": "other.test", "discard_ehlo_keywords": "dsn", "bind_address": "192.0.2.9",
    "bind_address6": "2001:db8::9", "fallback_relay": "relay.test", "connection_cache_destinations": "relay.test",
}  # fmt: skip
"""Values that are nobody's default; of numbers 77 is none, and a Boolean is turned round."""


def other_value(name: str, key: str) -> str:
    """Return a value that is not the default."""
    default = getattr(Config.from_text("").read(ClientParameters), name)
    return OTHER.get(key) or (("no" if default else "yes") if isinstance(default, bool) else "77")


@pytest.mark.parametrize(("smtp", "lmtp"), TWINS)
def test_each_name_is_heard_by_its_own_program_only(smtp: str, lmtp: str) -> None:
    """Whatever the parameter."""
    key = smtp.removeprefix("smtp_")
    for_smtp, for_lmtp = (f"{name} = {other_value(name, key)}\n" for name in (smtp, lmtp))
    assert settings(for_smtp) != settings() and settings(for_lmtp) == settings()
    assert settings(for_lmtp, lmtp=True) != settings(lmtp=True) == settings(for_smtp, lmtp=True)


def test_defaults_differ_as_in_postfix() -> None:
    """LMTP waits for QUIT's reply, has its own port, and looks for no mail exchangers."""
    smtp, lmtp = settings(), settings(lmtp=True)
    assert (smtp.session.skip_quit_reply, lmtp.session.skip_quit_reply) == (True, False)
    assert (smtp.default_port, lmtp.default_port) == ("smtp", "24")
    assert (smtp.use_mx, lmtp.use_mx) == (True, False)


@pytest.mark.parametrize(
    ("main_cf", "use_dns", "use_native"),
    [
        ("", True, False),
        ("smtp_host_lookup = dns, native", True, True),
        ("smtp_host_lookup = native", False, True),
        ("disable_dns_lookups = yes", False, True),
        ("smtp_dns_support_level = disabled", False, True),
        ("disable_dns_lookups = yes\nsmtp_dns_support_level = enabled", True, False),
    ],
)
def test_lookups_are_what_was_asked_for(main_cf: str, use_dns: bool, use_native: bool) -> None:
    """Without the DNS the system's name service is left."""
    hosts = settings(main_cf).hosts
    assert (hosts.use_dns, hosts.use_native) == (use_dns, use_native)


@pytest.mark.parametrize(
    "main_cf", ["smtp_dns_support_level = dnssec", "smtp_host_lookup = nis", "smtp_address_preference = ipx"]
)
def test_word_without_meaning_is_refused(main_cf: str) -> None:
    """The error names the parameter."""
    with pytest.raises(ConfigError, match=main_cf.split(" ")[0]):
        settings(main_cf)


def test_own_addresses_include_the_proxys() -> None:
    """A route to the NAT box's address is a loop, too."""
    own = settings("inet_interfaces = 127.0.0.1\nproxy_interfaces = 192.0.2.1").hosts.own_addresses
    assert own == frozenset({"127.0.0.1", "192.0.2.1"})


def test_names_in_inet_interfaces_are_own_addresses(tmp_path: Path) -> None:
    """A loop is seen also where inet_interfaces has host names."""
    (tmp_path / "main.cf").write_text("inet_interfaces = localhost\ninet_protocols = ipv4\n")
    config = Config.load(str(tmp_path))
    assert make_settings(config, config.read(ClientParameters), lmtp=False).hosts.own_addresses == {"127.0.0.1"}


def test_known_keywords_can_be_discarded() -> None:
    """In any case; unknown ones make no difference."""
    assert settings("smtp_discard_ehlo_keywords = pipelining, starttls").session.discard_keywords == {"PIPELINING"}
