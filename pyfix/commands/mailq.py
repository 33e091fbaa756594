"""mailq(1): list the mail queue.

    mailq [-c DIR | -C DIR] [-v]

Prints what `postqueue -p` does. -c and -C name the directory of main.cf; without them MAIL_CONFIG does. Other options
are those of sendmail(1), which takes no -c.

Options:

    -c DIR, -C DIR   the directory of main.cf
    -v               accepted, and without effect

See: postqueue(1), sendmail(1), showq(8)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyfix.commands import sendmail


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program: mailq is sendmail -bp."""
    given = sys.argv[1:] if arguments is None else arguments
    sendmail.main(["-bp", *(f"-C{word[2:]}" if word.startswith("-c") else word for word in given)])
