"""Option files of the MySQL client: groups, quotes, comments, included files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.maps.mysql_options import read_options


def options(folder: Path, text: str, *groups: str) -> dict[str, str]:
    """Return the options of a file with this text."""
    (folder / "my.cnf").write_text(text)
    return read_options([f"{folder}/my.cnf"], groups or ("client",))


def test_only_the_groups_that_are_asked_for_count(tmp_path: Path) -> None:
    """The later group goes before the earlier, the later line before the earlier; names have two spellings."""
    text = """
user = outside
[mysqld]
user = mysql
[client]
# comment
; comment
user = one
user=two
default_character_set = utf8mb4   # why not
skip-ssl
password = "a = b"
socket = '/run/x y'
[mail]
user = three
"""
    assert options(tmp_path, text) == {
        "user": "two", "default-character-set": "utf8mb4", "skip-ssl": "", "password": "a = b", "socket": "/run/x y",
    }  # fmt: skip
    assert options(tmp_path, text, "client", "mail")["user"] == "three"


def test_included_files_are_read_in_their_place(tmp_path: Path) -> None:
    """One file, and a directory in the order of names."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.cnf").write_text("[client]\nuser=b\nport=2\n")
    (tmp_path / "conf.d" / "a.cnf").write_text("[client]\nuser=a\n")
    (tmp_path / "conf.d" / "c.txt").write_text("[client]\nuser=c\n")
    (tmp_path / "more.cnf").write_text("[client]\nport=3\n")
    text = "[client]\nuser=first\n!includedir conf.d\n!include more.cnf\n!include none.cnf\n"
    assert options(tmp_path, text) == {"user": "b", "port": "3"}


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    """At a depth that nobody needs."""
    assert options(tmp_path, "!include my.cnf\n[client]\nuser = x\n") == {"user": "x"}


def test_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Somebody has named it."""
    with pytest.raises(OSError, match="No such file"):
        read_options([f"{tmp_path}/none"], ["client"])
