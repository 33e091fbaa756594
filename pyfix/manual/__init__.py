"""The manual: pages made of docstrings, of the table of parameters and of the commands' options.

A module whose docstring opens with `name(section): summary` has a page; nothing else makes one. So a new process, a new
table type and a new command come with their pages, beside the code that they are about. What the page consists of:

    first line     the names of the page, each with its section, and the summary
    indented       the synopsis, when it comes first; else a list, if its lines are `term   text` in two columns, or an
                   example
    paragraphs     the description
    Label: text    another section: see docstring.py for the labels; "See:" ends the page, and what follows "Inside:"
                   is for readers of the code and not in the manual
    parameters     added: what the process reads, or what the text of the page names
    options        added: what click knows about the command

Rooms: page.py is the page as data, roff.py and html.py write it; markup.py and docstring.py read text; sources.py finds
the docstrings, usage.py who reads which parameter; declarations.py and options.py make sections of parameters and of
options; book.py puts all together. Everything but sources.py is pure.

Generated pages are in the repository (man/), and a test holds them fresh: `scripts/manual` writes them. So a build
needs nothing but setuptools, and a distribution, a checkout and a review see the same text. Rejected: writing them
while the package is built. The parameters and options exist only once the code is imported, which takes click and
msgspec, and whoever builds a package wants neither; reading declarations without importing would be a second, weaker
interpreter of our own classes. Rejected, too: pages by hand, which are wrong from the second release on.
"""
