"""Each table type gives the values that its manual page promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lmdb
import pytest
from indexes import build_index

from pyfix.base import accounts
from pyfix.commands.table_target import Target
from pyfix.commands.tables import BuildOptions, build
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.source import map_entries


def maps(value: str, *, fold: bool = True) -> Maps:
    """Open the tables of a parameter called test_maps."""
    return open_maps(value, "test_maps", Config.from_text(""), fold=fold)


def test_static_gives_one_value_for_every_key() -> None:
    """static:value, and static:{...} for a value with blanks."""
    assert maps("static:u1/Maildir/").lookup("anything") == "u1/Maildir/"
    assert maps("static:{550 5.1.1 no, sorry}").lookup("x") == "550 5.1.1 no, sorry"


def test_inline_takes_pairs_and_groups() -> None:
    """Both forms of an entry; keys fold, the last value of a key counts."""
    table = maps("inline:{ a=1, { b = two words, and more }, C=3, c=4 }")
    assert [table.lookup(key) for key in ("a", "b", "c", "C", "d")] == ["1", "two words, and more", "4", "4", None]


def test_texthash_folds_keys_unless_told_otherwise(tmp_path: Path) -> None:
    """Lower case is the rule, fold=False the exception."""
    (tmp_path / "t").write_text("Key value\n")
    assert maps(f"texthash:{tmp_path}/t").lookup("KEY") == "value"
    assert maps(f"texthash:{tmp_path}/t", fold=False).lookup("key") is None


def test_first_table_that_has_the_key_decides() -> None:
    """Later tables are asked only when earlier ones have nothing."""
    assert maps("inline:{a=1} inline:{a=2, b=3}").lookup("a") == "1"
    assert maps("inline:{a=1} inline:{a=2, b=3}").lookup("b") == "3"


def test_unionmap_joins_and_pipemap_chains() -> None:
    """Tables made of tables."""
    assert maps("unionmap:{static:one, inline:{a=two}}").lookup("a") == "one,two"
    assert maps("unionmap:{inline:{a=two}}").lookup("b") is None
    assert maps("pipemap:{inline:{a=b}, inline:{b=c}}").lookup("a") == "c"
    assert maps("pipemap:{inline:{a=b}, inline:{x=c}}").lookup("a") is None


def test_fail_is_temporary() -> None:
    """fail: is there to see what a table out of order does."""
    with pytest.raises(TableError):
        maps("fail:now").lookup("a")


def test_unix_passwd_knows_root() -> None:
    """unix: asks the system; the value is a passwd line."""
    line = maps("unix:passwd.byname").lookup("ROOT")
    assert line is not None
    assert line.startswith("root:")
    assert maps("unix:passwd.byname").lookup("no-such-user-here") is None
    assert (maps("unix:group.byname").lookup("root") or "").split(":")[2] == "0"


@pytest.mark.parametrize("table", ["passwd", "group"])
def test_unix_accounts_that_nobody_can_tell_about(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """A directory server that is down is a temporary failure, and may take its time: no reply waits for it."""

    def ask_in_vain(name: str) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(accounts, "find_user", ask_in_vain)
    monkeypatch.setattr(accounts, "find_group", ask_in_vain)
    opened = maps(f"unix:{table}.byname")
    assert opened.blocking
    with pytest.raises(TableError, match="Connection refused"):
        opened.lookup("alice")


def test_missing_file_fails_at_lookup_and_not_at_open(tmp_path: Path) -> None:
    """A server starts without its table and says at each lookup what is wrong."""
    table = maps(f"hash:{tmp_path}/aliases")
    with pytest.raises(TableError) as caught:
        table.lookup("root")
    index = f"{tmp_path}/aliases"
    assert str(caught.value) == (
        f"hash:{index} is unavailable. open database {index}.db: No such file or directory; "
        f'build it with "postmap hash:{index}", or newaliases for an alias file'
    )


def test_missing_table_counts_as_changed_once_it_is_there(tmp_path: Path) -> None:
    """The worker that could not open it gives way to one that can."""
    table = maps(f"texthash:{tmp_path}/t")
    assert not table.has_changed()
    (tmp_path / "t").write_text("a b\n")
    assert table.has_changed()


def test_empty_result_is_an_error_of_the_table() -> None:
    """An empty value must not pass for an answer."""
    with pytest.raises(TableError, match="returns an empty string result"):
        maps("inline:{a=}").lookup("a")


def test_index_is_found_with_and_without_nul(tmp_path: Path) -> None:
    """Postfix writes keys with a trailing NUL, unless it is told not to."""
    build_index(f"{tmp_path}/one.db", [("key", "value")])
    build_index(f"{tmp_path}/two.lmdb", [("key", "value")], null=False)
    assert maps(f"hash:{tmp_path}/one").lookup("KEY") == "value"
    assert maps(f"lmdb:{tmp_path}/two").lookup("key") == "value"


def test_two_tables_of_one_index_live_side_by_side(tmp_path: Path) -> None:
    """alias_maps and local_recipient_maps name the same file."""
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    first, second = maps(f"hash:{tmp_path}/a"), maps(f"btree:{tmp_path}/a")
    assert first.lookup("root") == second.lookup("root") == "alice"


def test_open_index_keeps_its_content_while_a_new_one_is_put_in_place(tmp_path: Path) -> None:
    """A rebuild is a rename: the reader sees the old table whole, and hears that it changed."""
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    old = maps(f"hash:{tmp_path}/a")
    assert not old.has_changed()
    build_index(f"{tmp_path}/a.db", [("root", "bob")])
    assert old.lookup("root") == "alice"
    assert old.has_changed()
    assert maps(f"hash:{tmp_path}/a").lookup("root") == "bob"


def test_index_replaced_while_it_is_opened_is_opened_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its second table would otherwise find the file taken, and be out of order for good."""
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    open_environment = lmdb.open
    rebuilds = [[("root", "bob")], [("root", "carol")]]

    def open_late(path: str, **options: Any) -> lmdb.Environment:
        if path == f"{tmp_path}/a.db" and rebuilds:
            build_index(path, rebuilds.pop(0))
        return open_environment(path, **options)

    monkeypatch.setattr(lmdb, "open", open_late)
    first, second = maps(f"hash:{tmp_path}/a"), maps(f"btree:{tmp_path}/a")
    assert first.lookup("root") == second.lookup("root") == "carol"
    assert not first.has_changed()


def test_index_replaced_by_a_damaged_one_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the file that is there that counts: the reason is its own."""
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    open_environment = lmdb.open

    def open_late(path: str, **options: Any) -> lmdb.Environment:
        (tmp_path / "other").write_bytes(bytes(12) + (0x00061561).to_bytes(4, "little") + bytes(8176))
        (tmp_path / "other").rename(path)
        return open_environment(path, **options)

    monkeypatch.setattr(lmdb, "open", open_late)
    with pytest.raises(TableError, match="Berkeley DB file"):
        maps(f"hash:{tmp_path}/a").lookup("root")


def test_index_older_than_its_source_gives_a_warning(tmp_path: Path) -> None:
    """Postfix's words; a source of the last minutes is left alone."""
    source = tmp_path / "a"
    source.write_text("a b\n")
    build_index(f"{source}.db", [("a", "b")])
    os.utime(f"{source}.db", (1000, 1000))
    os.utime(source, (2000, 2000))
    config = Config.from_text("")
    open_maps(f"hash:{source}", "test_maps", config)
    assert config.warnings == [f"database {source}.db is older than source file {source}"]


def test_berkeley_db_is_refused_with_a_remedy(tmp_path: Path) -> None:
    """The .db that a real Postfix left behind."""
    (tmp_path / "a.db").write_bytes(bytes(12) + (0x00061561).to_bytes(4, "little") + bytes(8176))
    with pytest.raises(TableError, match=r"Berkeley DB file, which pyfix does not read; build it with \"postmap hash:"):
        maps(f"hash:{tmp_path}/a").lookup("x")


def test_truncated_index_is_refused(tmp_path: Path) -> None:
    """Reading past its end would kill the process."""
    build_index(f"{tmp_path}/a.db", [(f"key{number}", "v" * 100) for number in range(1000)])
    os.truncate(f"{tmp_path}/a.db", 16384)
    with pytest.raises(TableError, match="truncated"):
        maps(f"hash:{tmp_path}/a").lookup("key1")


def test_large_index_grows_past_its_first_size(tmp_path: Path) -> None:
    """More than the first map holds, in several transactions."""
    build_index(f"{tmp_path}/big.db", ((f"key{number}", "v" * 400) for number in range(50_000)))
    table = maps(f"hash:{tmp_path}/big")
    assert table.lookup("key0") == table.lookup("key49999") == "v" * 400
    assert table.lookup("key50000") is None


def test_key_that_no_index_can_hold_is_not_found(tmp_path: Path) -> None:
    """LMDB knows no empty and no very long keys."""
    build_index(f"{tmp_path}/a.db", [("a", "b")])
    table = maps(f"hash:{tmp_path}/a")
    assert table.lookup("") is None
    assert table.lookup("x" * 1000) is None


def test_unknown_type_names_the_parameter_and_its_place() -> None:
    """What is refused at start says where to look."""
    config = Config.from_text("test_maps = foo:/x\n")
    with pytest.raises(ConfigError, match=r"main.cf, line 1: test_maps: unsupported dictionary type: foo\."):
        open_maps("foo:/x", "test_maps", config)


def test_find_tells_which_table_had_the_key(tmp_path: Path) -> None:
    """local runs the commands of an alias with the rights of the table's owner."""
    (tmp_path / "t").write_text("a b\n")
    found = maps(f"inline:{{x=y}} texthash:{tmp_path}/t").find("a")
    assert found is not None
    assert (found.value, found.table.owner) == ("b", os.getuid())


def test_index_that_was_open_at_a_fork_can_be_opened_by_the_child(tmp_path: Path) -> None:
    """LMDB opens a file once a process, and does not notice that the child is another."""
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    parent = maps(f"hash:{tmp_path}/a")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if maps(f"hash:{tmp_path}/a").lookup("root") == "alice" else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert parent.lookup("root") == "alice"


def test_leftovers_of_a_killed_build_are_removed_by_the_next(tmp_path: Path) -> None:
    """Only those: not the scratch file of a build that runs, nor what merely looks like one."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    kept = [f"a.db.new.{os.getppid()}", "a.db.new.x", f"b.db.new.{pid}", f"a.db.new.{10**30}", "a.db.new."]
    for name in [*kept, f"a.db.new.{pid}"]:
        (tmp_path / name).write_text("")
    build_index(f"{tmp_path}/a.db", [("root", "alice")])
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "a.db"])


_READER = """
import sys
from pyfix.mail.config import Config
from pyfix.mail.maps import open_maps

def own_kib():
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Anonymous:"))

tables = open_maps(sys.argv[1], "test_maps", Config.from_text(""))
assert tables.lookup("key0") == "value0"
before = own_kib()
for number in range(0, int(sys.argv[2]), int(sys.argv[2]) // 500):
    assert tables.lookup(f"key{number}") == f"value{number}"
print(own_kib() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="needs /proc/PID/smaps_rollup")
@pytest.mark.parametrize("kind", ["hash", "cdb"])
def test_reader_needs_no_more_memory_for_a_large_table(kind: str, tmp_path: Path) -> None:
    """It maps the file: what it has asked for is not kept."""
    count = 50_000
    (tmp_path / "t").write_text("".join(f"key{number} value{number}\n" for number in range(count)))
    warnings: list[str] = []
    target = Target(kind, f"{tmp_path}/t")
    build(target, lambda lines, name, warn: map_entries(lines, name, warn), BuildOptions(), warnings.append)
    done = subprocess.run(
        [sys.executable, "-c", _READER, target.spec, str(count)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stderr, warnings) == ("", [])
    assert int(done.stdout) < 512


def test_file_that_is_removed_has_changed(tmp_path: Path) -> None:
    """Whoever takes a table away does not want it to be asked any more; one that was moved aside is still there."""
    path = tmp_path / "t"
    path.write_text("a b\n")
    table = maps(f"texthash:{path}")
    path.rename(tmp_path / "t~")
    assert not table.has_changed()
    (tmp_path / "t~").unlink()
    assert table.has_changed()
