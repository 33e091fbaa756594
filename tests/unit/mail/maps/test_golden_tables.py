"""Every broken table in tests/golden/tables gives exactly the messages that stand beside it.

NAME.TYPE is the source of a table; NAME.TYPE.messages what is said about it, with FILE for its path.
`specifications` holds type:name texts that are refused, `specifications.messages` the reasons, line by line.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.commands import tables
from pyfix.mail.config import ConfigError
from pyfix.mail.maps.registry import Opening, open_table
from pyfix.mail.maps.source import alias_entries, map_entries

GOLDEN = Path(__file__).parents[3] / "golden" / "tables"
SOURCES = sorted(path.name for path in GOLDEN.iterdir() if path.suffix not in ("", ".messages"))


def messages_about(path: Path) -> list[str]:
    """Open or build the table and return the warnings."""
    warnings: list[str] = []
    kind = path.suffix[1:]
    if kind == "alias":
        tables.build(tables.Target("hash", str(path)), alias_entries, tables.BuildOptions(), warnings.append)
    elif kind == "hash":
        tables.build(
            tables.Target("hash", str(path)),
            lambda lines, name, warn: map_entries(lines, name, warn, lenient=False),
            tables.BuildOptions(),
            warnings.append,
        )
    else:
        open_table(f"{kind}:{path}", Opening(warnings.append))
    return [warning.replace(str(path), "FILE") for warning in warnings]


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
        reasons.append(str(caught.value))
    assert reasons == (GOLDEN / "specifications.messages").read_text().splitlines()


def test_there_are_thirty_broken_tables() -> None:
    """The folder is found and full."""
    assert len(SOURCES) >= 30
