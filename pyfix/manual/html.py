"""Write pages in HTML: a file a page, and an index.

Names of other pages and of parameters are links where the manual has them. Any text comes out as it went in; what HTML
cannot hold (control characters, halves of surrogate pairs) becomes U+FFFD. The files need nothing but each other: the
style is inside, there is no script, and no host is asked for anything.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from pyfix.manual.page import (
    Block,
    Definition,
    Definitions,
    Heading,
    Line,
    Page,
    PageLink,
    Paragraph,
    ParameterLink,
    Section,
    Span,
    Strong,
    Text,
    Verbatim,
)

Files = Mapping[tuple[str, int], str]
"""The file of each page by name and section."""

SECTION_TITLES: Final = {1: "Commands", 5: "Files and tables", 8: "Processes"}
_UNFIT: Final = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE: Final = """\
body { max-width: 50em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 sans-serif; color: #222; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin-top: 2em } h3 { font-size: 1em }
b, pre, dt { font-family: monospace } pre { padding: .5em 1em; background: #f4f4f4; overflow-x: auto }
dt { margin-top: .7em; overflow-wrap: anywhere } dd p { margin: .2em 0 } a { color: #036 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } pre { background: #282828 } a { color: #8be }
}
"""
_PARAMETERS: Final = ("postconf", 5)


def file_name(page: Page) -> str:
    """Return the name of a page's file."""
    return f"{page.name}.{page.section}.html"


def escape(text: str) -> str:
    """Return text as HTML, for content and for quoted attributes."""
    return html.escape(_UNFIT.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def files_of(pages: Iterable[Page]) -> Files:
    """Return where each page is, under all its names."""
    return {(name, page.section): file_name(page) for page in pages for name in page.names}


def render(page: Page, files: Files, version: str) -> str:
    """Return the page; version is what its footer says."""
    writer = _Writer(files, has_anchors=(page.name, page.section) == _PARAMETERS)
    body = [
        '<p><a href="index.html">pyfix manual</a></p>',
        f"<h1>{escape(', '.join(page.names))}({page.section})</h1>",
        f"<p>{escape(page.summary)}</p>",
        *(line for section in page.sections for line in writer.section(section)),
        f"<hr><p>{escape(version)}</p>",
    ]
    return _document(f"{page.name}({page.section})", body)


def render_index(pages: Sequence[Page], version: str) -> str:
    """Return the list of all pages."""
    body = [f"<h1>{escape(version)} manual</h1>"]
    for number, title in SECTION_TITLES.items():
        body += [f"<h2>{title}</h2>", "<dl>"]
        for page in pages:
            if page.section == number:
                names = escape(", ".join(page.names))
                body.append(f'<dt><a href="{escape(file_name(page))}">{names}({number})</a></dt>')
                body.append(f"<dd>{escape(page.summary)}</dd>")
        body.append("</dl>")
    return _document(f"{version} manual", body)


def _document(title: str, body: Iterable[str]) -> str:
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>\n{_STYLE}</style></head>",
        "<body>",
    ]
    return "\n".join([*head, *body, "</body>", "</html>"]) + "\n"


class _Writer:
    """Writes the parts of one page."""

    def __init__(self, files: Files, *, has_anchors: bool) -> None:
        self._files = files
        self._has_anchors = has_anchors

    def section(self, section: Section) -> Iterator[str]:
        yield f"<h2>{escape(section.title)}</h2>"
        for block in section.blocks:
            yield from self._block(block)

    def _block(self, block: Block) -> Iterator[str]:
        match block:
            case Paragraph(line):
                yield f"<p>{self._line(line)}</p>"
            case Verbatim(lines):
                yield f"<pre>{escape(chr(10).join(lines))}</pre>"
            case Definitions(items):
                yield "<dl>"
                for item in items:
                    yield from self._definition(item)
                yield "</dl>"
            case Heading(text):
                yield f"<h3>{escape(text)}</h3>"
            case _:
                assert_never(block)

    def _definition(self, item: Definition) -> Iterator[str]:
        match item.term[0]:
            case ParameterLink(name) if self._has_anchors:
                yield f'<dt id="{escape(name)}"><b>{escape(name)}</b>{self._line(item.term[1:])}</dt>'
            case _:
                yield f"<dt>{self._line(item.term)}</dt>"
        yield "<dd>" + "".join(f"<p>{self._line(line)}</p>" for line in item.body) + "</dd>"

    def _line(self, line: Line) -> str:
        return "".join(map(self._span, line))

    def _span(self, span: Span) -> str:
        match span:
            case Text(text):
                return escape(text)
            case Strong(text):
                return f"<b>{escape(text)}</b>"
            case ParameterLink(name):
                target = self._files.get(_PARAMETERS)
                return self._link(f"{target}#{name}" if target else None, name, "")
            case PageLink(name, section):
                return self._link(self._files.get((name, section)), name, f"({section})")
            case _:
                assert_never(span)

    def _link(self, target: str | None, name: str, suffix: str) -> str:
        shown = f"<b>{escape(name)}</b>{suffix}"
        return f'<a href="{escape(target)}">{shown}</a>' if target else shown
