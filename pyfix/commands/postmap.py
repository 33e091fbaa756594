"""postmap(1): build, change and query lookup tables.

    postmap [type:]file ...
    postmap -q key [type:]file ...
    postmap -d key [type:]file ...
    postmap -s [type:]file ...

In this order: builds the index of each file; prints the value in the first table that has the key; removes a key;
prints all keys and values. The key - stands for the lines of standard input. Without a type it is
default_database_type.

An index is built beside the old one and renamed over it, while readers go on with the old one. It keeps the rights of
the old one; a new one belongs to the owner of its source and is read by those who may read that. Root makes it with the
rights of the owner of its source. Types with an index can be built: hash, btree, lmdb and cdb; keys can be added to and
removed from the first three.

With -h, -b or both, standard input is a message: each header is a key, with its continuation lines, or each line of the
body. With -m the headers of parts and of messages inside are headers, too, as header_checks and body_checks have them.
Keys may then be of any bytes, unless -U says that they are UTF-8.

With -F, a source or table names files in the place of values, separated by commas or white space. The value is their
content; an index holds it in BASE64.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when it is done, or a key was found; 1 for a failure, or when none was.

Failures: a line that makes no sense is skipped with a warning that names file and line.

Example:

    postmap /etc/pyfix/virtual
    postmap -q joe@example.com hash:/etc/pyfix/virtual
    postmap -q 192.0.2.1 cidr:/etc/pyfix/clients.cidr
    postmap -bmq - regexp:/etc/pyfix/body_checks < message

See: lookup_tables(5), texthash_table(5), lmdb_table(5), postalias(1)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyfix.commands import table_call
from pyfix.commands.table_options import POSTMAP_OPTIONS
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.maps.source import Entry, LogicalLine, map_entries
from pyfix.mail.maps.table import Warn


def _read(lines: Iterable[LogicalLine], path: str, warn: Warn) -> Iterator[Entry]:
    return map_entries(lines, path, warn, lenient=False)


def _no_extra(params: AddressParameters) -> Iterable[Entry]:
    return ()


PROGRAM = table_call.Program(
    name="postmap",
    usage="postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    read=_read,
    extra=_no_extra,
    separator="\t",
    options=POSTMAP_OPTIONS,
)
command = PROGRAM.command


def main() -> None:
    """Run the program."""
    table_call.run(PROGRAM.name, PROGRAM.usage, command)
