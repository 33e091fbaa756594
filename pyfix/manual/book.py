"""Put the manual together: every docstring that is a page, with the sections that are made of declarations.

A page gets the options of its command; postconf(5) all parameters; a process what it reads; every other page those
parameters that its text names. "SEE ALSO" shows what each of the pages is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import click

from pyfix.mail.config import discover
from pyfix.manual import declarations, html, roff
from pyfix.manual.docstring import ORDER, read_page
from pyfix.manual.options import options_section, subcommands_section
from pyfix.manual.page import (
    Block,
    Definition,
    Definitions,
    Line,
    Page,
    PageLink,
    Paragraph,
    ParameterLink,
    Section,
    Text,
)
from pyfix.manual.sources import read_modules
from pyfix.manual.usage import ParameterSets, Usage, find_usage

EDITION: Final = "2026-11-26"
"""The date at the foot of the pages: that of the release, or of the last work on the manual as a whole."""
PARAMETERS: Final = "CONFIGURATION PARAMETERS"
_PARAMETER_PAGE: Final = ("postconf", 5)
_SEE_ALSO: Final = "SEE ALSO"
_ALWAYS_SEE: Final[Mapping[int, tuple[tuple[str, int], ...]]] = {
    8: (("postconf", 5), ("master", 5), ("master", 8), ("postlogd", 8)),
}
"""What every page of a section refers to, besides what its docstring names."""


@dataclass(frozen=True, slots=True)
class Book:
    """All pages, sorted by section and name, and the release that they describe."""

    pages: tuple[Page, ...]
    version: str

    def roff_files(self) -> dict[str, str]:
        """Return the files of a man directory, with a copy under each name of a page."""
        return {
            f"man{page.section}/{name}.{page.section}": roff.render(page, self.version, EDITION)
            for page in self.pages
            for name in page.names
        }

    def html_files(self) -> dict[str, str]:
        """Return the files of the HTML manual."""
        files = html.files_of(self.pages)
        found = {html.file_name(page): html.render(page, files, self.version) for page in self.pages}
        return {**found, "index.html": html.render_index(self.pages, self.version)}


def make_book(commands: Mapping[str, click.Command], sets: ParameterSets) -> Book:
    """Return the manual; `commands` are those with click options, by the name of their page."""
    modules = read_modules()
    known = declarations.known_names()
    found = {name: read_page(module.docstring, known) for name, module in modules.items() if module.has_page}
    binder = _Binder(found, commands, sets, find_usage(modules, sets), known)
    pages = sorted(map(binder.bind, found), key=lambda page: (page.section, page.name))
    return Book(tuple(pages), f"pyfix {discover.default_text('mail_version')}")


class _Binder:
    """Adds to each page what its docstring does not say."""

    def __init__(
        self,
        pages: Mapping[str, Page],
        commands: Mapping[str, click.Command],
        sets: ParameterSets,
        usage: Usage,
        known: frozenset[str],
    ) -> None:
        self._pages = pages
        self._commands = commands
        self._sets = sets
        self._usage = usage
        self._known = known
        self._summaries = {(name, page.section): page.summary for page in pages.values() for name in page.names}

    def bind(self, module: str) -> Page:
        """Return the finished page of a module."""
        page = self._pages[module]
        extra = [*self._command_sections(page), *self._parameter_sections(module, page), self._see_also(page)]
        own = (section for section in page.sections if section.title != _SEE_ALSO)
        return replace(page, sections=_merge(own, extra))

    def _command_sections(self, page: Page) -> Iterator[Section]:
        command = self._commands.get(page.name) if page.section == 1 else None
        if isinstance(command, click.Group):
            yield subcommands_section(command, self._known)
        if command is not None:
            yield options_section(command, self._known)

    def _parameter_sections(self, module: str, page: Page) -> Iterator[Section]:
        blocks: Iterable[Block] = ()
        if (page.name, page.section) == _PARAMETER_PAGE:
            blocks = (declarations.all_parameters(self._known, self._users),)
        elif page.section == 8:
            own = declarations.process_blocks(self._sets[module], self._usage.read[module], self._known)
            blocks = (*own, *declarations.shared_blocks(self._usage.shared))
        elif names := _named(page):
            blocks = declarations.named_blocks(names, self._known)
        if blocks:
            yield Section(PARAMETERS, tuple(blocks))

    def _users(self, name: str) -> Line:
        """Return the words about who reads a parameter."""
        pages = [self._pages[module] for module in self._usage.readers(name)]
        links = sorted(((page.name, page.section) for page in pages), key=lambda link: (-link[1], link[0]))
        return declarations.users_line(links, all_processes=name in self._usage.shared)

    def _see_also(self, page: Page) -> Section:
        listed = [link for section in page.sections if section.title == _SEE_ALSO for link in _links(section)]
        wanted = dict.fromkeys([*listed, *_ALWAYS_SEE.get(page.section, ())])
        items = [
            Definition((PageLink(*link),), ((Text(self._summaries.get(link, "of the system")),),))
            for link in wanted
            if link != (page.name, page.section)
        ]
        return Section(_SEE_ALSO, (Definitions(tuple(items)),))


def _merge(own: Iterable[Section], extra: Iterable[Section]) -> tuple[Section, ...]:
    """Return the sections in their order; of one title what was written comes before what was made."""
    found: dict[str, Section] = {}
    for section in (*own, *extra):
        before = found.get(section.title, Section(section.title, ()))
        found[section.title] = replace(before, blocks=before.blocks + section.blocks)
    return tuple(found[title] for title in ORDER if title in found and found[title].blocks)


def lines_of(section: Section) -> Iterator[Line]:
    """Yield every line of text."""
    for block in section.blocks:
        if isinstance(block, Paragraph):
            yield block.line
        elif isinstance(block, Definitions):
            for item in block.items:
                yield from (item.term, *item.body)


def _named(page: Page) -> list[str]:
    """Return the parameters that the text of a page names, sorted."""
    spans = (span for section in page.sections for line in lines_of(section) for span in line)
    return sorted({span.name for span in spans if isinstance(span, ParameterLink)})


def _links(section: Section) -> Iterator[tuple[str, int]]:
    """Yield the pages that a section names."""
    for line in lines_of(section):
        yield from ((span.name, span.section) for span in line if isinstance(span, PageLink))
