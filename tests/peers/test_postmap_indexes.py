"""Tables with an index: the same source gives the same answers, and each postmap reads what the other has built."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from postmap_pair import Postmaps, some_source

pytestmark = pytest.mark.peer("postmap")
COUNT = 2000


@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb", "cdb", "texthash"])
def test_same_source_gives_the_same_answers(kind: str, postmaps: Postmaps, tmp_path: Path) -> None:
    """Thousands of keys, those in the table and others, after both have built their own index."""
    source, keys = some_source(random.Random(f"same {kind}"), COUNT)
    for name in ("theirs", "ours"):
        (tmp_path / name).write_text(source)
    if kind != "texthash":
        assert postmaps.theirs(f"{kind}:{tmp_path}/theirs").returncode == 0
        assert postmaps.ours(f"{kind}:{tmp_path}/ours").returncode == 0
    assert postmaps.assert_same_answers(f"{kind}:{tmp_path}/theirs", keys, f"{kind}:{tmp_path}/ours") >= COUNT


@pytest.mark.parametrize("options", [[], ["-N"], ["-f"], ["-r"]])
@pytest.mark.parametrize("kind", ["lmdb", "cdb"])
def test_index_that_postfix_has_built_is_read(
    kind: str, options: list[str], postmaps: Postmaps, tmp_path: Path
) -> None:
    """With NUL at the end of keys and without."""
    source, keys = some_source(random.Random(f"theirs {kind} {options}"), COUNT)
    (tmp_path / "t").write_text(source)
    assert postmaps.theirs(*options, f"{kind}:{tmp_path}/t").returncode == 0
    assert postmaps.assert_same_answers(f"{kind}:{tmp_path}/t", keys) > 0


@pytest.mark.parametrize("options", [[], ["-f"], ["-r"]])
@pytest.mark.parametrize("kind", ["lmdb", "cdb"])
def test_index_that_we_have_built_is_read_by_postfix(
    kind: str, options: list[str], postmaps: Postmaps, tmp_path: Path
) -> None:
    """Whoever goes back to Postfix need not build the tables anew."""
    source, keys = some_source(random.Random(f"ours {kind} {options}"), COUNT)
    (tmp_path / "t").write_text(source)
    assert postmaps.ours(*options, f"{kind}:{tmp_path}/t").returncode == 0
    assert postmaps.assert_same_answers(f"{kind}:{tmp_path}/t", keys) > 0
