"""A table as postmap and postalias are given it, and what can be done to it.

An index can be built, hash, btree and lmdb also changed. All others say no, in Postfix's words: most know only
readers; some are asked and answer that they can't.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.mail.maps.registry import INDEX_SUFFIX, TYPES, unsupported

_DENY_REMOVAL: Final = frozenset({"static", "environ", "memcache", "redis"})
"""Types that could be opened to be changed, and then cannot be."""
_EMPTY: Final = frozenset({"internal"})
_ONCE: Final = "inappropriate open flags for cdb database - specify O_RDONLY or O_WRONLY|O_CREAT|O_TRUNC"


class TableCommandError(Exception):
    """The command failed; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    """A table as given on the command line."""

    kind: str
    path: str

    @classmethod
    def parse(cls, text: str, default_kind: str) -> Target:
        """Split type:name; a name alone gets the default type."""
        kind, colon, path = text.partition(":")
        return cls(kind, path) if colon else cls(default_kind, text)

    @property
    def spec(self) -> str:
        """Return type:name."""
        return f"{self.kind}:{self.path}"

    @property
    def index(self) -> str:
        """Return the path of the index, for types that have one."""
        return self.path + INDEX_SUFFIX[self.kind]

    @property
    def shown(self) -> str:
        """Return the name of the index in warnings about entries."""
        match self.kind:
            case "lmdb":
                return self.spec
            case "cdb":
                return self.path
            case _:
                return self.index

    def blamed(self, path: str) -> str:
        """Return the file that is meant when a file could not be written: the index where it is its scratch file."""
        return self.index if self.kind in INDEX_SUFFIX and path.startswith(f"{self.index}.new.") else path

    def refuse_build(self) -> None:
        """Raise TableCommandError for types without an index."""
        if self.kind in INDEX_SUFFIX:
            return
        if self.kind == "fail":
            raise TableCommandError(f"table {self.spec}: write error: Application error")
        if self.kind not in TYPES:
            raise TableCommandError(unsupported(self.kind))
        raise TableCommandError(
            f"unsupported dictionary type: {self.kind} does not support bulk-mode creation. "
            f"Specify one of: {' '.join(sorted(INDEX_SUFFIX))}"
        )

    def refuse_addition(self) -> None:
        """Raise TableCommandError for types to which no entry can be added."""
        self.refuse_build()
        self._refuse_cdb()

    def refuse_removal(self) -> bool:
        """Raise TableCommandError for types from which no key can be removed; return False where there is none."""
        if self.kind not in INDEX_SUFFIX and self.kind not in TYPES:
            raise TableCommandError(unsupported(self.kind))
        self._refuse_cdb()
        if self.kind == "fail":
            raise TableCommandError(f"table {self.spec}: delete error: Application error")
        if self.kind in _DENY_REMOVAL:
            raise TableCommandError(f"table {self.spec}: delete operation is not supported")
        if self.kind not in INDEX_SUFFIX and self.kind not in _EMPTY:
            raise TableCommandError(f"{self.spec} map requires O_RDONLY access mode")
        return self.kind in INDEX_SUFFIX

    def _refuse_cdb(self) -> None:
        if self.kind == "cdb":
            raise TableCommandError(f'dict_cdb_open: {_ONCE}; build it anew with "postmap {self.spec}"')
