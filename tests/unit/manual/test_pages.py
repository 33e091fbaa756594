"""The manual as a whole: nothing that pyfix has is missing from it, and what is in the repository is up to date.

A new command, process, table type, parameter or option that is not in the manual fails here, with what to do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyfix.commands import sendmail_options
from pyfix.commands.manual import commands, parameter_sets
from pyfix.commands.pyfix import main as pyfix_command
from pyfix.mail.config import discover
from pyfix.mail.maps.registry import TYPES
from pyfix.manual import roff
from pyfix.manual.book import PARAMETERS, Book, lines_of, make_book
from pyfix.manual.declarations import default_of, shown_name
from pyfix.manual.options import options_of, sorted_commands
from pyfix.manual.page import Block, Definition, Definitions, Page, PageLink, ParameterLink, Verbatim
from pyfix.manual.sources import read_modules
from pyfix.manual.usage import find_usage
from pyfix.service.catalog import services
from pyfix.service.service import AnyService

ROOT = Path(__file__).parents[3]
FOREIGN = {("man", 1)}
"""Pages of the system that ours refer to."""
WIDTH = 69
"""Columns of an example: with the page's and its own indentation it fits a terminal of 80."""


@pytest.fixture(scope="module")
def book() -> Book:
    """The manual of this release."""
    return make_book(commands(), parameter_sets())


@pytest.fixture(scope="module")
def pages(book: Book) -> dict[tuple[str, int], Page]:
    """Every page under each of its names."""
    return {(name, page.section): page for page in book.pages for name in page.names}


def project() -> dict[str, dict[str, dict[str, dict[str, list[str]]]]]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def blocks(page: Page, title: str = "") -> Iterator[Block]:
    """Yield the blocks of a section, or of all."""
    for section in page.sections:
        if title in ("", section.title):
            yield from section.blocks


def items(page: Page, title: str = "") -> Iterator[Definition]:
    """Yield the items of all lists of a section, or of all."""
    for block in blocks(page, title):
        if isinstance(block, Definitions):
            yield from block.items


def test_pages_in_the_repository_are_up_to_date(book: Book) -> None:
    """They are made of docstrings, parameters and options; after a change of those: scripts/manual."""
    made = book.roff_files()
    kept = {
        str(path.relative_to(ROOT / "man")): path.read_text() for path in (ROOT / "man").rglob("*") if path.is_file()
    }
    changed = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    assert not changed, f"run scripts/manual and commit man/: {', '.join(changed)}"


def test_all_pages_are_installed(book: Book) -> None:
    """Each below share/man of the environment, where man(1) looks for the pages of the commands beside it."""
    installed = project()["tool"]["setuptools"]["data-files"]
    for name in book.roff_files():
        folder = name.partition("/")[0]
        assert installed[f"share/man/{folder}"] == [f"man/{folder}/*"]


def test_every_command_has_a_page(pages: dict[tuple[str, int], Page]) -> None:
    """Its module opens with `name(1): summary`."""
    scripts = project()["project"]["scripts"]
    missing = [name for name in scripts if (name, 1) not in pages]
    assert len(scripts) >= 10 and not missing


def test_every_option_is_on_the_page_of_its_command(pages: dict[tuple[str, int], Page]) -> None:
    """Hidden ones, which are refused, by name; commands() must have every command with click options."""
    for name, command in commands().items():
        if (name, 1) in pages:
            text = roff.render(pages[name, 1], "", "")
            for option in options_of(command):
                assert option.hidden or option.help, f"{name} {option.opts}: needs help="
                assert all(roff.escape(word) in text for word in option.opts), f"{name}: {option.opts}"
    assert project()["project"]["scripts"].keys() - commands().keys() == {"sendmail", "newaliases", "mailq"}


def test_every_option_of_sendmail_is_on_its_page(pages: dict[tuple[str, int], Page]) -> None:
    """It reads its command line without click: the docstring lists what it knows."""
    options = sendmail_options
    letters = options._WITH_VALUE | options._FLAGS | options._MAYBE_ATTACHED - {"b"}
    text = roff.render(pages["sendmail", 1], "", "")
    missing = [f"-{letter}" for letter in letters if rf"\-{letter}" not in text]
    missing += [f"-b{letter}" for letter in options._MODES if rf"\-b{letter}" not in text]
    assert not missing


def test_every_subcommand_of_pyfix_is_on_its_page(pages: dict[tuple[str, int], Page]) -> None:
    """With its options; what takes explaining has a page of its own, pyfix-name(1), which pyfix(1) refers to."""
    described = {item.term[0].text.split()[0]: item for item in items(pages["pyfix", 1], "COMMANDS")}  # type: ignore[union-attr]
    commands = sorted_commands(pyfix_command)
    assert described.keys() == commands.keys()
    for name, command in commands.items():
        words = str(described[name])
        assert all(option.opts[0] in words for option in options_of(command)), name
    linked = {span.name for line in see_also(pages["pyfix", 1]) for span in line if isinstance(span, PageLink)}
    assert {name for name, _ in pages if name.startswith("pyfix-")} <= linked


def see_also(page: Page) -> Iterator[tuple[object, ...]]:
    """Yield the lines of SEE ALSO."""
    for section in page.sections:
        if section.title == "SEE ALSO":
            yield from lines_of(section)


@pytest.mark.parametrize("service", services().values(), ids=str)
def test_every_process_has_a_page(service: AnyService, pages: dict[tuple[str, int], Page]) -> None:
    """The docstring of its folder, under the name of master.cf."""
    assert (service.program, 8) in pages


def test_other_names_of_processes_have_pages(pages: dict[tuple[str, int], Page]) -> None:
    """The services and programs of master.cf that are no folder."""
    assert {(name, 8) for name in ("master", "lmtp", "retry", "defer", "trace")} <= pages.keys()


@pytest.mark.parametrize("kind", TYPES)
def test_every_table_type_has_a_page(kind: str, pages: dict[tuple[str, int], Page]) -> None:
    """The module that has the type opens its docstring with `TYPE_table(5): summary`."""
    assert (f"{kind}_table", 5) in pages, f"no docstring in pyfix/mail/maps opens with {kind}_table(5)"


def test_formats_of_tables_and_files_have_pages(pages: dict[tuple[str, int], Page]) -> None:
    """Those that Postfix's manual has, as far as pyfix reads such files."""
    names = ("access", "aliases", "bounce", "canonical", "master", "postconf", "relocated", "transport", "virtual")
    assert {(name, 5) for name in names} <= pages.keys()


def test_postconf_has_every_parameter(pages: dict[tuple[str, int], Page]) -> None:
    """Name, default, documentation, type and readers of each; every one has a reader."""
    entries = {item.term[0].name: item for item in items(pages["postconf", 5], "CONFIGURATION PARAMETERS")}  # type: ignore[union-attr]
    declared = {shown_name(item): item for item in discover.declarations().values()}
    assert entries.keys() == declared.keys()
    for name, item in declared.items():
        words = str(entries[name])
        readers = entries[name].body[-1]
        assert item.doc and default_of(item).replace("\\", "\\\\") in words, name
        assert str(readers[0]) == "Text(text='Used by: ')" and len(readers) > 2, f"{name}: nobody reads it"


@pytest.mark.parametrize("room", parameter_sets())
def test_processes_list_the_parameters_that_they_read(room: str, pages: dict[tuple[str, int], Page]) -> None:
    """Those of their own set, and those that they share; what all processes read is named on each page."""
    usage = find_usage(read_modules(), parameter_sets())
    page = pages[room.rpartition(".")[2].replace("_", "-"), 8]
    lines = [line for section in page.sections if section.title == PARAMETERS for line in lines_of(section)]
    listed = {span.name for line in lines for span in line if isinstance(span, ParameterLink)}
    declared = parameter_sets()[room].declared
    assert {shown_name(declared[name]) for name in usage.read[room]} | usage.shared <= listed


def test_every_reference_leads_somewhere(book: Book, pages: dict[tuple[str, int], Page]) -> None:
    """name(8) anywhere in a page is a page of ours, or of the system as listed here."""
    lost = sorted(
        f"{page.name}({page.section}): {span.name}({span.section})"
        for page in book.pages
        for section in page.sections
        for line in lines_of(section)
        for span in line
        if isinstance(span, PageLink) and (span.name, span.section) not in pages.keys() | FOREIGN
    )
    assert not lost


def test_no_name_has_two_pages(book: Book) -> None:
    """A second docstring of that name would replace the first."""
    names = [(name, page.section) for page in book.pages for name in page.names]
    assert len(names) == len(set(names))


def test_examples_fit_a_terminal(book: Book) -> None:
    """Verbatim lines are not wrapped."""
    wide = [
        f"{page.name}({page.section}): {line}"
        for page in book.pages
        for block in blocks(page)
        if isinstance(block, Verbatim)
        for line in block.lines
        if len(line) > WIDTH
    ]
    assert not wide


def test_pages_speak_of_no_source_files(book: Book) -> None:
    """What is for readers of the code stands behind "Inside:"."""
    spoken = [
        f"{page.name}({page.section}): {found[0]}"
        for page in book.pages
        if (found := re.search(r"\b[\w/]+\.py\b", str(page.sections)))
    ]
    assert not spoken


def test_docstrings_that_look_like_pages_are_pages() -> None:
    """`name(5) - summary` or `name (5): summary` would be left out without a word."""
    almost = re.compile(r"[\w.+-]+ ?\([1-8]\)")
    lost = [name for name, module in read_modules().items() if almost.match(module.docstring) and not module.has_page]
    assert not lost


def test_command_writes_both_forms(tmp_path: Path, book: Book) -> None:
    """Into directories that need not be there; other files stay."""
    (tmp_path / "man1").mkdir()
    (tmp_path / "man1/other.1").write_text("x")
    done = CliRunner().invoke(pyfix_command, ["manual", "--man", str(tmp_path), "--html", str(tmp_path / "a/html")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "man8/smtpd.8").read_text() == book.roff_files()["man8/smtpd.8"]
    assert {path.name for path in (tmp_path / "a/html").iterdir()} == book.html_files().keys()
    assert (tmp_path / "man1/other.1").exists()


def test_command_needs_a_form_and_a_directory(tmp_path: Path) -> None:
    """One line each, no traceback."""
    (tmp_path / "file").touch()
    assert "specify --man" in CliRunner().invoke(pyfix_command, ["manual"]).output
    refused = CliRunner().invoke(pyfix_command, ["manual", "--man", str(tmp_path / "file")])
    assert refused.exit_code == 1 and "fatal: " in refused.output


def test_links_of_the_html_manual_lead_somewhere(book: Book) -> None:
    """To files of the manual, and anchors in them."""
    files = book.html_files()
    anchors = {name: set(re.findall(r'id="([^"]+)"', text)) for name, text in files.items()}
    for text in files.values():
        for target in re.findall(r'href="([^"]+)"', text):
            name, _, anchor = target.partition("#")
            assert name in files and (not anchor or anchor in anchors[name]), target
