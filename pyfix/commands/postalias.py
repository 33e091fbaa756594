"""postalias: build, change and query alias tables.

As postmap, for sources in aliases(5) format: `name: value, value ...`. A new index also gets the entries that tell
NIS and sendmail when and where it was made. Exit status 0: done, or key found; 1: failure, or no such key. See:
postalias(1).
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfix.base import clock
from pyfix.commands import table_call
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.maps.source import Entry, alias_entries


def _made_by(params: AddressParameters) -> Iterable[Entry]:
    """Return what sendmail puts into each alias table."""
    return (
        Entry("@", "@", 0),
        Entry("YP_LAST_MODIFIED", f"{int(clock.now()):010}", 0),
        Entry("YP_MASTER_NAME", params.myhostname, 0),
    )


PROGRAM = table_call.Program(
    name="postalias",
    usage="postalias [-finNoprsvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    read=alias_entries,
    extra=_made_by,
    separator=":\t",
    refused={"-u": "tables that are not UTF-8"},
)
command = table_call.make_command(PROGRAM)


def main() -> None:
    """Run the program."""
    table_call.run(PROGRAM.name, PROGRAM.usage, command)
