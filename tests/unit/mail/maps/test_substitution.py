"""Results with $1 where text of strangers must not become a command, a path or a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
def test_rules_with_substitution_are_skipped_where_it_is_not_allowed(tmp_path: Path, kind: str) -> None:
    """In alias_maps a stranger's local part would reach a shell; the other rules of the table work."""
    table = tmp_path / "table"
    table.write_text("/^x-(.*)$/ |run $1\n/^y-(.*)$/ $$1\n/^x/ else\n")
    config = Config.from_text("")
    maps = open_maps([f"{kind}:{table}"], "alias_maps", config, substitution=False)
    assert config.warnings == [
        f"{kind} map {table}, line 1: regular expression substitution is not allowed: skipping this rule"
    ]
    assert [maps.lookup(key) for key in ("x-rm", "y-a")] == ["else", "$1"]
