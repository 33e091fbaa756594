"""Change one entry of an index, as proxywrite does for others.

The index is copied, changed and put in the place of the old one, so that readers see one or the other; two writers at
once wait for each other.
"""

from __future__ import annotations

import os
from typing import Final

from pyfix.mail.maps.index_file import NotAnIndex
from pyfix.mail.maps.index_writer import IndexWriter
from pyfix.mail.maps.table import TableError, encode_key

_SUFFIXES: Final = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb"}


def change_index(spec: str, key: str, value: str | None, *, fold: bool) -> bool:
    """Store a value, or with None take the key out; return False when it was not there. Raises TableError.

    A table that is not there yet is made for its first value.
    """
    kind, _, name = spec.partition(":")
    key = key.casefold() if fold else key
    if kind not in _SUFFIXES:
        raise TableError(f"table {spec}: {'delete' if value is None else 'update'} operation is not supported")
    path = name + _SUFFIXES[kind]
    if encode_key(key) is None or (value is not None and encode_key(value) is None):
        raise TableError(f"table {spec}: key or value is not UTF-8 text")
    try:
        is_there = os.path.exists(path)
        if not is_there and value is None:
            return False
        with IndexWriter(path, keep=is_there) as writer:
            changed = writer.remove(key) if value is None else writer.add(key, value, replace=True)
            if changed:
                writer.commit()
        return changed
    except OSError as error:
        raise TableError(f"table {spec}: change {path}: {error.strerror}") from error
    except NotAnIndex as error:
        raise TableError(f"table {spec}: {error}") from error
