"""POP3 in `pyfix check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.commands.check.pop3 import check_pop3, find_obstacles
from pyfix.mail.config import Config, mastercf

LOGIN = "110 inet n - n - - pop3-login"


def findings(tmp_path: Path, *lines: str) -> list[str]:
    (tmp_path / "main.cf").write_text("")
    (tmp_path / "master.cf").write_text("".join(f"{line}\n" for line in lines))
    return [item.text for item in check_pop3(Config.load(tmp_path), mastercf.read(tmp_path / "master.cf"))]


def test_who_has_no_pop3_needs_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path, "smtp inet n - n - - smtpd") == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert findings(tmp_path, LOGIN) == [
        "pop3d_service_name: master.cf has no service pop3d: who logs in to 110 gets no mailbox",
        "service 110: master.cf has no service auth: nobody can log in",
    ]


def test_another_name_for_pop3d_is_known(tmp_path: Path) -> None:
    lines = (f"{LOGIN} -o pop3d_service_name=boxes", "boxes unix - n n - - pop3d", "auth unix - n n - 1 auth")
    assert findings(tmp_path, *lines) == []


@pytest.mark.parametrize(
    ("line", "part"),
    [("pop3d unix - n y - - pop3d", "chrooted"), ("pop3d unix - y n - - pop3d", "unprivileged")],
)
def test_pop3d_has_to_see_mailboxes(tmp_path: Path, line: str, part: str) -> None:
    (tmp_path / "master.cf").write_text(f"{LOGIN}\n{line}\n")
    login, pop3d = mastercf.read(tmp_path / "master.cf")
    [found] = find_obstacles(login, "pop3d", pop3d, is_root=True)
    assert part in found.text
    assert found.remedy == "make it: pop3d unix - n n - - pop3d"
