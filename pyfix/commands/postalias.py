"""postalias(1): build, change and query alias tables.

    postalias [type:]file ...
    postalias -q key [type:]file ...
    postalias -d key [type:]file ...
    postalias -s [type:]file ...

Does what postmap(1) does, for sources in the form of aliases(5). A new index also gets the entries that tell NIS and
sendmail when and where it was made. newaliases(1) builds all tables of alias_database.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when it is done, or a key was found; 1 for a failure, or when none was.

See: aliases(5), newaliases(1), postmap(1), lmdb_table(5)
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfix.base import clock
from pyfix.commands import table_call
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.maps.alias_source import alias_entries
from pyfix.mail.maps.source import Entry


def _made_by(params: AddressParameters) -> Iterable[Entry]:
    """Return what sendmail puts into each alias table."""
    return (
        Entry("@", "@", 0),
        Entry("YP_LAST_MODIFIED", f"{int(clock.now()):010}", 0),
        Entry("YP_MASTER_NAME", params.myhostname, 0),
    )


PROGRAM = table_call.Program(
    name="postalias",
    usage="postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    read=alias_entries,
    extra=_made_by,
    separator=":\t",
)
command = PROGRAM.command


def main() -> None:
    """Run the program."""
    table_call.run(PROGRAM.name, PROGRAM.usage, command)
