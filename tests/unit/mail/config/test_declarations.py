"""The table of parameters and the code agree: what is declared is used, what is used is declared, no name twice.

Uses are found in the source: attributes, strings that are a name, $name in texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pyfix
from pyfix.daemons.smtp.settings import TWINS
from pyfix.mail.config import Config, ParameterSet, discover
from pyfix.mail.config.parameters import PerTransport
from pyfix.mail.config.unused import references

PACKAGE = Path(pyfix.__file__).parent
HOLDERS = re.compile(r"_?(params|parameters)$")
KINDS = {"String", "Raw", "Integer", "Boolean", "Seconds", "Choice", "SomeOf", "ListOf", "Level", "PerTransport"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of pyfix."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def is_declaration(node: ast.AST) -> bool:
    """Return whether a statement declares a parameter."""
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id=kind))):
            return kind in KINDS
    return False


def code_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree without declarations and docstrings."""
    for child in ast.iter_child_nodes(node):
        if is_declaration(child) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            continue
        yield child
        yield from code_nodes(child)


@pytest.fixture(scope="module")
def used_names() -> set[str]:
    """Every attribute and every string in the code, and what strings and defaults refer to."""
    found: set[str] = set()
    for _, tree in sources():
        for node in code_nodes(tree):
            match node:
                case ast.Attribute(attr=name):
                    found.add(name)
                case ast.Constant(value=str() as text):
                    found |= references(text) | {text}
    for declared in discover.declarations().values():
        found |= references(declared.default)
    return found


def test_every_declared_parameter_is_used(used_names: set[str]) -> None:
    """A parameter that nothing reads would promise what does not happen."""
    idle = sorted(
        f"{name} ({parameter_set.__module__})"
        for parameter_set in discover.parameter_sets()
        for name, declared in parameter_set.declared.items()
        if name in own_names(parameter_set) and not {declared.attribute, name} & used_names
    )
    assert not idle, "declared, but no code reads them:\n  " + "\n  ".join(idle)


def own_names(parameter_set: type[ParameterSet]) -> set[str]:
    """Return the names that a class declares itself, not through its bases."""
    return {declared.name for declared in parameter_set.declared.values() if declared in vars(parameter_set).values()}


def test_every_used_parameter_is_declared() -> None:
    """An attribute of params that no set declares would fail when it is first read."""
    known = {declared.attribute for declared in discover.declarations().values()} | set(vars(ParameterSet))
    unknown: list[str] = []
    for path, tree in sources():
        local = own_attributes(tree)
        for node in ast.walk(tree):
            name = parameter_of(node)
            if name and name not in known | local and not name[0].isupper():
                unknown.append(f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}: {name}")
    assert not unknown, "used as parameters, but not declared:\n  " + "\n  ".join(unknown)


def test_no_process_reads_a_parameter_past_its_declaration() -> None:
    """A text that is asked for by its name is neither checked nor known to belong to that process."""
    past = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path, tree in sources()
        if path.relative_to(PACKAGE).parts[0] in ("daemons", "service", "master")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and is_direct_read(node.func)
    ]
    assert not past, f"read past the declarations: {past}"


def is_direct_read(function: ast.expr) -> bool:
    """Return whether a call asks a Config for one name."""
    match function:
        case ast.Attribute(value=ast.Name(id="config") | ast.Attribute(attr="config"), attr=method):
            return method in ("get", "evaluate", "raw", "default")
    return False


def parameter_of(node: ast.AST) -> str | None:
    """Return the name that an expression reads from something named params."""
    match node:
        case ast.Attribute(value=ast.Name(id=holder) | ast.Attribute(attr=holder), attr=name) if HOLDERS.match(holder):
            return name
    return None


def own_attributes(tree: ast.Module) -> set[str]:
    """Return the methods of the parameter sets of a module, and what protocols of one's own name."""
    return {
        item.target.id
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        else getattr(item, "name", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.AnnAssign | ast.FunctionDef)
    }


def test_no_name_is_declared_twice() -> None:
    """Rooms share a parameter through a common base."""
    assert len(discover.declarations()) > 100


def test_every_parameter_has_a_default_that_is_valid_and_a_line_of_documentation() -> None:
    """Both are printed."""
    config = Config.from_text("")
    for name, declared in discover.declarations().items():
        declared.read(config)
        assert declared.doc.strip() and "\n" not in declared.doc, name


def test_family_of_a_name_has_the_longest_suffix() -> None:
    """_destination_recipient_limit is more than _recipient_limit."""
    family = discover.family_of("smtp_destination_recipient_limit")
    assert isinstance(family, PerTransport) and family.suffix == "_destination_recipient_limit"
    assert discover.default_text("smtp_destination_recipient_limit") == "$default_destination_recipient_limit"
    assert discover.default_text("nosuch") is None


TESTS = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tested_words() -> set[str]:
    """Every word of the tests, this file left out: names of parameters as main.cf, settings and texts have them."""
    found: set[str] = set()
    for path in TESTS.rglob("*"):
        if path.is_file() and path != Path(__file__) and path.suffix in {".py", ".cf", ".txt", "", ".expected"}:
            text = path.read_bytes().decode("latin-1").replace("\\n", "\n").replace("\\r", "\r")
            found |= set(re.findall(r"[A-Za-z0-9_]+", text))
    return found


def is_named(name: str, words: set[str]) -> bool:
    """Return whether the tests name a parameter; a family, or a member of one, may be put together of its parts."""
    if name in words:
        return True
    _, in_family, member = name.partition("_destination_")
    if in_family and member in words:
        return True
    return name.startswith("_") and any(word.endswith(name) for word in words)


def test_every_parameter_is_named_by_a_test(tested_words: set[str]) -> None:
    """What no test so much as names has an effect that nobody would miss. smtp_ and lmtp_ names are tested in pairs."""
    twins = {name for pair in TWINS for name in pair}
    unnamed = [name for name in discover.declarations() if not is_named(name, tested_words) and name not in twins]
    assert not unnamed, "declared, but no test names them:\n  " + "\n  ".join(sorted(unnamed))
