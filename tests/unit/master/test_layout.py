"""The directories of a mail system: made as they must be, and looked at."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from pyfix.mail.config import Config, CoreParameters
from pyfix.master.layout import LayoutError, check_layout

OWNER = pwd.getpwnam("nobody")
GROUP = grp.getgrgid(OWNER.pw_gid).gr_name


@pytest.fixture
def params(tmp_path: Path) -> CoreParameters:
    """A mail system below the test's directory; only root's has a mail_owner."""
    return Config.from_text(
        f"queue_directory = {tmp_path}/spool\ndata_directory = {tmp_path}/data\n"
        f"mail_owner = {OWNER.pw_name}\nsetgid_group = {GROUP}\n"
    ).read(CoreParameters)


def mode_of(params: CoreParameters, name: str) -> int:
    return stat.S_IMODE(os.stat(f"{params.queue_directory}/{name}").st_mode)


def test_what_is_missing_is_made_with_the_modes_that_keep_users_apart(params: CoreParameters) -> None:
    """As Postfix has them, but for public/, which is open."""
    assert check_layout(params) == []
    assert mode_of(params, "maildrop") == 0o1730
    assert mode_of(params, "incoming") == mode_of(params, "private") == 0o700
    assert mode_of(params, "public") == mode_of(params, "pid") == 0o755
    assert check_layout(params) == []


def test_maildrop_without_the_sticky_bit_is_told_of(params: CoreParameters) -> None:
    """Somebody made it so: it is not changed back."""
    check_layout(params)
    path = f"{params.queue_directory}/maildrop"
    os.chmod(path, 0o730)
    assert check_layout(params) == [f"sticky bit missing, so users may remove each other's files: {path}"]
    assert mode_of(params, "maildrop") == 0o730


def test_directory_that_others_may_write_to_is_told_of(params: CoreParameters) -> None:
    """Each by its path."""
    check_layout(params)
    os.chmod(f"{params.queue_directory}/active", 0o772)
    assert check_layout(params) == [f"group or other writable: {params.queue_directory}/active"]


@pytest.mark.root
def test_directory_of_somebody_else_is_told_of(params: CoreParameters) -> None:
    """The owner for all, the group for maildrop only."""
    check_layout(params)
    for name in ("maildrop", "hold"):
        os.chown(f"{params.queue_directory}/{name}", 0, 0)
    assert check_layout(params) == [
        f"not owned by user id {OWNER.pw_uid}: {params.queue_directory}/hold",
        f"not owned by user id {OWNER.pw_uid}: {params.queue_directory}/maildrop",
        f"not owned by group id {OWNER.pw_gid}: {params.queue_directory}/maildrop",
    ]


def test_file_in_the_place_of_a_directory_refuses_the_start(params: CoreParameters) -> None:
    """With the remedy."""
    check_layout(params)
    path = Path(params.queue_directory) / "corrupt"
    path.rmdir()
    path.touch()
    with pytest.raises(LayoutError, match=rf"^{path}: not a directory; move it away$"):
        check_layout(params)


def test_queue_of_postfix_is_left_alone(params: CoreParameters) -> None:
    """Nothing is made in it: its files are rubbish to pyfix, and pyfix's to it."""
    queue = Path(params.queue_directory)
    (queue / "active").mkdir(parents=True)
    with pytest.raises(LayoutError, match=rf"^{queue}: a queue of Postfix, whose files pyfix does not read; "):
        check_layout(params)
    assert os.listdir(queue) == ["active"]


def test_layout_that_was_cut_short_is_no_queue_of_postfix(params: CoreParameters) -> None:
    """What pyfix makes first is what tells its queues from others."""
    (Path(params.queue_directory) / "spare").mkdir(parents=True)
    check_layout(params)
    assert Path(params.queue_directory, "active").is_dir()
