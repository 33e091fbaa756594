"""Tables with an index: the same source gives the same answers, and each postmap reads what the other has built."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb", "cdb"])
def test_index_older_than_its_source_gives_the_warning_of_postfix(kind: str, postmaps: Postmaps) -> None:
    """When it is asked, listed or changed; the program goes on."""
    messages = []
    for directory, run in ((postmaps.postfix_directory, postmaps.theirs), (postmaps.directory, postmaps.ours)):
        table = directory / "t"
        table.write_text("a b\n")
        spec = f"{kind}:{table}"
        assert run(spec).returncode == 0
        (index,) = directory.glob("t.*")
        os.utime(index, (1000, 1000))
        os.utime(table, (2000, 2000))
        done = [run("-q", "a", spec), run("-s", spec)]
        done += [run("-d", "none", spec)] if kind != "cdb" else []
        said = [
            "".join(line for line in call.stderr.splitlines(keepends=True) if "sequence operation" not in line)
            for call in done
        ]
        messages.append([text.replace(str(directory), "DIR") for text in said])
        assert done[0].stdout == "b\n"
    theirs, ours = messages
    assert ours == theirs
    assert all("is older than source file DIR/t" in text for text in ours)


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_berkeley_db_of_postfix_is_refused_with_the_remedy(kind: str, postmaps: Postmaps, tmp_path: Path) -> None:
    """Asked, listed, changed; the command in the message mends it."""
    (tmp_path / "t").write_text("a b\n")
    spec = f"{kind}:{tmp_path}/t"
    assert postmaps.theirs(spec).returncode == 0
    told = f"postmap: fatal: open database {tmp_path}/t.db: Berkeley DB file, which pyfix does not read"
    for options, stdin in ((("-q", "a"), ""), (("-s",), ""), (("-d", "a"), ""), (("-i",), "c d\n")):
        done = postmaps.ours(*options, spec, stdin=stdin)
        assert done.returncode == 1
        assert done.stderr.startswith(told)
        assert f'"postmap {spec}"' in done.stderr
    assert postmaps.ours(spec).returncode == 0
    assert postmaps.ours("-q", "a", spec).stdout == "b\n"
