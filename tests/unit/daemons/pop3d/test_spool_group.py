"""With which group an mbox is opened: that of a spool, where root has made the way to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyfix.daemons.pop3d.box import Owner

OWNER = 5000
GROUP = 6000


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="a spool is root's directory")
def test_link_of_the_owner_leads_to_no_group(tmp_path: Path) -> None:
    """~/Mail may be a link to any directory that a group may write to; a link of root's is as good as its target."""
    spool, home = tmp_path / "spool", tmp_path / "home"
    for directory in (spool, home):
        directory.mkdir()
    os.chown(spool, 0, GROUP)
    spool.chmod(0o2775)
    for link in (home / "Mail", tmp_path / "mail"):
        link.symlink_to(spool)
    os.chown(home, OWNER, OWNER)

    def groups(folder: Path) -> tuple[int, ...]:
        return Owner("bob", f"mbox:{folder}/bob", OWNER, OWNER).of_spool().groups

    assert groups(spool) == groups(tmp_path / "mail") == (OWNER, GROUP)
    assert groups(home / "Mail") == groups(home) == groups(tmp_path / "none") == ()
