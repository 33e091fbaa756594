"""Indexes of tables for tests, made as postmap makes them."""

from __future__ import annotations

from collections.abc import Iterable

from pyfix.mail.maps.index_writer import IndexWriter


def build_index(path: str, entries: Iterable[tuple[str, str]], *, null: bool | None = None) -> None:
    """Make an index of these entries; a key that comes again keeps its first value."""
    with IndexWriter(path, keep=False, null=null) as writer:
        for key, value in entries:
            writer.add(key, value)
        writer.commit()
