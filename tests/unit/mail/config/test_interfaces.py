"""The addresses of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import interfaces
from pyfix.mail.config.interfaces import Interface


def test_ipv6_addresses_come_by_interface_and_global_ones_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of mynetworks is Postfix's, whatever the order of the kernel's file."""
    file = tmp_path / "if_inet6"
    file.write_text(
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000002 04 40 00 82     eth0\n"
    )
    monkeypatch.setattr(interfaces, "_IF_INET6", str(file))
    six = [item for item in interfaces.local_interfaces() if ":" in item.address]
    assert six == [Interface("::1", 128), Interface("fd00::2", 64), Interface("fe80::fc:ff:fe00:1", 64)]
