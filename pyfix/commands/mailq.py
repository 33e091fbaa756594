"""mailq: list the mail queue, as `postqueue -p` does; `-C DIR` names the directory of main.cf."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyfix.commands import sendmail


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program: mailq is sendmail -bp."""
    sendmail.main(["-bp", *(sys.argv[1:] if arguments is None else arguments)])
