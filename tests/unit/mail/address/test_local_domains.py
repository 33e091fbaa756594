"""Which domains are delivered here."""

from __future__ import annotations

from pathlib import Path

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Config, CoreParameters


def test_the_literal_of_an_interface_that_has_a_name_is_local(tmp_path: Path) -> None:
    """inet_interfaces = localhost means 127.0.0.1: user@[127.0.0.1] is a user of this machine."""
    (tmp_path / "main.cf").write_text("inet_interfaces = localhost\ninet_protocols = ipv4\nmydestination =\n")
    config = Config.load(str(tmp_path))
    domains = LocalDomains(config, config.read(CoreParameters))
    assert domains.is_own_literal("[127.0.0.1]")
    assert not domains.is_own_literal("[192.0.2.1]")
