"""Whatever stands in a table file, and whatever is asked, only the documented errors come out."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyfix.commands import tables
from pyfix.commands.table_target import Target
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import HOST, MatchList, TableError, open_maps
from pyfix.mail.maps.alias_source import alias_entries
from pyfix.mail.maps.source import map_entries

PIECES = st.sampled_from(
    [
        *(
            b"/",
            b"!",
            b"if",
            b"endif",
            b"$1",
            b"${",
            b"$$",
            b"(",
            b")",
            b"[",
            b"]",
            b"[[:alpha:]]",
            b"*",
            b"+",
            b"{1,2}",
        ),
        *(
            b"\\",
            b"|",
            b"^",
            b"$",
            b"i",
            b"x",
            b" ",
            b"\t",
            b"\n",
            b"\n ",
            b"#",
            b'"',
            b":",
            b",",
            b"a",
            b"key",
            b"value",
        ),
        *(b"10.0.0.0/8", b"::1", b"\0", b"\xff", b"\xc3\xa9", b"\r", b"1.2.3.4"),
    ]
)
CONTENT = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join))
KEYS = st.text(max_size=40)
quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", ["texthash", "regexp", "pcre", "cidr"])
@quick
@given(content=CONTENT, key=KEYS)
def test_any_file_gives_values_or_warnings(tmp_path: Path, kind: str, content: bytes, key: str) -> None:
    """A source read into memory."""
    path = tmp_path / "table"
    path.write_bytes(content)
    config = Config.from_text("")
    maps = open_maps([f"{kind}:{path}"], "test_maps", config)
    with contextlib.suppress(TableError):
        value = maps.lookup(key)
        assert value is None or value
    assert all("\n" not in warning for warning in config.warnings)


@pytest.mark.parametrize("reader", [map_entries, alias_entries])
@quick
@given(content=CONTENT, key=KEYS)
def test_any_source_builds_an_index(tmp_path: Path, reader: tables.ReadEntries, content: bytes, key: str) -> None:
    """postmap and postalias; every entry of the source is found in the index."""
    path = tmp_path / "table"
    path.write_bytes(content)
    warnings: list[str] = []
    tables.build(Target("hash", str(path)), reader, tables.BuildOptions(), warnings.append)
    maps = open_maps([f"hash:{path}"], "test_maps", Config.from_text(""))
    maps.lookup(key)
    for stored, value in maps.tables[0].entries():
        assert maps.lookup(stored) == value


@quick
@given(content=st.binary(max_size=20_000))
def test_any_index_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """A .db that is none."""
    (tmp_path / "table.db").write_bytes(content)
    with pytest.raises(TableError):
        open_maps([f"hash:{tmp_path}/table"], "test_maps", Config.from_text("")).lookup("key")


@quick
@given(spec=st.text(max_size=60), key=KEYS)
def test_any_specification_opens_or_is_refused(spec: str, key: str) -> None:
    """What people put behind a parameter."""
    with contextlib.suppress(ConfigError, TableError):
        open_maps(spec, "test_maps", Config.from_text("")).lookup(key)


WORDS = st.lists(
    st.sampled_from(
        ["!", "10.0.0.0/8", "a.b", ".b", "[::1]", "[", "/", "x/", "1.2", ",", " ", "inline:{a=b}", "{", "}"]
    )
)


@quick
@given(value=st.one_of(WORDS.map("".join), st.text(max_size=40)), name=KEYS, address=KEYS)
def test_any_list_matches_or_is_refused(value: str, name: str, address: str) -> None:
    """mynetworks and its like."""
    with contextlib.suppress(ConfigError, TableError):
        MatchList(value, "test_list", Config.from_text(""), HOST).matches(name, address)
