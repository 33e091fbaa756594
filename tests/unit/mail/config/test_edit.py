"""Changing main.cf: the layout stays, the file is whole at every moment."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from pyfix.mail.config import ConfigError, edit
from pyfix.mail.config.edit import Removal, edit_file, edit_text, parse_assignment

TEXT = """\
# head
myhostname=a
  # inner comment
  b

   continued
# after
mydomain = x
smtpd_banner = 1
mydomain = y
#mynetworks = 3
last = 1
"""


def test_value_is_replaced_in_its_place() -> None:
    """Continuations of the old value go, comments between them stay; a new name goes to the end."""
    edited = edit_text(TEXT, {"myhostname": "new   v", "mydomain": "z", "mynetworks": "7"})
    assert edited.text == (
        "# head\nmyhostname = new   v\n  # inner comment\n\n# after\nmydomain = z\nsmtpd_banner = 1\n"
        "mydomain = z\n#mynetworks = 3\nlast = 1\nmynetworks = 7\n"
    )
    assert edited.repeated == ["mydomain"]


def test_setting_is_commented_out() -> None:
    """Every line of it, every time it is set."""
    edited = edit_text(TEXT, dict.fromkeys(["myhostname", "mydomain", "nosuch"], Removal.COMMENT))
    assert edited.text == (
        "# head\n#myhostname=a\n  # inner comment\n#  b\n\n#   continued\n# after\n#mydomain = x\nsmtpd_banner = 1\n"
        "#mydomain = y\n#mynetworks = 3\nlast = 1\n"
    )


def test_setting_is_removed() -> None:
    """The comments around it stay."""
    edited = edit_text(TEXT, dict.fromkeys(["myhostname", "mydomain"], Removal.DELETE))
    assert edited.text == "# head\n  # inner comment\n\n# after\nsmtpd_banner = 1\n#mynetworks = 3\nlast = 1\n"


def test_no_change_changes_no_byte() -> None:
    """Whatever the layout."""
    text = "a=1\r\n\tb\n\n \nc  =  2 \x0b\n# \u2028 x\nlast"
    assert edit_text(text, {}).text == text + "\n"


def test_last_line_without_end_is_completed() -> None:
    """A new setting does not run into it."""
    assert edit_text("a = 1", {"b": "2"}).text == "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "missing '=' after attribute name"),
        ("a b=c", "missing '=' after attribute name"),
        ("=c", "missing attribute name"),
        ("#a=c", "accepts no comment input"),
        ("", "accepts no comment input"),
        ("a=b\nc=d", "accepts no multi-line input"),
        ("a=b\rc", "accepts no multi-line input"),
        ("a=b\0", "accepts no multi-line input"),
    ],
)
def test_assignment_that_would_break_the_file_is_refused(text: str, message: str) -> None:
    """Nothing is written then."""
    with pytest.raises(ConfigError, match=message):
        parse_assignment(text)


def test_assignment_may_be_empty() -> None:
    """An empty value is a value."""
    assert parse_assignment(" a =") == ("a", "")


def test_file_keeps_its_mode_and_bytes(tmp_path: Path) -> None:
    """Also bytes that are no UTF-8; nothing else is left behind."""
    path = tmp_path / "main.cf"
    path.write_bytes(b"# caf\xe9\na = 1\n")
    path.chmod(0o640)
    assert edit_file(str(path), {"a": "2"}) == []
    assert path.read_bytes() == b"# caf\xe9\na = 2\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["main.cf"]


def test_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is changed."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "main.cf"
    real.write_text("a = 1\n")
    (tmp_path / "main.cf").symlink_to(real)
    edit_file(str(tmp_path / "main.cf"), {"a": "2"})
    assert (tmp_path / "main.cf").is_symlink()
    assert real.read_text() == "a = 2\n"


def test_missing_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    """No empty configuration comes into being."""
    with pytest.raises(ConfigError, match="No such file or directory"):
        edit_file(str(tmp_path / "main.cf"), {"a": "2"})
    assert os.listdir(tmp_path) == []


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk costs the change, not the configuration."""
    path = tmp_path / "main.cf"
    path.write_text("a = 1\n")

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edit.os, "write", full)
    with pytest.raises(ConfigError, match=r"No space left on device; the file is unchanged$"):
        edit_file(str(path), {"a": "2"})
    assert path.read_text() == "a = 1\n"
    assert os.listdir(tmp_path) == ["main.cf"]


def test_editors_take_turns(tmp_path: Path) -> None:
    """Twenty at once, each with a change of its own: none is lost."""
    path = tmp_path / "main.cf"
    path.write_text("start = 1\n")
    threads = [threading.Thread(target=edit_file, args=(str(path), {f"name{n}": str(n)})) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == sorted(["start = 1", *(f"name{n} = {n}" for n in range(20))])


def test_editor_waits_for_the_lock_of_another(tmp_path: Path) -> None:
    """The lock is on main.cf.tmp, where Postfix's own postconf has it."""
    path = tmp_path / "main.cf"
    path.write_text("a = 1\n")
    with open(tmp_path / "main.cf.tmp", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=edit_file, args=(str(path), {"a": "2"}))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and path.read_text() == "a = 1\n"
    thread.join()
    assert path.read_text() == "a = 2\n"
