"""The trees of a mail system, with something wrong in each."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from pyfix.commands.check.files import Owner, check_config, check_data, check_jail, check_queue, check_readable
from pyfix.commands.findings import Finding

ME = Owner("me", frozenset((os.getuid(),)))
NOBODY = Owner("nobody", frozenset((os.getuid() + 1,)))


def texts(findings: Iterable[Finding]) -> list[str]:
    """Return what is found, without what to do about it."""
    return [finding.text for finding in findings]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with a file, a folder and a file in that."""
    top = tmp_path / "tree"
    (top / "folder").mkdir(parents=True)
    for folder in (top, top / "folder"):
        folder.chmod(0o755)
    for name in ("a", "folder/b"):
        (top / name).write_text("x")
        (top / name).chmod(0o644)
    return top


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A queue directory."""
    for name in ("active", "deferred/A", "corrupt", "maildrop", "pid", "public", "private", "spare"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_sound_trees_are_passed_over_in_silence(tree: Path, spool: Path) -> None:
    """A check that complains about nothing is not read."""
    (spool / "deferred/A/ABC").touch()
    assert texts([*check_config(str(tree), ME), *check_data(str(tree), ME), *check_queue(str(spool), ME)]) == []
    assert texts(check_jail(str(spool), str(tree))) == []


def test_configuration_of_another_user_is_named_file_by_file(tree: Path) -> None:
    """The directory itself, too."""
    assert texts(check_config(str(tree), NOBODY)) == [
        f"not owned by nobody: {path}" for path in (tree, tree / "a", tree / "folder", tree / "folder/b")
    ]


def test_configuration_that_others_can_write_is_named(tree: Path) -> None:
    """At any depth; of a link its target counts, and a link out of the directory is worth a word."""
    (tree / "folder/b").chmod(0o664)
    (tree / "folder").chmod(0o757)
    (tree.parent / "elsewhere").touch(0o666)
    (tree.parent / "elsewhere").chmod(0o666)
    (tree / "link").symlink_to(tree.parent / "elsewhere")
    (tree / "near").symlink_to("a")
    (tree / "nowhere").symlink_to("gone")
    assert texts(check_config(str(tree), ME)) == [
        f"group or other writable: {tree}/folder",
        f"group or other writable: {tree}/link",
        f"group or other writable: {tree}/folder/b",
        f"symlink leaves directory: {tree}/link",
    ]


def test_own_group_of_an_ordinary_user_may_write(tree: Path) -> None:
    """With a umask of 002 everything is so; a file that all may write is not right all the same."""
    (tree / "a").chmod(0o664)
    (tree / "folder/b").chmod(0o666)
    user = Owner("me", ME.uids, tree.stat().st_gid)
    assert texts(check_config(str(tree), user)) == [f"group or other writable: {tree}/folder/b"]


def test_data_of_another_user_and_data_that_others_can_write_are_named(tree: Path) -> None:
    """Below the directory: of itself the layout speaks."""
    (tree / "a").chmod(0o622)
    assert texts(check_data(str(tree), ME)) == [f"group or other writable: {tree}/a"]
    assert f"not owned by nobody: {tree}/folder/b" in texts(check_data(str(tree), NOBODY))


def test_queue_file_of_another_user_is_named_and_maildrop_is_left_alone(spool: Path) -> None:
    """In maildrop everybody has files; a socket has rights of its own."""
    for name in ("deferred/A/ABC", "maildrop/DEF", "pid/master.pid", "spare/GHI"):
        (spool / name).touch()
    sock = socket.socket(socket.AF_UNIX)
    os.chdir(spool)
    sock.bind("public/pickup")
    sock.close()
    os.mkfifo(spool / "public/qmgr")
    assert texts(check_queue(str(spool), NOBODY)) == [
        f"not owned by nobody: {spool}/{name}" for name in ("spare/GHI", "deferred/A", "deferred/A/ABC")
    ]


def test_damaged_message_is_named(spool: Path) -> None:
    """It waits there for a person, who may not know."""
    (spool / "corrupt/ABC").touch()
    assert texts(check_queue(str(spool), ME)) == [f"damaged message: {spool}/corrupt/ABC"]


def test_copy_in_the_jail_that_differs_is_named(spool: Path, tree: Path) -> None:
    """Processes in the jail would know other hosts than the rest; passwd and group are no plain copies."""
    for top, text in ((spool, "old"), (tree, "new")):
        (top / "etc").mkdir()
        for name in ("hosts", "passwd", "group"):
            (top / "etc" / name).write_text(text)
    (spool / "usr/lib").mkdir(parents=True)
    (spool / "usr/lib/extra.so").touch()
    found = [line for line in texts(check_jail(str(spool), str(tree))) if not line.startswith("not owned")]
    assert found == [f"{spool}/etc/hosts and {tree}/etc/hosts differ"]


@pytest.mark.root
def test_copy_in_the_jail_that_is_not_roots_is_named(spool: Path) -> None:
    """Whoever owns it tells mail where to go."""
    (spool / "etc").mkdir()
    (spool / "etc/resolv.conf").touch()
    os.chown(spool / "etc/resolv.conf", 1, 1)
    assert texts(check_jail(str(spool), str(spool))) == [f"not owned by root: {spool}/etc/resolv.conf"]


def test_configuration_that_users_can_not_read_is_named(tree: Path) -> None:
    """Their sendmail reads it; with what to do about it."""
    (tree / "main.cf").touch(0o644)
    assert list(check_readable(str(tree))) == []
    (tree / "main.cf").chmod(0o640)
    tree.chmod(0o750)
    assert [finding.line for finding in check_readable(str(tree))] == [
        f"not readable by all users: {tree}: sendmail and mailq of users fail; chmod o+rx {tree}",
        f"not readable by all users: {tree}/main.cf: sendmail and mailq of users fail; chmod o+r {tree}/main.cf",
    ]


def test_finding_says_what_to_do(tree: Path) -> None:
    """As a command."""
    (tree / "a").chmod(0o622)
    assert [str(finding) for finding in check_data(str(tree), ME)] == [
        f"warning: group or other writable: {tree}/a; chmod go-w {tree}/a"
    ]
