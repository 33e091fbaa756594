"""maildirfilter: rules of users."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.config import Config
from pyfix.mail.delivery import Content
from pyfix.mail.mailbox.filter import (
    Action,
    FilterParameters,
    Filters,
    Verb,
    header_key,
    make_folder,
    parse_action,
    rules_of_value,
)

MakeContent = Callable[[bytes], Content]


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("REJECT no thanks", Action(Verb.REJECT, "no thanks")),
        ("discard", Action(Verb.DISCARD, "")),
        ("MOVE Junk", Action(Verb.MOVE, ".Junk")),
        ("MOVE .Junk", Action(Verb.MOVE, ".Junk")),
        ("MOVE ../../etc/x y", Action(Verb.MOVE, ".etcxy")),
        ("MOVE ....", None),
        ("MOVE /", None),
        ("LOG seen", Action(Verb.WARN, "seen")),
        ("Info seen", Action(Verb.INFO, "seen")),
        ("RUN rm", None),
        ("", None),
    ],
)
def test_results(value: str, action: Action | None) -> None:
    """Names of folders lead nowhere else."""
    assert parse_action(value) == action


@given(st.text(max_size=60))
def test_any_result_is_an_action_or_none(value: str) -> None:
    """And a folder is one directory below the Maildir."""
    action = parse_action(value)
    if action is not None and action.verb is Verb.MOVE:
        assert action.text.startswith(".")
        assert not set("/\0") & set(action.text)
        assert action.text not in (".", "..")


def test_key_is_the_folded_header(make_content: MakeContent) -> None:
    """Continuation lines are joined; the body is not seen."""
    content = make_content(b"Subject: One\r\n\tTwo\nX-Bad: \xff\n\nBody\n")
    assert header_key(b"Return-Path: <A@b>\n", content) == "return-path: <a@b>\nsubject: one two\nx-bad: \ufffd"


def test_value_of_a_table_has_rules_in_one_line() -> None:
    """Each begins with /^."""
    assert rules_of_value("# M1700 /^a/ MOVE x /^b/m REJECT y") == "/^a/ MOVE x\n/^b/m REJECT y\n"
    assert rules_of_value("nothing") == ""


def open_filters(text: str, warnings: list[str]) -> Filters:
    """Return the filters of a main.cf."""
    config = Config.from_text(f"compatibility_level = 3.7\nmydestination =\nvirtual_maildir_filter = yes\n{text}")
    filters = Filters.open(config, config.read(FilterParameters), "Maildir/", warnings.append)
    assert filters is not None
    return filters


def test_first_rule_of_the_file_decides(tmp_path: Path) -> None:
    """It lies above the suffix."""
    (tmp_path / "maildirfilter").write_text("/^x: 1$/m REJECT one\n/^x: (.)/m INFO got $1\n")
    warnings: list[str] = []
    filters = open_filters("", warnings)
    maildir = f"{tmp_path}/Maildir/"
    assert filters.decide("a@b", maildir, "a: b\nx: 1\nc: d") == Action(Verb.REJECT, "one")
    assert filters.decide("a@b", maildir, "x: 2") == Action(Verb.INFO, "got 2")
    assert filters.decide("a@b", maildir, "y: 2") is None
    assert filters.decide("a@b", f"{tmp_path}/other/Maildir/", "x: 2") is None
    assert warnings == []


def test_tables_go_instead_of_files(tmp_path: Path) -> None:
    """By recipient."""
    (tmp_path / "maildirfilter").write_text("/./ REJECT\n")
    filters = open_filters("virtual_maildir_filter_maps = inline:{{a@b.test = # M5 /^x/ MOVE Junk}}\n", [])
    assert filters.decide("a@b.test", f"{tmp_path}/", "x: 1") == Action(Verb.MOVE, ".Junk")
    assert filters.decide("c@b.test", f"{tmp_path}/", "x: 1") is None


def _slow(path: Path) -> None:
    path.write_text("/^(a+)+$/ REJECT\n")


def _wrong(path: Path) -> None:
    path.write_text("/(/ REJECT\n")


def _unknown(path: Path) -> None:
    path.write_text("/a/ RUN rm\n")


def _link(path: Path) -> None:
    (path.parent / "real").write_text("/a/ REJECT\n")
    path.symlink_to(path.parent / "real")


def _directory(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "warning"),
    [
        (_slow, "takes more than 0.2 seconds"),
        (_wrong, "line 1: "),
        (_unknown, "ignoring unknown action: RUN rm"),
        (_link, "Too many levels of symbolic links"),
        (_directory, ""),
        (os.mkfifo, ""),
    ],
)
def test_what_is_no_filter_lets_mail_in(tmp_path: Path, spoil: Callable[[Path], None], warning: str) -> None:
    """Nothing hangs, and the log says why."""
    spoil(tmp_path / "maildirfilter")
    warnings: list[str] = []
    assert open_filters("", warnings).decide("a@b", f"{tmp_path}/", "a" * 40 + "!") is None
    assert warning in "".join(warnings)
    assert bool(warnings) is bool(warning)


def test_folder_is_made_as_others_know_it(tmp_path: Path) -> None:
    """With its mark; one that is a link is refused."""
    for _ in range(2):
        assert make_folder(f"{tmp_path}/", ".Junk") == f"{tmp_path}/.Junk/"
    assert sorted(path.name for path in (tmp_path / ".Junk").iterdir()) == ["cur", "maildirfolder", "new", "tmp"]
    (tmp_path / ".Link").symlink_to(tmp_path / ".Junk")
    with pytest.raises(OSError, match="symbolic links"):
        make_folder(f"{tmp_path}/", ".Link")
