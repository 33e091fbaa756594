"""The manual pages before those who read them: groff, mandoc, man.

Check: no warning about any page, every text is shown as it was written, and man finds the pages of an environment whose
bin is in PATH.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.manual import roff
from pyfix.manual.page import Page, Paragraph, Section, Strong, Text, Verbatim

MAN = Path(__file__).parents[2] / "man"
PAGES = sorted(MAN.glob("man*/*"))
NASTY = (
    ".SH no request",
    "'br neither",
    r"back\slash \fB \(co \n(.l \*(xx",
    "--option -x",
    'it\'s `this` ^ ~ "that"',
    "─ é",
)


def run(*command: str, **environment: str) -> str:
    """Return what a command writes, errors included."""
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60,
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANPATH": "", **environment},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.peer("groff")
def test_groff_has_no_warning(need: Callable[[str], str]) -> None:
    """About any page, with every kind of warning on."""
    assert len(PAGES) > 50
    told = {path.name: run(need("groff"), "-man", "-ww", "-z", "-Tutf8", str(path)) for path in PAGES}
    assert {name: text for name, text in told.items() if text} == {}


@pytest.mark.peer("mandoc")
def test_mandoc_has_no_warning(need: Callable[[str], str]) -> None:
    """About any page."""
    assert run(need("mandoc"), "-Tlint", "-Wwarning", *map(str, PAGES)) == ""


@pytest.mark.peer("groff")
def test_text_is_shown_as_it_was_written(need: Callable[[str], str], tmp_path: Path) -> None:
    """In a paragraph, as code and in an example."""
    blocks = tuple(Paragraph((Text(text), Text(" "), Strong(text))) for text in NASTY)
    page = Page(("one",), 8, "do it", (Section("DESCRIPTION", (*blocks, Verbatim(NASTY))),))
    file = tmp_path / "one.8"
    file.write_text(roff.render(page, "1.0", "2026-01-02"))
    shown = run(need("groff"), "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=100n", str(file))
    for text in NASTY:
        assert shown.count(text) == 3, f"{text!r} in:\n{shown}"


@pytest.mark.peer("man")
def test_man_finds_the_pages_beside_the_commands(need: Callable[[str], str], tmp_path: Path) -> None:
    """Through PATH alone, as in a virtual environment; ours before the system's of the same name."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "share").mkdir()
    (tmp_path / "share/man").symlink_to(MAN)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    for section, name in ((1, "postconf"), (5, "hash_table"), (8, "smtpd")):
        found = run(need("man"), "-w", str(section), name, PATH=path).strip()
        assert found == f"{tmp_path}/share/man/man{section}/{name}.{section}"


@pytest.mark.peer("man")
def test_man_shows_a_page(need: Callable[[str], str]) -> None:
    """`man -l` of a file."""
    shown = run(need("man"), "-l", str(MAN / "man8/smtpd.8"), MANPAGER="cat", MAN_KEEP_FORMATTING="")
    assert "smtpd - receive mail over SMTP" in shown and "smtpd_banner ($myhostname ESMTP $mail_name)" in shown
