"""Lookup tables: type:name, one interface for all.

`open_maps` opens the tables of a parameter, `MatchList` a list of hosts, networks or domains. A key or a pattern that
is found gives its value; TableError is the temporary failure that every caller must turn into "try again later".

One file a type: static, inline, unix, combined (unionmap, pipemap), pattern_file (regexp, pcre), cidr, indexed (hash,
btree, lmdb); `texthash` is source text in memory. source.py reads what people write, index_file.py is the index that
postmap builds of it.
"""

from pyfix.mail.maps.address_lookup import (
    ACCESS,
    ALIAS,
    MAPPING,
    TRANSPORT,
    AddressMatch,
    Strategy,
    lookup_domain,
    lookup_network,
)
from pyfix.mail.maps.maps import Found, Maps, open_maps
from pyfix.mail.maps.match_list import ADDRESS, DOMAIN, HOST, STRING, Kind, MatchList
from pyfix.mail.maps.table import Table, TableError

__all__ = [
    "ACCESS",
    "ADDRESS",
    "ALIAS",
    "DOMAIN",
    "HOST",
    "MAPPING",
    "STRING",
    "TRANSPORT",
    "AddressMatch",
    "Found",
    "Kind",
    "Maps",
    "MatchList",
    "Strategy",
    "Table",
    "TableError",
    "lookup_domain",
    "lookup_network",
    "open_maps",
]
