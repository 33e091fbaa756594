"""pyfix-manual(1): write the manual, as manual pages and in HTML.

    pyfix manual [--man DIR] [--html DIR]

The manual pages are installed with pyfix, so that man(1) finds them wherever it finds the commands: in share/man beside
bin. This command makes the same pages once more, and in HTML, from the docstrings, the parameters and the options of
the release that runs it. Files that are there are replaced, others are left alone.

    --man DIR    DIR/man1, DIR/man5, DIR/man8: for man -M DIR
    --html DIR   a file a page and DIR/index.html, which need no server

Exit status: 0 when it is written, 1 otherwise.

Example:

    pyfix manual --html /tmp/manual

See: pyfix(1), postconf(5)

Inside: a command and not only a script in the sources, since who has installed pyfix has no sources; scripts/manual
calls it for the pages that are in the repository. The pages are made in pyfix/manual/.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from pyfix.commands import (
    authtest,
    postalias,
    postcat,
    postconf,
    postmap,
    postqueue,
    postsuper,
    pyfix,
    testsaslauthd,
)
from pyfix.mail.config import ParameterSet
from pyfix.manual.book import make_book
from pyfix.manual.options import sorted_commands
from pyfix.master.params import MasterParameters
from pyfix.service.catalog import services


def commands() -> Mapping[str, click.Command]:
    """Return the commands with click options, by the name of their page; sendmail, newaliases and mailq have none."""
    return {
        "authtest": authtest.command,
        "postalias": postalias.command,
        "postcat": postcat.command,
        "postconf": postconf.main,
        "postmap": postmap.command,
        "postqueue": postqueue.command,
        "postsuper": postsuper.command,
        "pyfix": pyfix.main,
        "testsaslauthd": testsaslauthd.command,
        **{f"pyfix-{name}": command for name, command in sorted_commands(pyfix.main).items()},
    }


def parameter_sets() -> Mapping[str, type[ParameterSet]]:
    """Return the parameter set of each process, by the package of its room."""
    rooms = {room: service.parameters for room, service in services().items()}
    return {**rooms, "pyfix.master": MasterParameters}


def write_manual(man: str | None, html: str | None) -> list[str]:
    """Write the pages to one or both directories, and return what to tell the user; raises OSError."""
    book = make_book(commands(), parameter_sets())
    told = []
    if man is not None:
        told.append(_write(man, book.roff_files()))
    if html is not None:
        told.append(_write(html, book.html_files()))
    return told


def _write(directory: str, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        path = Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return f"{directory}: {len(files)} files"
