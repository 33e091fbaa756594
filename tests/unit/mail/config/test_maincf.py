"""Reading main.cf: logical lines, assignments, files that are none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyfix.mail.config import ConfigError, maincf
from pyfix.mail.config.lines import LOGICAL_LINE_LIMIT


def settings(text: str) -> dict[str, str]:
    """Return the settings of a main.cf."""
    return {name: setting.value for name, setting in maincf.parse(text, "main.cf").settings.items()}


def test_assignment_loses_outer_white_space() -> None:
    """Blanks around name, "=" and value are no part of them."""
    assert settings("a=b\nc = d \t\ne =\nf = g = h\n") == {"a": "b", "c": "d", "e": "", "f": "g = h"}


def test_continuation_keeps_its_white_space() -> None:
    """Lines are joined as they are; comments and empty lines between them do not end the value."""
    assert settings("a = b,\n  c\n# comment\n\n\td\n  # indented comment\ne = f\n") == {"a": "b,  c\td", "e": "f"}


def test_comments_and_blank_lines_say_nothing() -> None:
    """A "#" is a comment only as the first character that is no blank."""
    assert settings("# a = b\n   \n  # c\na = #b\n") == {"a": "#b"}


def test_last_assignment_wins_in_its_own_place() -> None:
    """The earlier one is warned about with the words of Postfix."""
    main = maincf.parse("a = 1\nb = 2\na = 3\n", "/x/main.cf")
    assert list(main.settings) == ["b", "a"]
    assert main.settings["a"].place == "/x/main.cf, line 3"
    assert main.warnings == ["/x/main.cf, line 3: overriding earlier entry: a=1"]


def test_indented_first_line_is_passed_over() -> None:
    """As Postfix does, with a warning."""
    main = maincf.parse(" a = 1\nb = 2\n", "main.cf")
    assert list(main.settings) == ["b"]
    assert main.warnings == ['main.cf, line 1: logical line must not start with whitespace: " a = 1"']


def test_last_line_needs_no_line_end() -> None:
    """An editor may leave it out."""
    assert settings("a = b") == {"a": "b"}


def test_crlf_file_is_read_with_a_warning(tmp_path: Path) -> None:
    """The CR is no part of a value, nor of the middle of one."""
    path = tmp_path / "main.cf"
    path.write_bytes(b"a = b,\r\n c\r\nd = e\r\n")
    main = maincf.read(str(path))
    assert {name: setting.value for name, setting in main.settings.items()} == {"a": "b, c", "d": "e"}
    assert main.warnings == [f"{path}: lines end in CR LF; save the file with LF line ends"]


def read_error(path: Path) -> str:
    """Return the message about a file that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        maincf.read(str(path))
    return str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The message names the path and the option that helps."""
    path = tmp_path / "main.cf"
    assert read_error(path) == f"open {path}: No such file or directory; specify its directory with -c"


def test_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    """A directory is no configuration."""
    assert read_error(tmp_path) == f"open {tmp_path}: Is a directory; put a text file in its place"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """The message says what is missing."""
    path = tmp_path / "main.cf"
    path.touch(mode=0)
    assert read_error(path) == f"open {path}: Permission denied; make it readable for the user who runs this"


def test_file_in_a_file_is_named(tmp_path: Path) -> None:
    """Any other failure has the system's words."""
    (tmp_path / "main.cf").touch()
    path = tmp_path / "main.cf" / "main.cf"
    assert read_error(path) == f"open {path}: Not a directory"


def test_nul_in_the_path_is_refused() -> None:
    """A path from a command line may hold anything."""
    assert read_error(Path("/x\0y")) == r"open '/x\x00y': the name contains a NUL byte"


def test_endless_line_is_refused(tmp_path: Path) -> None:
    """Ten megabytes without a line end are a mistake; the message does not repeat them."""
    path = tmp_path / "main.cf"
    path.write_bytes(b"# first\na = " + b"x" * 10_000_000)
    assert read_error(path) == f"{path}, line 2: line is longer than {LOGICAL_LINE_LIMIT} characters; use a table file"


def test_endless_comment_is_none_of_our_business(tmp_path: Path) -> None:
    """Only what is read has a limit."""
    path = tmp_path / "main.cf"
    path.write_bytes(b"#" * 10_000_000 + b"\na = b\n")
    assert list(maincf.read(str(path)).settings) == ["a"]
