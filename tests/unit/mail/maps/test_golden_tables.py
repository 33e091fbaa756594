"""Every broken table in tests/golden/tables gives exactly the messages that stand beside it.

NAME.TYPE is the source of a table, or its index where TYPE is how an index is called; NAME.TYPE.messages is what is
said when it is opened and when KEY is looked up, with FILE for its path and NAME for that without TYPE.
`specifications` holds type:name texts that are refused, `specifications.messages` the reasons, line by line.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.commands import tables
from pyfix.commands.table_target import Target
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.alias_source import alias_entries
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import INDEX_SUFFIX, TYPES, open_table
from pyfix.mail.maps.source import map_entries
from pyfix.mail.maps.table import TableError

GOLDEN = Path(__file__).parents[3] / "golden" / "tables"
KEY = "key@example.com"
INDEXES = {suffix[1:]: kind for kind, suffix in reversed(INDEX_SUFFIX.items())}
"""Of each suffix of an index: the type that has it."""
ALL_TYPES = " ".join(TYPES)
SOURCES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix not in ("", ".messages"))


def trouble_with(spec: str, warnings: list[str]) -> Iterator[str]:
    """Open a table and look KEY up; yield why the one or the other is not possible."""
    try:
        open_table(spec, Opening(warnings.append)).lookup(KEY)
    except (ConfigError, TableError) as problem:
        yield str(problem)


def messages_about(path: Path) -> list[str]:
    """Open or build the table and return the warnings."""
    warnings: list[str] = []
    kind = path.suffix[1:]
    if kind == "alias":
        tables.build(Target("hash", str(path)), alias_entries, tables.BuildOptions(), warnings.append)
    elif kind == "hash":
        tables.build(
            Target("hash", str(path)),
            lambda lines, name, warn: map_entries(lines, name, warn, lenient=False),
            tables.BuildOptions(),
            warnings.append,
        )
    else:
        spec = f"{INDEXES[kind]}:{path.with_suffix('')}" if kind in INDEXES else f"{kind}:{path}"
        warnings += trouble_with(spec, warnings)
    for long, short in ((str(path), "FILE"), (str(path.with_suffix("")), "NAME"), (ALL_TYPES, "TYPES")):
        warnings = [warning.replace(long, short) for warning in warnings]
    return warnings


@pytest.mark.parametrize("name", SOURCES)
def test_broken_table_gives_its_message(name: str, tmp_path: Path) -> None:
    """The messages are exactly those on record."""
    source = tmp_path / name
    source.write_bytes((GOLDEN / name).read_bytes())
    assert messages_about(source) == (GOLDEN / f"{name}.messages").read_text().splitlines()


def test_refused_specifications_give_their_messages() -> None:
    """A type:name that is wrong is a ConfigError with the reason on record."""
    reasons = []
    for spec in (GOLDEN / "specifications").read_text().splitlines():
        with pytest.raises(ConfigError) as caught:
            open_table(spec, Opening(lambda text: None))
        reasons.append(str(caught.value).replace(ALL_TYPES, "TYPES"))
    assert reasons == (GOLDEN / "specifications.messages").read_text().splitlines()


def test_there_are_many_broken_tables() -> None:
    """The folder is found and full."""
    assert len(SOURCES) >= 250


FILE_TYPES = ["cidr", "ldap", "memcache", "mysql", "pcre", "pgsql", "redis", "regexp", "sqlite", "texthash"]


def unavailable(spec: str) -> str:
    """Return the reason why a table can't be asked."""
    (message,) = trouble_with(spec, [])
    return message.removeprefix(f"{spec} is unavailable. ")


@pytest.mark.parametrize("kind", FILE_TYPES)
def test_file_of_a_table_that_is_a_directory_or_missing_is_named(kind: str, tmp_path: Path) -> None:
    """With the system's words; the table is there as soon as the file is."""
    (tmp_path / "t").mkdir()
    verb = "open database" if kind == "texthash" else "open"
    assert unavailable(f"{kind}:{tmp_path}/t") == f"read {tmp_path}/t: Is a directory"
    assert unavailable(f"{kind}:{tmp_path}/no") == f"{verb} {tmp_path}/no: No such file or directory"


@pytest.mark.parametrize("kind", sorted(INDEX_SUFFIX))
def test_index_that_is_a_directory_or_missing_is_named(kind: str, tmp_path: Path) -> None:
    """With the command that builds it."""
    suffix = INDEX_SUFFIX[kind]
    (tmp_path / f"t{suffix}").mkdir()
    for name, reason in (("t", "Is a directory"), ("no", "No such file or directory")):
        remedy = f'build it with "postmap {kind}:{tmp_path}/{name}", or newaliases for an alias file'
        message = f"open database {tmp_path}/{name}{suffix}: {reason}; {remedy}"
        assert unavailable(f"{kind}:{tmp_path}/{name}") == message


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A directory in which this process may search, and read nothing."""
    directory = Path(tempfile.mkdtemp(prefix="pyfix-tables-"))
    directory.chmod(0o755)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield directory
    if was_root:
        os.seteuid(0)
    shutil.rmtree(directory)


@pytest.mark.parametrize("kind", [*FILE_TYPES, *sorted(INDEX_SUFFIX)])
def test_file_that_may_not_be_read_is_named(kind: str, foreign: Path) -> None:
    """Permission denied, and by which file."""
    user = os.geteuid()
    path = foreign / f"t{INDEX_SUFFIX.get(kind, '')}"
    os.seteuid(os.getuid())
    path.write_text("key value\n")
    path.chmod(0)
    os.seteuid(user)
    assert f" {path}: Permission denied" in unavailable(f"{kind}:{foreign}/t")


@pytest.mark.parametrize("kind", ["texthash", "regexp", "pcre", "cidr", "hash", "alias", "mysql"])
def test_line_of_ten_megabytes_gives_a_short_message(kind: str, tmp_path: Path) -> None:
    """That names file and line; what is shown of it is cut."""
    (tmp_path / f"t.{kind}").write_text("x" * 10_000_000 + "\n")
    (message,) = messages_about(tmp_path / f"t.{kind}")
    assert re.search(r"FILE, line 1: ", message)
    assert len(message) < 300
