"""pyfix logrotate, with the mail system down."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pyfix.base import clock
from pyfix.commands.logrotate import RotateError, rotate
from pyfix.mail.config import Config


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log file, at a known time."""
    monkeypatch.setattr(clock, "now", lambda: 1795664185.0)
    path = tmp_path / "maillog"
    path.write_text("line\n")
    return path


def config(log: Path, settings: str = "") -> Config:
    """A configuration with this log file."""
    return Config.from_text(f"queue_directory = {log.parent}\nmaillog_file = {log}\n{settings}\n")


@pytest.mark.parametrize("suffix", ["%Y%m%d-%H%M%S", "%Y", "old"])
def test_log_is_moved_aside_under_a_name_with_the_time(log: Path, suffix: str) -> None:
    """maillog_file_rotate_suffix."""
    expected = f"{log}.{time.strftime(suffix, time.localtime(1795664185))}"
    assert rotate(config(log, f"maillog_file_rotate_suffix = {suffix}\nmaillog_file_compressor = true")) == expected
    assert Path(expected).read_text() == "line\n"
    assert not log.exists()


def test_old_log_is_compressed_by_a_program_of_choice(log: Path) -> None:
    """maillog_file_compressor, with the file as its only argument."""
    program = log.parent / "press"
    program.write_text('#!/bin/sh\necho "$#: $1" > "$1.pressed"\n')
    program.chmod(0o755)
    moved = rotate(config(log, f"maillog_file_compressor = {program}"))
    assert Path(f"{moved}.pressed").read_text() == f"1: {moved}\n"


@pytest.mark.parametrize(
    ("compressor", "message"),
    [
        ("/nonexistent/press", "maillog_file_compressor /nonexistent/press: No such file or directory; "),
        ("false", "false {moved}: exit status 1"),
    ],
)
def test_compressor_that_fails_leaves_the_old_log(log: Path, compressor: str, message: str) -> None:
    """Nothing is lost, and the user hears why."""
    with pytest.raises(RotateError) as caught:
        rotate(config(log, f"maillog_file_compressor = {compressor}\nmaillog_file_rotate_suffix = old"))
    assert str(caught.value).startswith(message.format(moved=f"{log}.old"))
    assert Path(f"{log}.old").read_text() == "line\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("maillog_file =", "maillog_file is empty"),
        ("maillog_file = /dev/stdout", "maillog_file is /dev/stdout"),
        ("maillog_file_rotate_suffix = there", "{log}.there exists already"),
    ],
)
def test_what_cannot_be_rotated_stays(log: Path, settings: str, message: str) -> None:
    """And says why."""
    (log.parent / "maillog.there").touch()
    with pytest.raises(RotateError) as caught:
        rotate(config(log, settings))
    assert str(caught.value).startswith(message.format(log=log))
    assert log.read_text() == "line\n"
