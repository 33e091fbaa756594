"""Tables with a file of settings: the file itself, and the packages that some types need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyfix.base.log import MemoryLog
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import TableError, open_maps

KINDS = ["ldap", "memcache", "mysql", "pgsql", "redis", "sqlite"]
EXTRAS = {"ldap": ("ldap3", ("ldap", "ldap_session")), "pgsql": ("psycopg", ("pgsql", "libpq"))}


def problem_with(spec: str) -> str:
    """Return why a table can't be asked, after it could be opened."""
    maps = open_maps([spec], "test_maps", Config.from_text(""))
    with pytest.raises(TableError) as caught:
        maps.lookup("key")
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_file_that_cannot_be_read_is_a_temporary_error(kind: str, tmp_path: Path) -> None:
    """It is missing, or a directory."""
    missing = f"{kind}:{tmp_path}/missing.cf"
    assert problem_with(missing) == f"{missing} is unavailable. open {tmp_path}/missing.cf: No such file or directory"
    assert problem_with(f"{kind}:{tmp_path}") == f"{kind}:{tmp_path} is unavailable. read {tmp_path}: Is a directory"


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root, who may read everything, is somebody else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.parametrize("kind", KINDS)
def test_file_of_somebody_else_is_a_temporary_error(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A process without the rights opens it."""
    path = tmp_path / "t.cf"
    path.touch(0)
    problem_with(f"{kind}:{tmp_path}/missing.cf")  # loads the type, which nobody may have no right to
    request.getfixturevalue("nobody")
    assert problem_with(f"{kind}:{path}") == f"{kind}:{path} is unavailable. open {path}: Permission denied"


@pytest.mark.parametrize("kind", KINDS)
def test_line_that_is_none_is_refused(kind: str, tmp_path: Path) -> None:
    """With its number, before any setting is looked at."""
    (tmp_path / "t.cf").write_text("# settings\nno setting\n")
    with pytest.raises(ConfigError, match=rf'{tmp_path}/t.cf, line 2: .*"no setting"'):
        open_maps([f"{kind}:{tmp_path}/t.cf"], "test_maps", Config.from_text(""))


@pytest.mark.parametrize("kind", KINDS)
def test_settings_may_be_in_main_cf(kind: str) -> None:
    """Behind a prefix; errors name the line there."""
    config = Config.from_text("x_search_base = dc=test\nx_key_format = %z\nx_query = %z\nx_query_filter = %z\n")
    config.log = MemoryLog()
    with pytest.raises(ConfigError, match=r'line [234]: (key_format|query|query_filter): invalid template ".*%z'):
        open_maps([f"{kind}:x"], "test_maps", config)


@pytest.mark.parametrize("kind", EXTRAS)
def test_missing_package_is_named(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the command that installs it, in one line."""
    package, modules = EXTRAS[kind]
    monkeypatch.setitem(sys.modules, package, None)
    for module in modules:
        monkeypatch.delitem(sys.modules, f"pyfix.mail.maps.{module}", raising=False)
    with pytest.raises(ConfigError, match=rf"the Python package {package}.*: pip install 'pyfix\[{kind}\]'$") as caught:
        open_maps([f"{kind}:{tmp_path}/t.cf"], "test_maps", Config.from_text(""))
    assert "\n" not in str(caught.value)
