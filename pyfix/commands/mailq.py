"""mailq: list the mail queue, as `postqueue -p` does.

    mailq [-c DIR | -C DIR] [-v]

-c and -C name the directory of main.cf; without them MAIL_CONFIG does. Other options are sendmail's, which takes no -c.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyfix.commands import sendmail


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program: mailq is sendmail -bp."""
    given = sys.argv[1:] if arguments is None else arguments
    sendmail.main(["-bp", *(f"-C{word[2:]}" if word.startswith("-c") else word for word in given)])
