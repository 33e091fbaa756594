"""Pages as HTML. The properties over all texts are in tests/fuzz/test_manual.py."""

from __future__ import annotations

from pyfix.manual.html import files_of, render, render_index
from pyfix.manual.page import (
    Definition,
    Definitions,
    Heading,
    Page,
    PageLink,
    Paragraph,
    ParameterLink,
    Section,
    Strong,
    Text,
    Verbatim,
)

POSTCONF = Page(
    ("postconf",), 5, "parameters",
    (Section("P", (Definitions((Definition((ParameterLink("mail_owner"), Text(" (x)")), ((Text("t"),),)),)),)),),
)  # fmt: skip
LMDB = Page(("lmdb_table", "hash_table"), 5, "tables <of> all sizes", ())
PAGES = (LMDB, POSTCONF)


def written(*blocks: object) -> str:
    """Return a page of some blocks, in a manual with PAGES."""
    page = Page(("one",), 8, "do it", (Section("DESCRIPTION", blocks),))  # type: ignore[arg-type]
    return render(page, files_of((*PAGES, page)), "pyfix 1.0")


def test_names_of_pages_are_links_where_there_is_a_page() -> None:
    """Under any name of the page; poll(2) is not ours."""
    text = written(Paragraph((PageLink("hash_table", 5), Text(" & "), PageLink("poll", 2))))
    assert '<p><a href="lmdb_table.5.html"><b>hash_table</b>(5)</a> &amp; <b>poll</b>(2)</p>' in text


def test_parameters_lead_to_their_place_in_postconf() -> None:
    """Which has an anchor for each."""
    assert '<a href="postconf.5.html#mail_owner"><b>mail_owner</b></a>' in written(
        Paragraph((ParameterLink("mail_owner"),))
    )
    text = render(POSTCONF, files_of(PAGES), "pyfix 1.0")
    assert '<dt id="mail_owner"><b>mail_owner</b> (x)</dt>' in text


def test_blocks() -> None:
    """Each in its own element, escaped."""
    text = written(
        Verbatim(("a <b>", "  c")), Heading("More"), Definitions((Definition((Strong("-v"),), ((Text("x"),),)),))
    )
    assert "<pre>a &lt;b&gt;\n  c</pre>" in text
    assert "<h3>More</h3>" in text
    assert "<dt><b>-v</b></dt>\n<dd><p>x</p></dd>" in text


def test_index_lists_every_page() -> None:
    """With all names and the summary."""
    text = render_index(PAGES, "pyfix 1.0")
    assert '<a href="lmdb_table.5.html">lmdb_table, hash_table(5)</a>' in text
    assert "<dd>tables &lt;of&gt; all sizes</dd>" in text
    assert '<a href="postconf.5.html">' in text
