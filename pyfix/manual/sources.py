"""Read the sources of pyfix: the docstrings that are pages, and what each module imports and mentions.

The text of the modules is read, nothing is imported: what a docstring says needs no library, and the insides of the
processes are nobody else's to import.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyfix
from pyfix.manual.docstring import HEAD


@dataclass(frozen=True, slots=True)
class Module:
    """What the manual needs to know of a module."""

    docstring: str
    imports: frozenset[str]
    """Modules of pyfix, and names in them."""
    words: frozenset[str]
    """Attributes and strings in the code."""

    @property
    def has_page(self) -> bool:
        """Whether the docstring is a manual page."""
        return HEAD.match(self.docstring) is not None


@cache
def read_modules() -> Mapping[str, Module]:
    """Return all modules of pyfix by name, sorted."""
    root = Path(pyfix.__path__[0])
    found = {_module_name(path.relative_to(root)): parse_module(path.read_bytes()) for path in root.rglob("*.py")}
    return dict(sorted(found.items()))


def _module_name(path: Path) -> str:
    parts = ("pyfix", *path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parse_module(source: bytes) -> Module:
    """Return what a source text says."""
    tree = ast.parse(source)
    imports: set[str] = set()
    words: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str() as module, names=names):
                imports |= {module, *(f"{module}.{name.name}" for name in names)}
            case ast.Import(names=names):
                imports |= {name.name for name in names}
            case ast.Attribute(attr=word) | ast.Constant(value=str() as word):
                words.add(word)
    return Module(ast.get_docstring(tree) or "", frozenset(imports), frozenset(words))
