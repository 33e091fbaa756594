"""Tables that are stale, out of order, or anybody's to change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyfix.commands import tables as commands
from pyfix.commands.check.tables import check_tables
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse
from pyfix.mail.maps.source import map_entries


@pytest.fixture
def table(reachable: Path) -> Path:
    """A table with its index."""
    path = reachable / "virtual"
    path.write_text("a@example.com b\n")
    path.chmod(0o644)
    commands.build(commands.Target("hash", str(path)), map_entries, commands.BuildOptions(), print)
    return path


def told(main_cf: str, master_cf: str = "") -> list[str]:
    text = f"alias_maps =\nalias_database =\n{main_cf}"
    return [
        str(finding) for finding in check_tables(Config.from_text(text), parse(master_cf.splitlines(), "master.cf"))
    ]


def test_table_in_order_is_passed_over(table: Path) -> None:
    """Also as proxy:, and beside one that is no file."""
    assert told(f"virtual_alias_maps = hash:{table}, proxy:hash:{table}, static:x\n") == []


def test_index_older_than_its_source(table: Path) -> None:
    """At once: nobody should have to wait for the word; newaliases is for aliases."""
    later = os.stat(f"{table}.db").st_mtime + 5
    os.utime(table, (later, later))
    older = f"database {table}.db is older than source file {table}"
    assert told(f"virtual_alias_maps = hash:{table}\nalias_maps = hash:{table}\n") == [
        f"warning: /etc/pyfix/main.cf, line 3: virtual_alias_maps: {older}; run postmap hash:{table}",
        f"warning: /etc/pyfix/main.cf, line 4: alias_maps: {older}; run newaliases",
    ]


def test_table_without_an_index_and_of_berkeley_db(table: Path) -> None:
    """With the command that builds it."""
    build = f'build it with "postmap hash:{table}", or newaliases for an alias file'
    Path(f"{table}.db").write_bytes(b"\0" * 12 + (0x00061561).to_bytes(4, "little") + b"\0" * 4080)
    assert told(f"virtual_alias_maps = hash:{table}\n") == [
        f"warning: /etc/pyfix/main.cf, line 3: virtual_alias_maps: open database {table}.db: Berkeley DB file, which"
        f" pyfix does not read; {build}"
    ]
    Path(f"{table}.db").unlink()
    (line,) = told(f"virtual_alias_maps = hash:{table}\n")
    assert line.endswith(f"open database {table}.db: No such file or directory; {build}")


def test_content_that_makes_no_sense_is_told_of_once(table: Path) -> None:
    """With file and line."""
    table.write_text("a@example.com\n")
    assert told(f"virtual_alias_maps = texthash:{table}\n") == [
        f"warning: {table}, line 1: expected format: key whitespace value -- ignoring this line"
    ]


def test_table_that_everybody_may_write(table: Path) -> None:
    """The source, the index, or the directory; an alias file is worse."""
    Path(f"{table}.db").chmod(0o666)
    leads = f"virtual_alias_maps: world-writable: {table}.db: whoever writes there leads mail; chmod o-w {table}.db"
    assert told(f"virtual_alias_maps = hash:{table}\n") == [f"warning: /etc/pyfix/main.cf, line 3: {leads}"]
    Path(f"{table}.db").chmod(0o644)
    table.parent.chmod(0o777)
    where = f"alias_maps: world-writable: {table.parent}: whoever writes there runs commands; chmod o-w {table.parent}"
    assert told(f"alias_maps = hash:{table}\n") == [f"error: /etc/pyfix/main.cf, line 3: {where}"]
    table.parent.chmod(0o1777)
    assert told(f"alias_maps = hash:{table}\n") == []


def test_table_type_that_does_not_exist() -> None:
    """A mistake that keeps processes from starting."""
    (line,) = told("transport_maps = foo:/etc/x\n")
    assert line.startswith("warning: /etc/pyfix/main.cf, line 3: transport_maps: unsupported dictionary type: foo")


def test_table_of_an_option_of_a_service_is_looked_at_too(table: Path) -> None:
    """With the place of the service."""
    Path(f"{table}.db").unlink()
    (line,) = told("", f"cleanup unix n - n - 0 cleanup -o virtual_alias_maps=hash:{table}\n")
    assert line.startswith(f"warning: master.cf: line 1: virtual_alias_maps: open database {table}.db: No such file")
