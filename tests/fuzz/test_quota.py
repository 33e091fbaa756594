"""Properties of quotas: any bytes as maildirsize, any tree as Maildir, any order of changes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.mailbox.quota import Ledger, Scope, Usage, counts, size_in_name
from pyfix.mail.mailbox.quota.sizefile import SizeFile, format_change, format_new, parse

NOW = 2_000_000_000.0
pieces = st.sampled_from([b"1000S", b",", b"5C", b"\n", b" ", b"-", b"12", b"0", b"\0", b"9" * 18, b"x", b"1 1\n"])
hostile = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=40).map(b"".join))
sizes = st.integers(0, 10**12)
limits = st.builds(Quota, st.integers(1, 10**12), st.integers(0, 10**6))


@given(hostile)
def test_any_bytes_are_a_sum_or_nothing(data: bytes) -> None:
    """Never another exception, never less than nothing."""
    found = parse(data)
    if found is not None:
        assert found.used.size >= 0
        assert found.used.messages >= 0
        assert found.lines > 0


@given(limits, st.lists(sizes, max_size=100))
def test_what_is_written_is_read(limit: Quota, added: list[int]) -> None:
    """Line by line, up to the length that is counted anew."""
    data = format_new(limit, Usage()) + b"".join(format_change(Usage(size + 1, 1)) for size in added)
    assert parse(data) == SizeFile(limit, Usage(sum(added) + len(added), len(added)), 1 + len(added))


names = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["1.a", "2.b", "3", ".hidden", "T", "x,y"]),
    st.integers(0, 99),
    st.sampled_from(["", ",S=5", ",S=70,W=80", ",S=", ",S=x", ",S=7,S=8"]),
    st.sampled_from(["", ":2,", ":2,S", ":2,ST", ":2,T", ":1,T"]),
)
folders = st.sampled_from(["", ".Sent", ".Trash", ".Bin", "plain", ".Empty"])
kinds = st.sampled_from(["file", "file", "file", "link", "directory", "fifo"])
entries = st.lists(
    st.tuples(folders, st.sampled_from(["new", "cur", "tmp"]), names, kinds, st.integers(0, 50)), max_size=30
)
scopes = st.builds(Scope, st.sampled_from([".Trash", ".Bin"]), st.booleans(), st.booleans())


def build(box: Path, tree: list[tuple[str, str, str, str, int]], scope: Scope) -> Usage:
    """Make the tree; return what of it counts, by rules written down here once more."""
    done: set[Path] = set()
    size = messages = 0
    for folder, place, name, kind, length in tree:
        path = box / folder / place / name
        if path in done:
            continue
        done.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "file":
                path.write_bytes(b"x" * length)
            case "link":
                path.symlink_to("/etc/passwd")
            case "directory":
                path.mkdir()
            case _:
                os.mkfifo(path)
        is_trash = folder == scope.trash_name and not scope.trash_counts
        is_folder = not folder or (folder.startswith(".") and not scope.inbox_only and not is_trash)
        is_flagged = ":2," in name and "T" in name.split(":2,")[1] and not scope.trash_counts
        if kind == "file" and place != "tmp" and is_folder and not is_flagged and not name.startswith("."):
            told = name.split(":")[0].split(",S=")[-1].split(",")[0] if ",S=" in name.split(":")[0] else ""
            size += int(told) if told.isdigit() else length
            messages += 1
    return Usage(size, messages)


@settings(deadline=None)
@given(entries, scopes, st.one_of(st.none(), hostile))
def test_recount_equals_the_model(tree: list[tuple[str, str, str, str, int]], scope: Scope, old: bytes | None) -> None:
    """Whatever lies in the mailbox, and whatever maildirsize said before."""
    with tempfile.TemporaryDirectory() as top:
        box = Path(top) / "box"
        box.mkdir()
        expected = build(box, tree, scope)
        if old is not None:
            (box / "maildirsize").write_bytes(old)
        with Ledger.open(str(box), scope) as ledger:
            assert ledger.recount(Quota(123, 7)) == expected
        with Ledger.open(str(box), scope) as ledger:
            assert ledger.used(Quota(123, 7), NOW) == expected


steps = st.lists(st.one_of(st.integers(1, 300), st.just(-1), st.just(0)), max_size=40)


@settings(deadline=None)
@given(steps)
def test_sum_is_the_count_after_any_changes(changes: list[int]) -> None:
    """Deliveries, deletions (-1) and recounts (0) in any order."""
    limit = Quota(10**6)
    with tempfile.TemporaryDirectory() as top:
        box = Path(top) / "box"
        (box / "new").mkdir(parents=True)
        for number, change in enumerate(changes):
            with Ledger.open(str(box)) as ledger:
                if change > 0:
                    before = ledger.used(limit, NOW, Usage(change, 1))
                    (box / "new" / f"{number}.x,S={change}").touch()
                    ledger.charge(Usage(change, 1))
                elif change == 0:
                    ledger.recount(limit)
                elif found := next((box / "new").iterdir(), None):
                    found.unlink()
                    ledger.note_removed(size_in_name(found.name) or 0, 1)
                summed = ledger.used(limit, NOW)
                assert summed == ledger.recount(limit)
                if change > 0:
                    assert summed == before + Usage(change, 1)


@given(st.text(max_size=60))
def test_any_name_has_an_answer(name: str) -> None:
    """A size is never negative."""
    size = size_in_name(name)
    assert size is None or size >= 0
    assert counts(name) in (True, False)
