"""postmap: build, change and query lookup tables.

    postmap [type:]file ...               build the index of each file
    postmap -q key [type:]file ...        print the value in the first table that has the key
    postmap -d key [type:]file ...        remove a key
    postmap -s [type:]file ...            print all keys and values

The key `-` stands for the lines of standard input. Without a type it is default_database_type. Exit status 0: done,
or key found; 1: failure, or no such key. See: postmap(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyfix.commands import table_call
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.maps.source import Entry, LogicalLine, map_entries
from pyfix.mail.maps.table import Warn


def _read(lines: Iterable[LogicalLine], path: str, warn: Warn) -> Iterator[Entry]:
    return map_entries(lines, path, warn, lenient=False)


def _no_extra(params: AddressParameters) -> Iterable[Entry]:
    return ()


PROGRAM = table_call.Program(
    name="postmap",
    usage="postmap [-finNoprsvw] [-c config_dir] [-d key] [-q key] [map_type:]file...",
    read=_read,
    extra=_no_extra,
    separator="\t",
    refused={
        "-b": "message body lookups",
        "-F": "values from files",
        "-h": "message header lookups",
        "-m": "MIME header lookups",
        "-u": "tables that are not UTF-8",
        "-U": "forced UTF-8",
    },
)
command = table_call.make_command(PROGRAM)


def main() -> None:
    """Run the program."""
    table_call.run(PROGRAM.name, PROGRAM.usage, command)
